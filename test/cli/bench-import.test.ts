/**
 * `ringwire bench import`: what tinybench and node:bench really write, planted failures, and that `compare` judges the outcome.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { Bench } from 'tinybench';
import { readResults, type Results } from '../../src/bench/results.ts';
import { file, folder, removeFolder, ringwire } from './support.ts';

after(removeFolder);

function imported(...files: string[]): Results {
  const { code, out, err } = ringwire(['bench', 'import', ...files]);
  assert.equal(code, 0, err);
  return readResults(file('imported.json', out));
}

function refusal(content: unknown, ...more: string[]): string {
  const { code, out, err } = ringwire(['bench', 'import', file('refused', content), ...more]);
  assert.equal(code, 2, out);
  assert.equal(out, '');
  assert.match(err, /cannot be imported: .* \(ERR_RINGWIRE_BENCH_FILE\)\n$/);
  return err;
}

/** A tinybench task as its JSON. */
function task(name: string, samples: readonly number[], changes: object = {}): object {
  const latency = { p50: samples[0], samples };
  return {
    name,
    result: { state: 'completed', latency, runtime: 'node', runtimeVersion: '24.1.0', ...changes },
  };
}

/** The lines of a node:bench run. */
function nodeBench(
  samples: readonly [operations: number, nanoseconds: string][],
  changes: object = {},
): string {
  const data = {
    namePath: ['outer', 'plain'],
    params: { kind: 'short', size: 1000 },
    samples: samples.map(([operations, duration]) => ({ operations, duration_ns: duration, rate: 0 })),
    ...changes,
  };
  return [
    { type: 'bench:plan', data: { namePath: data.namePath } },
    { type: 'bench:complete', data },
    { type: 'bench:complete', data: { namePath: ['left out'], params: {}, samples: [], skip: true } },
    { type: 'bench:summary', data: { success: !('error' in data) } },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

test('a real tinybench run, with samples and without', async () => {
  for (const retainSamples of [true, false]) {
    const bench = new Bench({ time: 5, iterations: 40, warmup: false, retainSamples });
    bench.add('roots', () => Array.from({ length: 1_000 }, (_, index) => Math.sqrt(index)), { async: false });
    await bench.run();
    const tasks = bench.tasks.map(({ name, result }) => ({ name, result }));
    const { rows, machine } = imported(file('tiny.json', tasks));
    const [row] = rows;
    assert.ok(row !== undefined);
    assert.deepEqual([row.id, row.unit, row.better], ['roots', 'us', 'lower']);
    assert.equal(row.samples.length, retainSamples ? 30 : 1);
    assert.equal(machine.node, process.version);
    const [first] = bench.results as { latency: { p50: number; min: number; max: number } }[];
    for (const sample of row.samples)
      assert.ok(sample >= (first?.latency.min ?? 0) * 1000 && sample <= (first?.latency.max ?? 0) * 1000);
    if (!retainSamples) assert.equal(row.samples[0], (first?.latency.p50 ?? 0) * 1000);
  }
});

test('an object with the names as keys, few samples as they are, many as evenly spread quantiles', () => {
  const { result } = task('', [0.5, 0.25]) as { result: object };
  assert.deepEqual(imported(file('object.json', { short: { result } })).rows, [
    { id: 'short', unit: 'us', better: 'lower', samples: [500, 250] },
  ]);
  const many = Array.from({ length: 3000 }, (_, index) => (index + 0.5) / 1000);
  const [row] = imported(file('many.json', [task('many', many)])).rows;
  assert.equal(row?.samples.length, 30);
  row.samples.forEach((sample, index) =>
    assert.ok(Math.abs(sample - 100 * (index + 0.5)) < 2, String(sample)),
  );
});

test('several files: each is a round, with its median', () => {
  const files = [1, 2, 3].map((level) =>
    file(`round-${level}.json`, [task('a', [level, level, 9 * level]), task('b', [level])]),
  );
  const { rows, machine } = imported(...files);
  assert.deepEqual(
    rows.map(({ id, samples }) => [id, samples]),
    [
      ['a', [1000, 2000, 3000]],
      ['b', [1000, 2000, 3000]],
    ],
  );
  assert.equal(machine.node, 'v24.1.0');
  const other = file('other.json', [task('a', [1])]);
  assert.match(
    refusal([task('a', [1]), task('b', [1])], other),
    /it has the rows a, the first file has a, b/,
  );
  const older = file('older.json', [task('a', [1], { runtimeVersion: '22.0.0' })]);
  assert.match(refusal([task('a', [1])], older), /on Node v22\.0\.0, the first file on v24\.1\.0/);
});

test('the lines of node:bench', () => {
  const lines = nodeBench([
    [20_000, '1000000'],
    [20_000, '500000'],
  ]);
  assert.deepEqual(imported(file('node.ndjson', lines)).rows, [
    {
      id: 'outer/plain/kind=short/size=1000',
      unit: 'operations/s',
      better: 'higher',
      samples: [20_000_000, 40_000_000],
    },
  ]);
});

const NO_NODE_BENCH: string | false =
  !process.allowedNodeEnvironmentFlags.has('--experimental-bench') && 'this Node has no node:bench';

test('a real run of node:bench', { skip: NO_NODE_BENCH }, () => {
  const program = file(
    'real.mjs',
    `import { bench } from 'node:bench';
     bench('roots', { params: { size: 7 } }, (b) => {
       let sum = 0;
       b.start();
       for (let step = 0; step < 50_000; step++) sum += Math.sqrt(step);
       b.end(50_000);
       return sum;
     });`,
  );
  const flags = ['--experimental-bench', '--bench', '--bench-reporter=json', '--bench-samples=4'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, program], { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  const [row] = imported(file('real.ndjson', stdout)).rows;
  assert.equal(row?.id, 'roots/size=7');
  assert.equal(row.samples.length, 4);
});

test('compare judges what was imported', () => {
  const rounds = Array.from({ length: 12 }, (_, round) => 1 + round / 100);
  const base = path.join(folder, 'base.json');
  const head = path.join(folder, 'head.json');
  const slower = rounds.map((each) => each * 1.5);
  fs.writeFileSync(base, ringwire(['bench', 'import', file('b.json', [task('a', rounds)])]).out);
  fs.writeFileSync(head, ringwire(['bench', 'import', file('h.json', [task('a', slower)])]).out);
  const { code, out } = ringwire(['bench', 'compare', base, head]);
  assert.equal(code, 1, out);
  assert.match(out, /\| a \| slower \| 0\.66/);
  assert.equal(ringwire(['bench', 'compare', base, base]).code, 0);
});

test('what is no whole result is refused with the reason', () => {
  assert.match(refusal('{'), /it is not JSON/);
  assert.match(refusal('7'), /it holds no finished benchmark/);
  assert.match(refusal([{ name: 'a' }]), /it is neither a list nor an object of tinybench's/);
  assert.match(refusal([task('a', [1], { state: 'errored' })]), /'a' is "errored", not completed/);
  assert.match(refusal([task('a', [1], { state: undefined })]), /'a' has no state: it is not of tinybench 6/);
  assert.match(refusal([task('a', [1], { latency: {} })]), /'a' has no latency in numbers/);
  assert.match(
    refusal([task('a', [1, 0])]),
    /'a' has samples that are no time: was it too short for the clock/,
  );
  assert.match(refusal([task('a', [1]), task('a', [1])]), /it has more than one 'a'/);
  const versions = [task('a', [1]), task('b', [1], { runtimeVersion: '22.0.0' })];
  assert.match(refusal(versions), /different versions of Node/);
  const whole = nodeBench([[1, '1']]);
  assert.match(
    refusal(whole.replace(/\{"type":"bench:summary.*\n/, '')),
    /it has no summary: the run was cut off/,
  );
  assert.match(
    refusal(nodeBench([], { error: { name: 'Error' } })),
    /not all of its benchmarks succeeded: outer\/plain/,
  );
  assert.match(refusal(nodeBench([[1, '0']])), /samples that are no time/);
  assert.match(refusal(`${whole}{`), /it is not JSON/);
});

test('mistakes and help', () => {
  assert.match(ringwire(['bench', 'import']).err, /^ringwire: a file is missing/);
  const { code, err } = ringwire(['bench', 'import', path.join(folder, 'none.json')]);
  assert.equal(code, 2);
  assert.match(err, /cannot be imported: it cannot be read/);
  assert.match(ringwire(['bench', 'import', '--help']).out, /^Usage: ringwire bench import/);
});
