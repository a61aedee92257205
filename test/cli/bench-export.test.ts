/**
 * `ringwire bench export`: each format read back by what little of its grammar is needed; no row and no sample is lost on the way.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeResults, type Results } from '../../src/bench/results.ts';
import { file, folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

const SPEED = 'unix/raw-frame/64B/one-way';
const LATENCY = 'unix/net/64B/echo-64#p50';
const results: Results = makeResults([
  { id: SPEED, unit: 'messages/s', better: 'higher', samples: [3, 1.5, 2] },
  { id: LATENCY, unit: 'us', better: 'lower', samples: [40, 50] },
]);
const kept: string = file('result.json', results);

function exported(format: string, ...args: string[]): string {
  const { code, out, err } = ringwire(['bench', 'export', '--to', format, ...args]);
  assert.equal(code, 0, err);
  assert.equal(err, '');
  return out;
}

test('csv: a line per sample, quoted where needed', () => {
  assert.deepEqual(exported('csv', kept).split('\n'), [
    'id,unit,better,round,value',
    `${SPEED},messages/s,higher,1,3`,
    `${SPEED},messages/s,higher,2,1.5`,
    `${SPEED},messages/s,higher,3,2`,
    `${LATENCY},us,lower,1,40`,
    `${LATENCY},us,lower,2,50`,
    '',
  ]);
  const odd = makeResults([{ id: 'say "a, b"', unit: 'us', better: 'lower', samples: [1] }]);
  assert.match(exported('csv', file('odd.json', odd)), /^"say ""a, b""",us,lower,1,1$/m);
});

test('junit: a passed case per row, the figures as properties, markup escaped', () => {
  const xml = exported('junit', kept);
  assert.match(xml, /<testsuite name="ringwire bench" tests="2" failures="0" errors="0" skipped="0"/);
  assert.match(xml, /<testcase classname="unix\/raw-frame\/64B" name="one-way" time="0">/);
  assert.match(xml, /<testcase classname="unix\/net\/64B" name="echo-64#p50" time="0">/);
  assert.match(xml, /<property name="median" value="45"\/>/);
  assert.match(xml, /<property name="samples" value="3 1\.5 2"\/>/);
  const odd = makeResults([{ id: `<a&"b">\u0001\n`, unit: 'us', better: 'lower', samples: [1] }]);
  const escaped = exported('junit', file('odd.json', odd));
  assert.match(escaped, /<testcase classname="bench" name="&lt;a&amp;&quot;b&quot;&gt;\?&#10;"/);
  // Every element that opens is closed, in order.
  const open: string[] = [];
  for (const [, closing, name, own] of escaped.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (closing === '/') assert.equal(open.pop(), name);
    else if (own === '') open.push(name as string);
  }
  assert.deepEqual(open, []);
});

test('github-action-benchmark: one direction per file', () => {
  const { code, out, err } = ringwire(['bench', 'export', '--to', 'github-action-benchmark', kept]);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /choose with --better lower or --better higher \(ERR_RINGWIRE_BENCH_FILE\)/);
  const lower = JSON.parse(exported('github-action-benchmark', '--better', 'lower', kept)) as unknown;
  assert.deepEqual(lower, [
    {
      name: LATENCY,
      unit: 'us',
      value: 45,
      range: '± 5.00',
      extra: '95 % interval 40.00 to 50.00\n2 rounds',
    },
  ]);
  const higher = JSON.parse(exported('github-action-benchmark', '--better', 'higher', kept)) as unknown[];
  assert.equal(higher.length, 1);
});

test('bencher: benchmark, measure, value between two bounds', () => {
  assert.deepEqual(JSON.parse(exported('bencher', kept)), {
    [SPEED]: { throughput: { value: 2, lower_value: 1.5, upper_value: 3 } },
    'unix/net/64B/echo-64': { 'p50-us': { value: 45, lower_value: 40, upper_value: 50 } },
  });
  const twice = makeResults(
    ['a#p 50', 'a#p-50'].map((id) => ({ id, unit: 'us', better: 'lower', samples: [1] })),
  );
  const { code, err } = ringwire(['bench', 'export', '--to', 'bencher', file('twice.json', twice)]);
  assert.equal(code, 2);
  assert.match(err, /a has more than one p-50-us/);
});

test('benchstat: a line per sample, the direction of each unit', () => {
  const lines = exported('benchstat', kept).split('\n');
  assert.ok(lines.includes('Unit messages/s better=higher'));
  assert.ok(lines.includes('Unit us better=lower'));
  const { cores } = results.machine;
  assert.deepEqual(
    lines.filter((line) => line.startsWith('Benchmark')),
    [
      `BenchmarkRingwire/${SPEED}-${cores} 1 3 messages/s`,
      `BenchmarkRingwire/${SPEED}-${cores} 1 1.5 messages/s`,
      `BenchmarkRingwire/${SPEED}-${cores} 1 2 messages/s`,
      `BenchmarkRingwire/unix/net/64B/echo-64/metric=p50-${cores} 1 40 us`,
      `BenchmarkRingwire/unix/net/64B/echo-64/metric=p50-${cores} 1 50 us`,
    ],
  );
  for (const line of lines) assert.match(line, /^(?:[a-z]+: .+|Unit \S+ \S+|Benchmark\S+ 1 [\d.e+-]+ \S+|)$/);
  const both = makeResults([
    { id: 'a', unit: 'us', better: 'higher', samples: [1] },
    { id: 'b', unit: 'us', better: 'lower', samples: [1] },
  ]);
  const { code, err } = ringwire(['bench', 'export', '--to', 'benchstat', file('both.json', both)]);
  assert.equal(code, 2);
  assert.match(err, /a unit has one direction/);
});

test('mistakes: one clear line, exit code 2, nothing on stdout; help', () => {
  const cases = [
    [[], 'one result file is needed'],
    [[kept, kept], 'one result file is needed'],
    [[kept], '--to is missing: it takes csv, junit, github-action-benchmark, bencher, benchstat'],
    [['--to', 'toString', kept], "--to knows no 'toString'"],
    [['--to', 'csv', '--better', 'best', kept], "--better is higher or lower, not 'best'"],
    [['--to', 'csv', path.join(folder, 'none.json')], 'it cannot be read'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'export', ...args]));
  for (const [at, [args, message]] of cases.entries()) {
    const { code, out, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, args.join(' '));
    assert.equal(out, '');
    assert.ok(err.startsWith('ringwire: ') && err.includes(message), err);
  }
  assert.match(ringwire(['bench', 'export', '--help']).out, /^Usage: ringwire bench export/);
});
