/**
 * The rows that `npm test` runs with smaller counts, with the counts of RELIABILITY.md: the same tests, in processes of their own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../support/project.ts';
import type { LongRow } from './row.ts';

/** Row, what, test file. */
const TESTS: readonly (readonly [id: string, what: string, file: string])[] = [
  ['T01', 'any bytes', 'reliability/payloads'],
  ['T02', 'every chunking', 'reliability/parsers'],
  ['T05', 'TypeScript and C', 'native-peers/differential'],
  ['T15', 'delimiters', 'reliability/parsers'],
  ['T20', 'old memory', 'reliability/memory'],
  ['T21', 'slabs used again', 'reliability/slow-peers'],
  ['T33', 'policies for slow peers', 'reliability/slow-peers'],
  ['T37', 'handlers that misbehave', 'reliability/slow-peers'],
  ['T40', 'one direction closed', 'reliability/slow-peers'],
  ['T51', 'writes that fail', 'reliability/slow-peers'],
  ['T52', 'lives in any order', 'reliability/processes'],
  ['T57', 'many instances', 'reliability/processes'],
  ['T94', 'callbacks that throw', 'reliability/tls'],
];
const MS_MAX = 3_600_000;

async function repeat(id: string, file: string): Promise<void> {
  const path = join(projectRoot(), 'build', 'test', `${file}.test.js`);
  const options = ['--test', `--test-timeout=${MS_MAX}`, `--test-name-pattern=^${id} `, path];
  const child = spawn(process.execPath, options, {
    env: { ...process.env, RINGWIRE_FULL: '1', RINGWIRE_POISON: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output.slice(-2_000));
  assert.match(output, /^\S* ?pass [1-9]/m, 'a test has run');
}

export const REPEATED_ROWS: readonly LongRow[] = TESTS.map(([id, what, file]) => ({
  id,
  what: `${what}, in full`,
  unit: 'runs',
  goal: 1,
  step: 1,
  run: async () => {
    await repeat(id, file);
    return {};
  },
}));
