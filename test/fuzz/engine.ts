/**
 * A coverage-guided fuzzer: it mutates inputs of a corpus, runs a target with each, and keeps those that take branches as often as no input before (in
 * classes: once, twice, 3, 4 to 7, ... times).
 *
 * It knows no target, and reads and writes no file.
 * Invariant: equal corpus, words and seed give equal inputs, as long as the target's branches are the same.
 */
import type { Random } from '../support/seeded.ts';

export interface Setup {
  readonly target: (input: Buffer) => void;
  /** How often each branch was taken, modulo 256; the fuzzer sets it to zero before each run. */
  readonly counters: Uint8Array;
  readonly corpus: readonly Buffer[];
  /** What means something to the target. */
  readonly words: readonly Buffer[];
  readonly random: Random;
  readonly bytesMax: number;
}

/** Slower than this, several times in a row, is a finding. */
export const SLOW_MS = 50;
const STACKED_MAX = 6;
/** Most bytes of an input that are put into it once more. */
const PART_BYTES_MAX = 32;
const TELLING: readonly number[] = [0, 1, 2, 3, 4, 7, 8, 0x0c, 0x20, 0x22, 0x7f, 0x80, 0xf5, 0xfe, 0xff];

/** Bit of the class of each count. */
const CLASSES: Uint8Array = Uint8Array.from({ length: 256 }, (_, count) => {
  const bounds = [1, 2, 3, 4, 8, 16, 32, 128];
  return count === 0 ? 0 : 1 << (bounds.findLastIndex((bound) => count >= bound) & 7);
});

export class Finding extends Error {
  readonly input: Buffer;

  constructor(input: Buffer, cause: unknown) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause });
    this.input = input;
  }
}

export class Fuzzer {
  executions = 0;
  readonly corpus: Buffer[] = [];
  readonly #setup: Setup;
  readonly #wide: Uint32Array;
  readonly #seen: Uint8Array;
  readonly #scratch: Buffer;
  /** The beginnings of the scratch memory, by length. */
  readonly #inputs: Buffer[] = [];
  readonly #part: Buffer = Buffer.alloc(PART_BYTES_MAX);

  /** @throws Finding when an input of the corpus is one. */
  constructor(setup: Setup) {
    this.#setup = setup;
    const { counters } = setup;
    this.#wide = new Uint32Array(counters.buffer, counters.byteOffset, counters.length >> 2);
    this.#seen = new Uint8Array(counters.length);
    this.#scratch = Buffer.alloc(setup.bytesMax);
    // Short ones first: what a long one adds to them is what it is kept for.
    for (const input of setup.corpus.toSorted((a, b) => a.length - b.length))
      if (input.length <= setup.bytesMax && this.#run(input)) this.corpus.push(input);
    if (this.corpus.length === 0) this.corpus.push(Buffer.alloc(1));
  }

  /** Branches in all classes that were met. */
  get features(): number {
    let features = 0;
    for (let bits of this.#seen) for (; bits !== 0; bits &= bits - 1) features++;
    return features;
  }

  /** One mutated input. @throws Finding */
  step(): void {
    const length = this.#mutate();
    const input = (this.#inputs[length] ??= this.#scratch.subarray(0, length));
    if (this.#run(input)) this.corpus.push(Buffer.from(input));
  }

  /** @returns whether the input is the first one to do something */
  #run(input: Buffer): boolean {
    const { target, counters } = this.#setup;
    this.executions++;
    counters.fill(0);
    const start = performance.now();
    try {
      target(input);
    } catch (error) {
      throw new Finding(Buffer.from(input), error);
    }
    if (performance.now() - start > SLOW_MS) this.#judgeSlow(input);
    return this.#isNew();
  }

  /** One slow run may be the machine's; the fastest of five is the input's. */
  #judgeSlow(input: Buffer): void {
    const { target } = this.#setup;
    for (let again = 0; again < 5; again++) {
      const start = performance.now();
      target(input);
      if (performance.now() - start <= SLOW_MS) return;
    }
    throw new Finding(Buffer.from(input), new Error(`slower than ${SLOW_MS} ms`));
  }

  #isNew(): boolean {
    const { counters } = this.#setup;
    const wide = this.#wide;
    const seen = this.#seen;
    let isNew = false;
    for (let word = 0; word < wide.length; word++) {
      if (wide[word] === 0) continue;
      for (let at = word << 2; at < (word + 1) << 2; at++) {
        const bit = CLASSES[counters[at] as number] as number;
        if ((bit & ~(seen[at] as number)) === 0) continue;
        seen[at] = (seen[at] as number) | bit;
        isNew = true;
      }
    }
    return isNew;
  }

  /** Half of the time one of the newest. */
  #pick(): Buffer {
    const { random } = this.#setup;
    const { length } = this.corpus;
    const newest = Math.min(length, 16);
    const at = random.below(2) === 0 ? random.below(length) : length - 1 - random.below(newest);
    return this.corpus[at] as Buffer;
  }

  /** @returns how long the input in the scratch memory is */
  #mutate(): number {
    const { random } = this.#setup;
    let length = this.#pick().copy(this.#scratch);
    for (let times = 1 + random.below(STACKED_MAX); times > 0; times--) length = this.#mutateOnce(length);
    return length;
  }

  #mutateOnce(length: number): number {
    const { random, words } = this.#setup;
    const bytes = this.#scratch;
    const at = random.below(length + 1);
    const byte = (bytes[at] ?? 0) as number;
    switch (random.below(9)) {
      case 0:
        return this.#set(at, random.below(256), length);
      case 1:
        return this.#set(at, random.pick(TELLING), length);
      case 2:
        return this.#set(at, byte ^ (1 << random.below(8)), length);
      case 3:
        return this.#set(at, byte + random.below(33) - 16, length);
      case 4: {
        if (words.length === 0) return length;
        const word = random.pick(words);
        return this.#replace(at, random.below(2) * word.length, word, 0, word.length, length);
      }
      case 5:
        return this.#replace(at, 1 + random.below(16), bytes, 0, 0, length);
      case 6: {
        const from = random.below(length + 1);
        const to = Math.min(length, from + 1 + random.below(PART_BYTES_MAX));
        const again = this.#part;
        for (let index = from; index < to; index++) again[index - from] = bytes[index] as number;
        return this.#replace(at, 0, again, 0, to - from, length);
      }
      case 7: {
        const other = this.#pick();
        const from = random.below(other.length + 1);
        const to = Math.min(other.length, from + 1 + random.below(64));
        return this.#replace(at, random.below(2) * (to - from), other, from, to, length);
      }
      default: {
        if (random.below(4) === 0) return at;
        const other = this.#pick();
        return this.#replace(at, length - at, other, Math.min(at, other.length), other.length, length);
      }
    }
  }

  /** Another byte at `at`, or one more. @returns the new length, never above the bound */
  #set(at: number, byte: number, length: number): number {
    if (at === this.#scratch.length) return length;
    this.#scratch[at] = byte;
    return Math.max(length, at + 1);
  }

  /** Puts the bytes of `part` from `from` to `to` where `count` bytes were. @returns the new length, never above the bound */
  #replace(at: number, count: number, part: Buffer, from: number, to: number, length: number): number {
    const bytes = this.#scratch;
    const rest = Math.min(length, at + count);
    const end = Math.min(bytes.length, at + to - from);
    const newLength = Math.min(bytes.length, end + length - rest);
    bytes.copyWithin(end, rest, rest + newLength - end);
    // Most parts are a few bytes: a call would cost more.
    for (let index = at; index < end; index++) bytes[index] = part[from + index - at] as number;
    return newLength;
  }
}
