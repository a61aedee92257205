/**
 * Small programs as processes of their own, for the long rows: what they print is what they say.
 *
 * Invariant: `end` leaves no process behind, also not one that is stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import readline from 'node:readline';
import { projectRoot } from '../support/project.ts';

export const LIBRARY: string = join(projectRoot(), 'build', 'src', 'index.js');

export class Program {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;

  /** @param source ES module text @param args from process.argv[1] on */
  constructor(source: string, args: readonly string[] = [], execArgv: readonly string[] = []) {
    const child = spawn(process.execPath, [...execArgv, '--input-type=module', '-e', source, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child = child;
    this.#lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. @throws Error when it ended */
  async line(): Promise<string> {
    const { value, done } = (await this.#lines.next()) as IteratorResult<string>;
    if (done === true) throw new Error(`a program ended: ${this.child.signalCode ?? this.child.exitCode}`);
    return value;
  }

  say(text: string): void {
    this.child.stdin?.write(`${text}\n`);
  }

  async ask(text: string): Promise<string> {
    this.say(text);
    return this.line();
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lines of a program's input, as `for await (const line of lines)`. */
export const READ_LINES = `import readline from 'node:readline'; const lines = readline.createInterface({ input: process.stdin });`;
