/**
 * The history as a file and as rows over time.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { DEFAULT_CHANGE } from '../../src/bench/change-points.ts';
import { appendHistory, readHistory } from '../../src/bench/history.ts';
import { isWorse, trendsOf } from '../../src/bench/trends.ts';
import { exampleHistory, exampleResults, MACHINE } from '../support/results.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-history-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const RATE = 'unix/raw-frame/64B/one-way';
const LATENCY = 'unix/raw-frame/64B/echo#p50';
const wanted = (id: string): boolean => id === RATE || id === LATENCY;

test('what is appended is read, in its order', () => {
  const file = path.join(folder, 'grows.ndjson');
  const entries = exampleHistory(3, undefined, wanted);
  for (const entry of entries) appendHistory(file, entry);
  assert.deepEqual(readHistory(file), entries);
  assert.equal(fs.readFileSync(file, 'utf8').split('\n').length, 4);
});

test('a broken line is refused with its number, the next result starts a line of its own', () => {
  const file = path.join(folder, 'broken.ndjson');
  const [first, second] = exampleHistory(2, undefined, wanted);
  assert.ok(first !== undefined && second !== undefined);
  appendHistory(file, first);
  fs.appendFileSync(file, '{"format":"ringwire-b');
  const refusal = { code: 'ERR_RINGWIRE_BENCH_FILE', message: /line 2 is not JSON/ };
  assert.throws(() => readHistory(file), refusal);
  appendHistory(file, second);
  assert.throws(() => readHistory(file), refusal);
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  fs.writeFileSync(file, lines.toSpliced(1, 1).join('\n'));
  assert.deepEqual(readHistory(file), [first, second]);
  fs.appendFileSync(file, '{"format":"other"}\n');
  assert.throws(() => readHistory(file), { message: /line 3: it does not say "format"/ });
});

test('a history that is empty or missing is refused', () => {
  const file = path.join(folder, 'empty.ndjson');
  assert.throws(() => readHistory(file), { message: /cannot be read/ });
  fs.writeFileSync(file, '\n');
  assert.throws(() => readHistory(file), { message: /it is empty/ });
});

test('results of other machines are counted, not compared', () => {
  const other = { ...MACHINE, node: 'v20.0.0' };
  const alien = exampleResults({ machine: other, wanted, level: () => 100 });
  const mine = exampleHistory(20, undefined, wanted);
  const trends = trendsOf([...mine.slice(0, 10), alien, ...mine.slice(10)], MACHINE, DEFAULT_CHANGE);
  assert.equal(trends.results, 20);
  assert.equal(trends.others, 1);
  assert.deepEqual(
    trends.rows.map(({ id, points, changes }) => [id, points.length, changes.length]),
    [
      [RATE, 20, 0],
      [LATENCY, 20, 0],
    ],
  );
});

test('a ratio above 1 is better in either unit, and the newest change counts', () => {
  const doubled = exampleHistory(20, (_, day) => (day < 10 ? 1 : 2), wanted);
  const [rate, latency] = trendsOf(doubled, MACHINE, DEFAULT_CHANGE).rows;
  assert.ok(rate !== undefined && latency !== undefined);
  assert.ok(Math.abs((rate.changes[0]?.ratio ?? 0) - 2) < 0.05);
  assert.ok(Math.abs((latency.changes[0]?.ratio ?? 0) - 0.5) < 0.02);
  assert.equal(rate.changes[0]?.date, doubled[10]?.date);
  assert.deepEqual([isWorse(rate), isWorse(latency)], [false, true]);
  const back = exampleHistory(30, (_, day) => (day < 10 || day >= 20 ? 1 : 2), wanted);
  assert.deepEqual(trendsOf(back, MACHINE, DEFAULT_CHANGE).rows.map(isWorse), [true, false]);
});

test('rows that the newest result lacks are left out', () => {
  const history = [...exampleHistory(5, undefined, wanted), exampleResults({ wanted: (id) => id === RATE })];
  assert.deepEqual(
    trendsOf(history, MACHINE, DEFAULT_CHANGE).rows.map(({ id }) => id),
    [RATE],
  );
});
