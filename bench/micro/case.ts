/**
 * One thing that the micro benches repeat: a row, work for a number of messages, and what its result has to be.
 *
 * Invariant: `run` looks at every message that it produced, so nothing can be optimised away, and gives the digest that `expected` computes
 * without the code under test.
 */

export interface MicroCase {
  /** `micro/<room>/<payload>/<what>`. */
  readonly id: string;
  /** Messages of one sample: some milliseconds' worth. */
  readonly count: number;
  /** @returns the digest of `count` messages */
  readonly run: (count: number) => number;
  readonly expected: (count: number) => number;
}

/** Numbers in their order as one number. */
export class Digest {
  value: number = 0x811c9dc5 | 0;

  add(number: number): void {
    this.value = Math.imul(this.value ^ number, 0x01000193);
  }
}

/** The digest of `count` messages of which each adds the same numbers. */
export function repeated(count: number, ...numbers: readonly number[]): number {
  const digest = new Digest();
  for (let index = 0; index < count; index++) for (const number of numbers) digest.add(number);
  return digest.value;
}

/** Bytes that differ from place to place. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + 7) % 256;
  return bytes;
}

/** `part` that many times in a row. */
export function timesOver(part: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => part));
}

export const SIZES: Readonly<Record<string, number>> = { '64B': 64, '1KiB': 1024, '64KiB': 64 * 1024 };
