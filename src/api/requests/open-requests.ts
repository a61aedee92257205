/**
 * The requests that are under way on one connection, each in the place that the low bits of its number say. A number whose place is taken is passed
 * over. Not a Map: one that is filled and emptied without end leaves its old tables behind, and with them what they held.
 *
 * Invariant: at most half of the places are taken, and the low bits of all numbers in it differ.
 */
import type { Asked } from './asked.ts';

const PLACES_MIN = 16;
const CORRELATION_MAX: number = 2 ** 32 - 1;

export class OpenRequests {
  #places: (Asked | undefined)[] = places(PLACES_MIN);
  #count = 0;
  #last = 0;

  get count(): number {
    return this.#count;
  }

  /** The next number that is free, from 1 on. */
  nextCorrelation(): number {
    const mask = this.#places.length - 1;
    do {
      this.#last = this.#last === CORRELATION_MAX ? 1 : this.#last + 1;
    } while (this.#places[this.#last & mask] !== undefined);
    return this.#last;
  }

  /** @param asked with the number that `nextCorrelation` gave last */
  add(asked: Asked): void {
    this.#places[asked.correlation & (this.#places.length - 1)] = asked;
    if (++this.#count * 2 > this.#places.length) this.#grow();
  }

  get(correlation: number): Asked | undefined {
    const asked = this.#places[correlation & (this.#places.length - 1)];
    return asked?.correlation === correlation ? asked : undefined;
  }

  /** Does nothing when it is not in here. */
  delete(asked: Asked): void {
    if (this.get(asked.correlation) !== asked) return;
    this.#places[asked.correlation & (this.#places.length - 1)] = undefined;
    this.#count--;
  }

  /** All of them, in the order of their places. */
  list(): Asked[] {
    return this.#places.filter((asked) => asked !== undefined);
  }

  #grow(): void {
    const old = this.list();
    this.#places = places(this.#places.length * 2);
    for (const asked of old) this.#places[asked.correlation & (this.#places.length - 1)] = asked;
  }
}

/** Filled, so that it stays an array without holes. */
function places(length: number): (Asked | undefined)[] {
  return Array.from({ length }, () => undefined);
}
