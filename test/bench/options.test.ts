/**
 * The project's own commands: each tells its options, and a mistake in what was typed is one line and exit code 2.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

const COMMANDS = [
  'bench/figures.js',
  'bench/micro.js',
  'bench/gate-self-test.js',
  'test/long/run.js',
  'test/soak/soak.js',
  'test/sim/main.js',
] as const;

function run(command: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = join(projectRoot(), 'build', command);
  return spawnSync(process.execPath, [file, ...words], { encoding: 'utf8' });
}

for (const command of COMMANDS) {
  test(`${command} --help`, () => {
    const { status, stdout, stderr } = run(command, '--help');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: npm run \S+ -- .*\n\n.+\n(?:\n.+\n)?\nOptions:\n(?: {2}--\S+.*\n)+$/);
  });
}

test('mistakes: an option that is none, a word where none is taken, a number that is none, a row that is none', () => {
  for (const [words, message] of [
    [['test/soak/soak.js', '--fast'], "Unknown option '--fast'; --help tells what there is\n"],
    [['test/soak/soak.js', 'fast'], "what is 'fast'?; --help tells what there is\n"],
    [
      ['test/soak/soak.js', '--seconds', 'x'],
      "--seconds is a number from 0 on, not 'x'; --help tells what there is\n",
    ],
    [['test/long/run.js', 'T1000'], 'there is no row T1000; --help tells what there is\n'],
    [['bench/micro.js', 'nothing'], 'no case has nothing in its name; --help tells what there is\n'],
  ] as const) {
    const [command, ...rest] = words;
    const { status, stdout, stderr } = run(command, ...rest);
    assert.deepEqual({ status, stdout, stderr }, { status: 2, stdout: '', stderr: message });
  }
});
