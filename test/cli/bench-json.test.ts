/**
 * `--json` of every subcommand of `ringwire bench`: JSON on stdout and nothing else, whatever is said meanwhile. The list of subcommands is that of the help:
 * one that comes without a recipe here fails.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { exampleResults } from '../support/results.ts';
import { file, folder, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

const ROW = 'unix/net/64B/echo';
const result = exampleResults({ wanted: (id) => id.startsWith('unix/net/64B/') });
const results: string = file('results.json', result);
const tinybench: string = file('tinybench.json', [
  {
    name: 'a',
    result: { state: 'completed', latency: { p50: 1 }, runtime: 'node', runtimeVersion: '24.1.0' },
  },
]);

const RECIPES: Readonly<Record<string, readonly string[]>> = {
  compare: [results, results],
  history: [file('history.ndjson', `${JSON.stringify(result)}\n`)],
  import: [tinybench],
  report: [results, '--html', path.join(folder, 'report.html')],
  run: ['-', '--smoke', '--rounds', '1', ROW],
  schema: [],
};

/** They measure or draw much: each is run with --json in the file of its own tests, bench-<name>.test.ts. */
const ELSEWHERE: readonly string[] = ['ab', 'doctor', 'flame', 'gate'];

const help: string = ringwire(['bench', '--help']).out;
const subcommands: string[] = Array.from(help.matchAll(/^ {2}([a-z]+) .* {2}\S/gm), ([, name = '']) => name);

test('every subcommand has --json; the formats of export are chosen with --to', () => {
  assert.deepEqual(subcommands.toSorted(), [...Object.keys(RECIPES), ...ELSEWHERE, 'export'].toSorted());
  const named = subcommands.filter((name) => name !== 'export');
  const outcomes = ringwireEach(named.map((name) => ['bench', name, '--help']));
  for (const { out } of outcomes) assert.match(out, /^ {2}--json /m, out);
  const { out } = ringwire(['bench', 'export', '--to', 'bencher', results]);
  assert.equal(typeof JSON.parse(out), 'object');
});

for (const [name, words] of Object.entries(RECIPES)) {
  test(`bench ${name} --json`, () => {
    const { out, err, code } = ringwire(['bench', name, '--json', ...words]);
    assert.equal(code, 0, err);
    assert.equal(typeof JSON.parse(out), 'object', out.slice(0, 200));
  });
}
