/**
 * `ringwire bench run` at its smallest size: contestants, shapes and transports are measured by real processes, and what it writes is what
 * `compare` reads.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { CONTESTANTS } from '../../src/bench/contestants.ts';
import { readHistory } from '../../src/bench/history.ts';
import { readResults } from '../../src/bench/results.ts';
import { runScenarios } from '../../src/bench/run.ts';
import { type Scenario, SCENARIOS, SHAPES } from '../../src/bench/scenarios.ts';
import { projectRoot } from '../support/project.ts';
import { CLI, file, folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

test('every row: a sample, kept in a file that compare reads', () => {
  assert.deepEqual(new Set(SCENARIOS.map((each) => each.shape)), new Set(Object.keys(SHAPES)));
  // The yardstick of the gate, which has its own tests, is in no row.
  assert.deepEqual(
    new Set([...SCENARIOS.map((each) => each.contestant), 'yardstick']),
    new Set(CONTESTANTS.map(({ name }) => name)),
  );
  const json = path.join(folder, 'all.json');
  const { code, out, err } = ringwire(['bench', 'run', '--smoke', '--rounds', '1', '--json', json]);
  assert.equal(code, 0, err);
  const { rows } = readResults(json);
  for (const { id, shape } of SCENARIOS) {
    const own = rows.filter((row) => row.id === id || row.id.startsWith(`${id}#`));
    assert.ok(
      own.every((row) => row.samples.length === 1),
      id,
    );
    assert.equal(
      own.some((row) => row.id === id),
      shape !== 'open',
      `${id} tells a rate unless a schedule sets it`,
    );
    const percentiles = own.filter((row) => /#(?:p50|p90|p99|p99\.9|max)$/.test(row.id));
    const expected = shape === 'echo' || shape === 'open' ? 5 : 0;
    assert.equal(percentiles.length, expected, id);
    assert.deepEqual(
      percentiles.map((row) => row.samples[0]),
      percentiles.map((row) => row.samples[0] as number).toSorted((a, b) => a - b),
      `${id}: percentiles rise`,
    );
    assert.ok(shape === 'echo' ? out.includes(`| ${id}#p50 |`) : out.includes(`| ${id}`), id);
  }
  const echo = SCENARIOS.find((each) => each.shape === 'echo')?.id;
  for (const role of ['server', 'client'])
    for (const cost of [
      'cpu',
      'gc',
      'gc-time',
      'rss',
      ...(process.platform === 'linux' ? ['reads', 'writes'] : []),
    ])
      assert.ok(
        rows.some((row) => row.detail && row.id === `${echo}#${role}-${cost}`),
        `${role} ${cost}`,
      );
  assert.ok(!out.includes('#server-cpu'), 'details are in the file');
  assert.equal(
    err.split('\n').filter((line) => /^ *\d+\/\d+ /.test(line)).length,
    SCENARIOS.length,
    'plain lines of progress',
  );
  const compared = ringwire(['bench', 'compare', json, json]);
  assert.equal(compared.code, 0);
  const judged = rows.filter((row) => !row.detail);
  assert.equal(compared.out.match(/ \| 1\.000 \| .* \| 1\.0000 \| 1 \|$/gm)?.length, judged.length);
  const detailed = ringwire(['bench', 'compare', '--details', json, json]);
  assert.ok((detailed.out.match(/^\| /gm)?.length ?? 0) > judged.length + 10);
});

test('patterns, rounds, details and sizes take effect', () => {
  const json = path.join(folder, 'one.json');
  const args = ['--smoke', '--rounds', '3', '--details', '--json', json, 'raw-frame/64B/echo-64'];
  const { code, out } = ringwire(['bench', 'run', ...args]);
  assert.equal(code, 0);
  const { rows } = readResults(json);
  assert.deepEqual(new Set(rows.map((row) => row.id.split('#')[0])), new Set(['unix/raw-frame/64B/echo-64']));
  // Heap is told of rounds without a collection only.
  for (const row of rows) if (!row.id.endsWith('-heap')) assert.equal(row.samples.length, 3, row.id);
  assert.match(out, /#server-cpu \|/);
  const history = path.join(folder, 'history.ndjson');
  for (let time = 0; time < 2; time++)
    ringwire(['bench', 'run', '--smoke', '--rounds', '1', '--history', history, 'unix/net/64B/echo']);
  assert.deepEqual(
    readHistory(history).map((entry) => entry.rows.filter((row) => !row.detail).map((row) => row.id)),
    [
      ['unix/net/64B/echo#p50', 'unix/net/64B/echo#p99'],
      ['unix/net/64B/echo#p50', 'unix/net/64B/echo#p99'],
    ],
  );
  const list = ringwire(['bench', 'run', '--list', 'unix/msgpack/sensor', 'tls/net']).out.trim().split('\n');
  assert.deepEqual(list, ['unix/msgpack/sensor/one-way', 'tls/net/64KiB/one-way']);
});

test('a payload of your own travels on each wire that can carry it', () => {
  const json = path.join(folder, 'own.json');
  const payload = file('payload.json', { order: [1, 2, 3], note: 'grün' });
  const args = ['--smoke', '--rounds', '1', '--payload', payload, '--json', json];
  const { code, err } = ringwire(['bench', 'run', ...args]);
  assert.equal(code, 0, err);
  const ids = readResults(json).rows.map((row) => row.id);
  for (const wire of ['node-ipc', 'drop-in', 'json', 'msgpack', 'ndjson'])
    assert.ok(ids.includes(`unix/${wire}/payload/one-way`), wire);
});

test('scenarios and contestants of your own', () => {
  const json = path.join(folder, 'module.json');
  // A contestant without any socket: each message it is asked to send is one that arrives.
  const orders = file(
    'orders.mjs',
    `import net from 'node:net';
    const mine = {
      name: 'mine',
      missing: () => undefined,
      serve: (job, events) => new Promise((resolve) => {
        const server = net.createServer((socket) => socket.on('data', (chunk) => events.received(socket, chunk.length)));
        server.listen(job.address, () => resolve({ address: job.address, send: () => true, close: () => server.close() }));
      }),
      connect: async (job, events) => {
        const socket = net.connect(job.address, () => events.opened(socket));
        return { address: job.address, send: () => socket.write('x'), close: () => socket.destroy() };
      },
    };
    export const contestants = [mine];
    export const scenarios = [
      { name: 'order', data: { id: 7, lines: ['a', 'b'] }, contestants: ['msgpack', 'mine'], count: 2000 },
      { name: 'ping', data: 16, contestants: ['raw-copy'], shape: 'echo', inFlight: 4 },
    ];`,
  );
  const { code, err } = ringwire([
    'bench',
    'run',
    '--smoke',
    '--rounds',
    '1',
    '--scenario',
    orders,
    '--json',
    json,
  ]);
  assert.equal(code, 0, err);
  const ids = readResults(json)
    .rows.map((row) => row.id)
    .filter((id) => !id.includes('#'));
  assert.deepEqual(ids, ['unix/msgpack/order/one-way', 'unix/mine/order/one-way', 'unix/raw-copy/ping/echo']);
});

function module(scenario: object): string[] {
  const text = JSON.stringify(scenario);
  return ['--scenario', file(`${text.length}.mjs`, `export const scenarios = [${text}];`)];
}

test('mistakes are told before anything is measured', () => {
  const good = { name: 'a', data: 8, contestants: ['net'] };
  const cases = [
    [['--smoke', '--full'], '--smoke and --full exclude each other'],
    [['--payload', 'a', '--scenario', 'b'], '--payload and --scenario exclude each other'],
    [['--rounds', '0'], "--rounds is a number from 1 on, not '0'"],
    [['nothing-like-this'], 'no row has nothing-like-this in its name'],
    [['--payload', path.join(folder, 'none.json')], 'cannot be read'],
    [['--payload', file('number.json', '7')], 'neither an object nor an array'],
    [['--payload', file('broken.json', '{')], 'is not JSON'],
    [['--scenario', path.join(folder, 'none.mjs')], 'it cannot be imported'],
    [['--scenario', file('nothing.mjs', 'export {};')], "it exports no list 'scenarios'"],
    [['--scenario', file('empty.mjs', 'export const scenarios = [];')], 'is empty'],
    [module({ ...good, name: '../up' }), 'is no name'],
    [module({ ...good, data: 'text' }), 'neither a value that JSON can say nor a number of bytes'],
    [module({ ...good, shape: 'sideways' }), "there is no shape 'sideways', only one-way"],
    [module({ ...good, transport: 'pigeon' }), "there is no transport 'pigeon', only unix, tcp, tls"],
    [module({ ...good, contestants: [] }), 'names no contestants'],
    [module({ ...good, contestants: ['nobody'] }), "there is no contestant 'nobody'"],
    [module({ ...good, count: 0.5 }), 'count is a whole number from 1 on'],
    [module({ ...good, shape: 'open' }), 'an open loop needs perSecond'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'run', ...args]));
  for (const [at, [, message]] of cases.entries()) {
    const { code, err } = outcomes[at] as Outcome;
    assert.equal(code, message.includes('nobody') ? 4 : 2, err);
    assert.ok(err.includes(message), err);
  }
});

const WRONG: Scenario = {
  id: 'wrong',
  transport: 'unix',
  contestant: 'raw-copy',
  shape: 'one-way',
  data: { not: 'bytes' },
  count: 2_000,
};

test('a measurement that fails gives no result', async () => {
  const options = { rounds: 1, share: 1, progress: () => {} };
  await assert.rejects(runScenarios([WRONG], options), { code: 'ERR_RINGWIRE_BENCH_RUN' });
});

/** A contestant whose server hears `arrived` of each message that is sent. */
function liar(name: string, arrived: string): string {
  return file(
    `${name}.mjs`,
    `import net from 'node:net';
    export const contestants = [{
      name: 'liar',
      missing: () => undefined,
      serve: (job, events) => new Promise((resolve) => {
        let seen = 0;
        const server = net.createServer((socket) => socket.on('data', (chunk) => {
          for (const byte of chunk) { seen++; ${arrived} }
        }));
        server.listen(job.address, () => resolve({ address: job.address, send: () => true, close: () => server.close() }));
      }),
      connect: async (job, events) => {
        const socket = net.connect(job.address, () => events.opened(socket));
        return { address: job.address, send: () => socket.write('x'), close: () => socket.destroy() };
      },
    }];
    export const scenarios = [{ name: 'lie', data: 1, contestants: ['liar'], count: 1000 }];`,
  );
}

test('messages too many, or a handler that fails, end a run with exit code 4', () => {
  for (const [name, arrived, message] of [
    ['twice', 'events.received(socket, seen === 5 ? 2000 : 1);', '2004 messages where there are 1100'],
    [
      'throws',
      "if (seen === 5) throw new Error('not what was sent'); events.received(socket, 1);",
      'not what was sent',
    ],
  ] as const) {
    const { code, err } = ringwire([
      'bench',
      'run',
      '--smoke',
      '--rounds',
      '1',
      '--scenario',
      liar(name, arrived),
    ]);
    assert.equal(code, 4, err);
    assert.ok(err.includes(message), err);
  }
});

test(
  'an interrupted run keeps what was measured until then',
  { skip: process.platform === 'win32' },
  async () => {
    const json = path.join(folder, 'interrupted.json');
    const args = ['bench', 'run', '--smoke', '--rounds', '500', '--json', json, 'unix/raw-frame/64B/one-way'];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let progress = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      progress += text;
      if (progress.includes('  3/500 ')) child.kill('SIGINT');
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 130);
    const [row] = readResults(json).rows;
    assert.ok((row?.samples.length ?? 0) >= 2);
  },
);

test('what is not installed is skipped with the reason', () => {
  const alone = path.join(folder, 'alone');
  fs.cpSync(path.join(projectRoot(), 'build', 'src'), path.join(alone, 'src'), { recursive: true });
  const msgpackr = path.join('node_modules', 'msgpackr');
  fs.cpSync(path.join(projectRoot(), msgpackr), path.join(alone, msgpackr), { recursive: true });
  fs.writeFileSync(path.join(alone, 'package.json'), '{"type":"module"}');
  const patterns = ['node-ipc/sensor/one', 'unix/json', 'ws/sensor/one', 'zeromq/64B/one', 'unix/c/64B'];
  const cli = path.join(alone, 'src', 'cli', 'ringwire.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cli, 'bench', 'run', '--smoke', '--rounds', '1', ...patterns],
    { encoding: 'utf8', cwd: alone, env: { ...process.env, PATH: path.join(alone, 'nothing') } },
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^unix\/node-ipc\/sensor\/one-way is skipped: @achrinza\/node-ipc is not installed$/m);
  assert.match(stderr, /^unix\/ws\/sensor\/one-way is skipped: ws is not installed$/m);
  assert.match(stderr, /^unix\/zeromq\/64B\/one-way is skipped: zeromq is not installed$/m);
  assert.match(
    stderr,
    /^unix\/c\/64B\/one-way is skipped: the C peers are in the repository, not in the package$/m,
  );
  assert.ok(!stdout.includes('node-ipc'));
  assert.match(stdout, /unix\/json/);
});
