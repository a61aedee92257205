/** The command line as a process, and a folder for its files. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const CLI: string = fileURLToPath(new URL('../../src/cli/ringwire.js', import.meta.url));

export const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-cli-'));

export function removeFolder(): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function ringwire(args: readonly string[], env: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    env: { ...process.env, GITHUB_STEP_SUMMARY: '', ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

const EACH: string = fileURLToPath(new URL('each-command.js', import.meta.url));

/** Commands one after the other in one process: for what ends before there is anything that a process of its own would show. */
export function ringwireEach(commands: readonly (readonly string[])[]): Outcome[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [EACH], {
    encoding: 'utf8',
    input: JSON.stringify(commands),
    env: { ...process.env, GITHUB_STEP_SUMMARY: '' },
    maxBuffer: 2 ** 24,
  });
  if (status !== 0) throw new Error(`${status}: ${stdout}${stderr}`);
  const outcomes = JSON.parse(stdout) as Outcome[];
  if (outcomes.length !== commands.length) throw new Error(stdout);
  return outcomes;
}

/** Writes text, or a value as JSON, and returns where. */
export function file(name: string, content: unknown): string {
  const place = path.join(folder, name);
  fs.writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content));
  return place;
}

const sockets = { count: 0 };

/** Of a local socket that nobody has listened on yet. */
export function freeAddress(): string {
  return `unix:${path.join(folder, `s${sockets.count++}`)}`;
}

export interface Running {
  readonly child: ChildProcess;
  /** Settles with what it printed and its exit code. */
  readonly done: Promise<{ out: string; err: string; code: number | null }>;
}

/** Settles when it listens. */
export async function start(context: TestContext, ...args: string[]): Promise<Running & { where: string }> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const done = once(child, 'close').then(([code]) => ({ out, err, code: code as number | null }));
  const where = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      const [, found] = /listening on ([^\s,]+)/.exec(err) ?? [];
      if (found !== undefined) resolve(found);
    });
    void done.then(() => reject(new Error(`it ended: ${err}`)));
  });
  return { child, done, where };
}

/** Beside servers in this process: these must go on meanwhile. */
export async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      timeout: 90_000,
    });
    return { out: stdout, err: stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as unknown as { stdout: string; stderr: string; code: number };
    return { out: stdout, err: stderr, code };
  }
}
