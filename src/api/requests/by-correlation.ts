/**
 * Requests by their number, each in the place that the low bits of the number say; where that is taken, in a Map. Not in a Map alone: one that is
 * filled and emptied without end leaves its old tables behind, and with them keeps what they held.
 *
 * Invariant: at most half of the places are taken, and the low bits of all numbers in places differ.
 */
interface Numbered {
  readonly correlation: number;
}

const PLACES_MIN = 16;

export class ByCorrelation<T extends Numbered> {
  #places: (T | undefined)[] = places(PLACES_MIN);
  #taken = 0;
  /** Numbers of a peer that likes them far apart. */
  readonly #others = new Map<number, T>();

  get size(): number {
    return this.#taken + this.#others.size;
  }

  /** Whether a number would have its place: whoever chooses numbers passes over those that would not. */
  hasPlace(correlation: number): boolean {
    return this.#places[this.#indexOf(correlation)] === undefined;
  }

  get(correlation: number): T | undefined {
    const found = this.#places[this.#indexOf(correlation)];
    if (found?.correlation === correlation) return found;
    return this.#others.size === 0 ? undefined : this.#others.get(correlation);
  }

  /** @param item its number is not in here */
  add(item: T): void {
    const index = this.#indexOf(item.correlation);
    if (this.#places[index] !== undefined) {
      this.#others.set(item.correlation, item);
      return;
    }
    this.#places[index] = item;
    if (++this.#taken * 2 > this.#places.length) this.#grow();
  }

  /** @returns whether it was in here */
  delete(item: T): boolean {
    const index = this.#indexOf(item.correlation);
    if (this.#places[index] === item) {
      this.#places[index] = undefined;
      this.#taken--;
      return true;
    }
    return this.#others.get(item.correlation) === item && this.#others.delete(item.correlation);
  }

  /** Empties it. @returns what was in it */
  clear(): T[] {
    const all = this.list();
    this.#places = places(PLACES_MIN);
    this.#taken = 0;
    this.#others.clear();
    return all;
  }

  list(): T[] {
    return [...this.#placed(), ...this.#others.values()];
  }

  #placed(): T[] {
    return this.#places.filter((item) => item !== undefined);
  }

  #indexOf(correlation: number): number {
    return correlation & (this.#places.length - 1);
  }

  #grow(): void {
    const placed = this.#placed();
    this.#places = places(this.#places.length * 2);
    for (const item of placed) this.#places[this.#indexOf(item.correlation)] = item;
  }
}

/** A power of two, and filled, so that it stays an array without holes. */
function places<T>(length: number): (T | undefined)[] {
  return Array.from({ length }, () => undefined);
}
