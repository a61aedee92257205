/**
 * Counts the bytes that JavaScript asks the runtime to copy from one place in memory to another, into strings included. What the kernel copies
 * between a socket and memory is not counted: everybody pays it.
 *
 * Invariant: of calls within each other only the outermost counts.
 */
import { RepeatCopy } from '../bytes/repeat-copy.ts';

type Method = (this: unknown, ...args: unknown[]) => unknown;

export class CopyCounter {
  bytes = 0;
  #within = false;

  /** Watches from now on; for a process of its own, there is no way back. */
  watch(): void {
    const typed = Object.getPrototypeOf(Uint8Array.prototype) as object;
    const { prototype } = Buffer;
    this.#wrap(typed, 'set', ([source]) => byteLengthOf(source));
    this.#wrap(typed, 'slice', (_args, made) => byteLengthOf(made));
    this.#wrap(prototype, 'copy', (_args, copied) => copied as number);
    this.#wrap(prototype, 'write', (_args, written) => written as number);
    this.#wrap(prototype, 'toString', (_args, text) => (text as string).length);
    for (const name of ['utf8Write', 'latin1Write', 'asciiWrite'])
      this.#wrap(prototype, name, (_args, written) => written as number);
    for (const name of ['utf8Slice', 'latin1Slice', 'asciiSlice'])
      this.#wrap(prototype, name, (_args, text) => (text as string).length);
    this.#wrap(Buffer, 'from', ([source], made) => (source instanceof ArrayBuffer ? 0 : byteLengthOf(made)));
    this.#wrap(Buffer, 'concat', (_args, made) => byteLengthOf(made));
    // It copies small sources in words, where nobody can count: the ordinary way copies the same bytes.
    RepeatCopy.prototype.copy = (source, out, at) => out.bytes.set(source, at);
  }

  #wrap(owner: object, name: string, count: (args: unknown[], result: unknown) => number): void {
    const original = (owner as Record<string, Method | undefined>)[name];
    if (original === undefined) return;
    const outermost = (call: () => unknown, size: (result: unknown) => number): unknown =>
      this.#counted(call, size);
    (owner as Record<string, Method>)[name] = function (...args) {
      return outermost(
        () => original.apply(this, args),
        (result) => count(args, result),
      );
    };
  }

  #counted(call: () => unknown, size: (result: unknown) => number): unknown {
    if (this.#within) return call();
    this.#within = true;
    try {
      const result = call();
      this.bytes += size(result);
      return result;
    } finally {
      this.#within = false;
    }
  }
}

function byteLengthOf(value: unknown): number {
  return ArrayBuffer.isView(value) ? value.byteLength : Array.isArray(value) ? value.length : 0;
}
