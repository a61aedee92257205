/**
 * `ringwire bench run` at its smallest size: every row is measured by real processes, and what it writes is what `compare` reads.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { readResults } from '../../src/bench/results.ts';
import { runScenarios } from '../../src/bench/run.ts';
import { SCENARIOS } from '../../src/bench/scenarios.ts';
import { projectRoot } from '../support/project.ts';
import { file, folder, removeFolder, ringwire } from './support.ts';

after(removeFolder);

test('every row, two rounds: a sample of each, kept in a file that compare reads', () => {
  const json = path.join(folder, 'all.json');
  const { code, out, err } = ringwire(['bench', 'run', '--smoke', '--json', json]);
  assert.equal(code, 0, err);
  const { rows } = readResults(json);
  assert.equal(rows.length, 2 * SCENARIOS.length, 'speed and processor time, or two percentiles');
  for (const { id } of SCENARIOS) {
    const own = rows.filter((row) => row.id === id || row.id.startsWith(`${id}#`));
    assert.equal(own.length, 2, id);
    for (const row of own) assert.equal(row.samples.length, 2, row.id);
    assert.ok(out.includes(`| ${id}`), id);
  }
  assert.equal(
    err.trim().split('\n').length,
    2 * SCENARIOS.length,
    'one plain line of progress for each measurement',
  );
  const compared = ringwire(['bench', 'compare', json, json]);
  assert.equal(compared.code, 0);
  assert.equal(compared.out.match(/ \| 1\.000 \| .* \| 1\.0000 \| 2 \|$/gm)?.length, rows.length);
});

test('patterns, rounds and sizes take effect', () => {
  const json = path.join(folder, 'one.json');
  assert.equal(
    ringwire(['bench', 'run', '--smoke', '--rounds', '3', '--json', json, 'raw/64B/echo']).code,
    0,
  );
  const { rows } = readResults(json);
  assert.deepEqual(
    rows.map((row) => [row.id, row.samples.length]),
    [
      ['unix/raw/64B/echo#p50', 3],
      ['unix/raw/64B/echo#p99', 3],
    ],
  );
  const list = ringwire(['bench', 'run', '--list', 'msgpack', 'echo']).out.trim().split('\n');
  assert.deepEqual(list, ['unix/msgpack/sensor/one-way', 'unix/net/64B/echo', 'unix/raw/64B/echo']);
});

test('a payload of your own travels on each wire that can carry it', () => {
  const json = path.join(folder, 'own.json');
  const payload = file('payload.json', { order: [1, 2, 3], note: 'grün' });
  const { code, err } = ringwire([
    'bench',
    'run',
    '--smoke',
    '--rounds',
    '1',
    '--payload',
    payload,
    '--json',
    json,
  ]);
  assert.equal(code, 0, err);
  const ids = readResults(json).rows.map((row) => row.id);
  for (const wire of ['node-ipc', 'drop-in', 'json', 'msgpack'])
    assert.ok(ids.includes(`unix/${wire}/payload/one-way`), wire);
});

test('mistakes are told before anything is measured', () => {
  for (const [args, message] of [
    [['--smoke', '--full'], '--smoke and --full exclude each other'],
    [['--rounds', '0'], "--rounds is a number from 1 on, not '0'"],
    [['nothing-like-this'], 'no row has nothing-like-this in its name'],
    [['--payload', path.join(folder, 'none.json')], 'cannot be read'],
    [['--payload', file('number.json', '7')], 'neither an object nor an array'],
    [['--payload', file('broken.json', '{')], 'is not JSON'],
  ] as const) {
    const { code, err } = ringwire(['bench', 'run', ...args]);
    assert.equal(code, 2);
    assert.ok(err.includes(message), err);
  }
});

test('a measurement that fails gives no result', async () => {
  const scenario = {
    id: 'wrong',
    shape: 'one-way',
    wire: 'raw',
    receive: 'copy',
    data: { not: 'bytes' },
    count: 2_000,
  } as const;
  await assert.rejects(runScenarios([scenario], { rounds: 1, share: 1, progress: () => {} }), {
    code: 'ERR_RINGWIRE_BENCH_RUN',
  });
});

test('the original, where it is not installed, is skipped with the reason', () => {
  const alone = path.join(folder, 'alone');
  fs.cpSync(path.join(projectRoot(), 'build', 'src'), path.join(alone, 'src'), { recursive: true });
  const msgpackr = path.join('node_modules', 'msgpackr');
  fs.cpSync(path.join(projectRoot(), msgpackr), path.join(alone, msgpackr), { recursive: true });
  fs.writeFileSync(path.join(alone, 'package.json'), '{"type":"module"}');
  const args = ['bench', 'run', '--smoke', '--rounds', '1', 'node-ipc', 'unix/json'];
  const cli = path.join(alone, 'src', 'cli', 'ringwire.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    cwd: alone,
  });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^unix\/node-ipc\/sensor\/one-way is skipped: @achrinza\/node-ipc is not installed$/m);
  assert.ok(!stdout.includes('node-ipc'));
  assert.match(stdout, /unix\/json/);
});
