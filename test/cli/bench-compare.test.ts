/**
 * `ringwire bench compare` as people and CI call it: a process, files, exit codes.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeResults, type Results } from '../../src/bench/results.ts';
import { file, folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

function results(level: number, rounds = 8): Results {
  const samples = Array.from({ length: rounds }, (_, round) => level + round / 10);
  return makeResults([{ id: 'unix/raw', unit: 'messages/s', better: 'higher', samples }]);
}

const base: string = file('base.json', results(100));

test('the exit code is the verdict', () => {
  assert.equal(ringwire(['bench', 'compare', base, file('same.json', results(100.2))]).code, 0);
  const slower = ringwire(['bench', 'compare', base, file('slower.json', results(80))]);
  assert.equal(slower.code, 1);
  assert.match(slower.out, /\| unix\/raw \| slower \| 0\.80/);
  assert.equal(ringwire(['bench', 'compare', base, file('faster.json', results(120))]).code, 0);
  const few = file('few.json', results(80, 1));
  assert.equal(ringwire(['bench', 'compare', base, few]).code, 0);
  assert.equal(ringwire(['bench', 'compare', '--strict', base, few]).code, 3);
  assert.equal(
    ringwire(['bench', 'compare', base, file('empty.json', makeResults([]))]).code,
    1,
    'a row is gone',
  );
});

test('options take effect', () => {
  const slower = file('slower.json', results(80));
  assert.equal(ringwire(['bench', 'compare', '--min-effect', '30', base, slower]).code, 0);
  assert.equal(ringwire(['bench', 'compare', '--alpha', '0', base, slower]).code, 0);
  const json = ringwire(['bench', 'compare', '--json', base, slower]);
  assert.equal((JSON.parse(json.out) as { rows: { verdict: string }[] }).rows[0]?.verdict, 'slower');
  const summary = path.join(folder, 'summary.md');
  ringwire(['bench', 'compare', base, slower], { GITHUB_STEP_SUMMARY: summary });
  assert.match(fs.readFileSync(summary, 'utf8'), /^### ringwire bench compare\n\n\| row /);
});

test('different machines are compared only by force', () => {
  const { machine, ...rest } = results(100);
  const other = file('other.json', { ...rest, machine: { ...machine, cpu: 'abacus' } });
  const refused = ringwire(['bench', 'compare', base, other]);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /different machines \(cpu: .* and abacus\)/);
  assert.equal(ringwire(['bench', 'compare', '--force', base, other]).code, 0);
});

test('mistakes: one clear line, the help, exit code 2, nothing on stdout', () => {
  const broken = file('broken.json', '{');
  const alien = file('alien.json', { format: 'other' });
  const old = file('old.json', { ...results(1), version: 99 });
  const rowless = file('rowless.json', { ...results(1), rows: [{ id: 'x' }] });
  const cases = [
    [[], 'a command is missing'],
    [['dance'], "no command 'dance'"],
    [['bench'], 'a subcommand is missing'],
    [['bench', 'dance'], "no subcommand 'dance'"],
    [['bench', 'compare', base], 'two result files are needed'],
    [['bench', 'compare', base, base, base], 'two result files are needed'],
    [['bench', 'compare', '--loud', base, base], "Unknown option '--loud'"],
    [['bench', 'compare', '--alpha', 'x', base, base], "--alpha is a number from 0 on, not 'x'"],
    [['bench', 'compare', base, path.join(folder, 'none.json')], 'it cannot be read'],
    [['bench', 'compare', base, broken], 'it is not JSON'],
    [['bench', 'compare', base, alien], 'it does not say "format": "ringwire-bench"'],
    [['bench', 'compare', base, old], 'it has version 99'],
    [['bench', 'compare', base, rowless], 'row 0 lacks'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => args));
  for (const [at, [args, message]] of cases.entries()) {
    const { code, out, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, args.join(' '));
    assert.equal(out, '');
    assert.ok(err.startsWith('ringwire: ') && err.includes(message), err);
  }
});

test('help goes to stdout', () => {
  const commands = [['--help'], ['bench', '--help'], ['bench', 'compare', '--help']];
  for (const { code, out } of ringwireEach(commands)) {
    assert.equal(code, 0);
    assert.match(out, /^Usage: ringwire /);
  }
});
