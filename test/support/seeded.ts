/**
 * Random numbers that are the same in every run: a failure names its seed, and the seed brings it back.
 *
 * Not for secrets.
 * Invariant: equal seeds give equal sequences on every machine.
 */

export interface Random {
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number;
  bytes(count: number): Buffer;
  pick<T>(from: readonly T[]): T;
}

/** The generator mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (bound: number): number => Math.floor((next() / 2 ** 32) * bound);
  return {
    below,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  };
}
