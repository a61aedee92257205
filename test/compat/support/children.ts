/**
 * Child processes that speak JSON lines: what a child prints becomes entries of a transcript, what the test tells it goes
 * to its standard input. For programs as users run them, and for whatever would end the process that tests it.
 *
 * It kills only what it started, by id. Invariant: after `end` the process is gone.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EXTENSION } from './subjects.ts';
import { Transcript, within } from './waiting.ts';

/** How a process ended: its exit code, or the signal. */
export type Ending = number | string;

export class Child {
  /** One entry for each line: its `event` is the name, the whole object the argument. */
  readonly told = new Transcript();
  readonly ended: Promise<Ending>;
  readonly pid: number;
  stderr = '';
  readonly #process: ChildProcess;

  constructor(file: string, args: readonly string[] = [], cwd?: string) {
    const options = cwd === undefined ? {} : { cwd };
    const child = spawn(process.execPath, [file, ...args], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    this.pid = child.pid as number;
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    child.stdin.on('error', () => {}); // the child may end before it reads
    this.ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as Ending);
    void this.ended.then((how) => this.told.add('ended', how));
  }

  /** Waits for `count` lines of that event. */
  count(event: string, count = 1): Promise<void> {
    return this.until(`${count} x '${event}'`, () => this.told.of(event).length >= count);
  }

  /** Waits for what the child has told to suffice; says what it complained of if it ends before. */
  async until(what: string, done: () => boolean): Promise<void> {
    await this.told.until(`${what} from a child`, () => done() || this.#over());
    if (!done())
      assert.fail(`the child ended (${this.told.values('ended').join()}) before ${what}: ${this.stderr}`);
  }

  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Closes its standard input, which the programs here take as the end. */
  close(): void {
    this.#process.stdin?.end();
  }

  /** Waits for the process to end by itself. */
  exit(): Promise<Ending> {
    return within('a child to end', this.ended, 10_000);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exit();
  }

  #over(): boolean {
    return this.told.of('ended').length > 0;
  }

  #read(line: string): void {
    if (!line.startsWith('{')) return;
    const entry = JSON.parse(line) as { event: string };
    this.told.add(entry.event, entry);
  }
}

/** A program beside this file. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`./${name}${EXTENSION}`, import.meta.url));
}

/** The root of the package, wherever the tests were compiled to. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!isRoot(folder)) {
    assert.notEqual(folder, dirname(folder), 'no package.json of ringwire above the tests');
    folder = dirname(folder);
  }
  return folder;
}

function isRoot(folder: string): boolean {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return false;
  return (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'ringwire';
}
