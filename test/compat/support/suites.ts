/**
 * Three ways to register a check: `both` runs it on ringwire and on the original, which proves that it asks for what
 * programs really get today; `ours` runs it on ringwire alone; `fixed` runs it on ringwire and then, in a process of its
 * own, on the original, where it has to fail for the stated reason: a check that cannot fail proves nothing.
 *
 * It judges nothing itself. Invariant: a planted run executes the very function that ringwire has to pass.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Stage } from './stage.ts';
import type { SubjectName } from './subjects.ts';
import { within } from './waiting.ts';

export type Check = (stage: Stage) => Promise<void>;

/** The title of the one check that this process is to run on the original. */
const PLANTED = process.env['COMPAT_PLANTED'];
const PLANTED_PATIENCE_MS = 600;
/**
 * That a check can fail, and that a scenario is sound, is shown with the original alone. It is a property of the check: once one Node has shown it, it need not be
 * shown on each. The reason why it is not shown here; false when it is.
 */
export const PROVEN: string | false =
  process.env['RINGWIRE_CHECKS_PROVEN'] === '1' && 'the installed Node has shown that the checks are sound';
const TIMEOUT_MS = 30_000;

const expectedFailures: { title: string; reason: RegExp }[] = [];

interface Outcome {
  readonly failed: boolean;
  readonly message: string;
}

export function both(title: string, check: Check): void {
  register(`${title} [ringwire]`, () => play('ringwire', check));
  register(`${title} [oracle]`, () => play('oracle', check));
}

export function ours(title: string, check: Check): void {
  register(`${title} [ringwire]`, () => play('ringwire', check));
}

/** `reason` is what the original fails with. */
export function fixed(title: string, reason: RegExp, check: Check): void {
  if (PLANTED === title) void runPlanted(check);
  register(`${title} [ringwire]`, () => play('ringwire', check));
  if (PLANTED !== undefined) return;
  if (expectedFailures.push({ title, reason }) === 1) queueMicrotask(registerFailures);
}

/** For many checks of one kind: planting a few of them proves the rest. */
export function fixedKind(plant: boolean, title: string, reason: RegExp, check: Check): void {
  if (plant) fixed(title, reason, check);
  else ours(title, check);
}

/** They spend their time waiting in processes of their own: several at once, after all other tests of the file. */
function registerFailures(): void {
  void describe('fails on the oracle', { concurrency: 4, skip: PROVEN }, () => {
    for (const { title, reason } of expectedFailures) register(title, () => expectFailure(title, reason));
  });
}

/** A test that is about neither package's instances in this process. */
export function register(title: string, run: () => Promise<void>): void {
  if (PLANTED !== undefined) return;
  void test(title, { timeout: TIMEOUT_MS }, run);
}

async function play(name: SubjectName, check: Check): Promise<void> {
  const stage = await Stage.open(name);
  try {
    await check(stage);
  } finally {
    await stage.close();
  }
}

async function expectFailure(title: string, reason: RegExp): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rw-')); // a crash cleans nothing up
  const env = {
    ...process.env,
    TMPDIR: folder,
    COMPAT_PLANTED: title,
    COMPAT_PATIENCE_MS: String(PLANTED_PATIENCE_MS),
    NODE_TEST_CONTEXT: undefined,
  };
  const child = spawn(process.execPath, [process.argv[1] as string], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    await within('the planted run to end', once(child, 'close'), 15_000);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
  const line = output.split('\n').find((each) => each.startsWith('{"failed"'));
  assert.ok(line !== undefined, `the planted run told no outcome: ${output}`);
  const outcome = JSON.parse(line) as Outcome;
  assert.ok(outcome.failed, 'the original passes this check: it does not test what it says');
  assert.match(outcome.message, reason);
}

async function runPlanted(check: Check): Promise<void> {
  process.on('uncaughtException', (error) => tell({ failed: true, message: String(error) }));
  try {
    await play('oracle', check);
  } catch (error) {
    tell({ failed: true, message: String(error) });
  }
  tell({ failed: false, message: '' });
}

function tell(outcome: Outcome): never {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.exit();
}
