/**
 * The rows that `npm test` runs with smaller counts, with the counts of RELIABILITY.md: the same tests, in processes of their own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../support/project.ts';
import type { LongRow, Work } from './row.ts';

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

/** @param title how the title of the tests begins; @param environment beside ours */
async function repeat(title: string, file: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const path = join(projectRoot(), 'build', 'test', `${file}.test.js`);
  const options = ['--test', `--test-timeout=${MS_MAX}`, `--test-name-pattern=^${title} `, path];
  const child = spawn(process.execPath, options, {
    env: { ...process.env, RINGWIRE_POISON: '1', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output.slice(-2_000));
  assert.match(output, /^\S* ?pass [1-9]/m, 'a test has run');
}

/** Kills go on where they were stopped: each step draws others. */
const KILLS: readonly (readonly [id: string, what: string, title: string])[] = [
  ['T45', 'servers killed under load, with ack', 'T45 the server is killed'],
  ['T46', 'clients killed under load, with ack', 'T46 clients are killed'],
];

export const REPEATED_ROWS: readonly LongRow[] = [
  ...TESTS.map(([id, what, file]) => ({
    id,
    what: `${what}, in full`,
    unit: 'runs',
    goal: 1,
    step: 1,
    run: async () => {
      await repeat(id, file, { RINGWIRE_FULL: '1' });
      return {};
    },
  })),
  ...KILLS.map(([id, what, title]) => ({
    id,
    what,
    unit: 'kills',
    goal: 1_000,
    step: 50,
    run: async ({ first, count, seed }: Work) => {
      const environment = { RINGWIRE_KILLS: String(count), RINGWIRE_KILLS_SEED: String(seed + first) };
      await repeat(title, 'reliability/delivery', environment);
      return {};
    },
  })),
];
