/**
 * `vectors --serve` as a child: ringwire.h reads a stream in pieces, and says what it found in the lines of fixtures/README.md.
 *
 * Invariant: answers come in the order of the requests.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { nativePeer } from '../support/native.ts';
import type { Setting } from '../support/vectors.ts';

/** Bytes in pieces for a receiver. */
export interface Request {
  readonly setting: Setting;
  readonly pieces: readonly Buffer[];
}

/** `vectors --serve`: lines in, the lines of a replay out. */
export class NativeReplay {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor() {
    this.#child = spawn(nativePeer('vectors'), ['--serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface(this.#child.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  ask(requests: readonly Request[]): void {
    this.#child.stdin.write(requests.map(requestOf).join(''));
  }

  async answer(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error('vectors --serve has ended');
      if (value === '') return lines.join('\n');
      lines.push(value);
    }
  }

  /** Ends the child with what it has not answered. */
  stop(): void {
    this.#child.kill();
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await new Promise((resolve) => this.#child.once('close', resolve));
  }
}

/** The line of a request. */
export function requestOf({ setting, pieces }: Request): string {
  const { wire, role, limit, codecs, agreed, features, codec } = setting;
  const cuts: number[] = [];
  let at = 0;
  for (const piece of pieces.slice(0, -1)) cuts.push((at += piece.length));
  const hex = Buffer.concat(pieces).toString('hex');
  return `${wire} ${role} ${limit} ${codecs.toString(16)} ${agreed} ${features} ${codec} ${cuts.join(',') || '-'} ${hex || '-'}\n`;
}
