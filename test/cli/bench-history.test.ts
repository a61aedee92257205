/**
 * `ringwire bench history` as people and CI call it: a process, a file, exit codes.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Trends } from '../../src/bench/trends.ts';
import { exampleHistory, exampleResults, MACHINE } from '../support/results.ts';
import { file, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

const RATE = 'unix/raw-frame/64B/one-way';
const LATENCY = 'unix/raw-frame/64B/echo#p50';

function history(
  name: string,
  level?: (id: string, day: number) => number,
  more: readonly object[] = [],
): string {
  const entries = [...more, ...exampleHistory(20, level, (id) => id === RATE || id === LATENCY)];
  return file(name, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

const steady = history('steady.ndjson');

test('without a change: a line per row, exit code 0', () => {
  const { code, out, err } = ringwire(['bench', 'history', steady]);
  assert.equal(code, 0, err);
  assert.match(out, /^Example CPU, 2 cores; Linux 6\.1; Node v24\.0\.0\n20 results\n\nno row has changed\n/);
  assert.match(out, /unix\/raw-frame\/64B\/one-way {3}[▁▂▃▄▅▆▇█]{20} {2}1\d\.\d M\/s\n/);
  assert.match(out, /unix\/raw-frame\/64B\/echo#p50 {2}[▁▂▃▄▅▆▇█]{20} {2}\d\d\.\d µs\n/);
});

test('the newest change decides: worse is 1, better and recovered are 0', () => {
  const slower = ringwire([
    'bench',
    'history',
    history('slower.ndjson', (id, day) => (id === RATE && day >= 14 ? 0.8 : 1)),
  ]);
  assert.equal(slower.code, 1);
  assert.match(
    slower.out,
    /\| unix\/raw-frame\/64B\/one-way \| 2026-09-15 10:00 \| 1\d\.\d M\/s -> 10\.\d M\/s \| 0\.[78]\d\d worse \| 0\.00\d \|/,
  );
  assert.match(slower.out, /one-way {3}[▆▇█]{14}[▁▂▃]{6} /);
  const faster = history('faster.ndjson', (id, day) => (id === LATENCY && day >= 10 ? 0.8 : 1));
  const better = ringwire(['bench', 'history', faster]);
  assert.equal(better.code, 0);
  assert.match(better.out, /echo#p50 \| .* \| 1\.2\d\d better \|/);
  const dip = history('dip.ndjson', (id, day) => (id === RATE && day >= 6 && day < 13 ? 0.8 : 1));
  const recovered = ringwire(['bench', 'history', dip]);
  assert.equal(recovered.code, 0, recovered.out);
  assert.match(recovered.out, /worse[^]*better/);
});

test('options and patterns take effect', () => {
  const slower = history('slower.ndjson', (id, day) => (id === RATE && day >= 14 ? 0.8 : 1));
  assert.equal(ringwire(['bench', 'history', slower, '--min-effect', '40']).code, 0);
  assert.equal(ringwire(['bench', 'history', slower, '--alpha', '0']).code, 0);
  assert.equal(ringwire(['bench', 'history', slower, 'echo']).code, 0);
  assert.equal(ringwire(['bench', 'history', slower, 'one-way', 'echo']).code, 1);
  const trends = JSON.parse(ringwire(['bench', 'history', slower, '--json', 'one-way']).out) as Trends;
  assert.deepEqual(
    trends.rows.map(({ id }) => id),
    [RATE],
  );
  assert.equal(trends.rows[0]?.points.length, 20);
  assert.equal(trends.rows[0]?.changes.length, 1);
});

test('results of other machines are said', () => {
  const other = exampleResults({ machine: { ...MACHINE, cpu: 'abacus' } });
  const { code, out } = ringwire(['bench', 'history', history('mixed.ndjson', undefined, [other, other])]);
  assert.equal(code, 0);
  assert.match(out, /\n20 results; 2 of other machines are left out\n/);
});

test('mistakes: one clear line, exit code 2, nothing on stdout', () => {
  const broken = file('broken.ndjson', `${JSON.stringify(exampleResults({ rounds: 1 }))}\n{"format":"ring`);
  const cases = [
    [[], 'a history file is needed'],
    [[steady, 'dance'], 'no row of the newest result has dance in its name'],
    [['--min-effect', 'x', steady], '--min-effect is a number'],
    [['--loud', steady], "Unknown option '--loud'"],
    [['missing.ndjson'], 'missing.ndjson is no bench history: it cannot be read'],
    [[broken], 'line 2 is not JSON'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'history', ...args]));
  for (const [at, [args, message]] of cases.entries()) {
    const { code, out, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, args.join(' '));
    assert.equal(out, '');
    assert.ok(err.startsWith('ringwire: ') && err.includes(message), err);
  }
});

test('help goes to stdout', () => {
  const { code, out } = ringwire(['bench', 'history', '--help']);
  assert.equal(code, 0);
  assert.match(out, /^Usage: ringwire bench history /);
});
