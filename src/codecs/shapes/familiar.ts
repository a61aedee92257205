/**
 * What messages of one kind look like, learned from those that were read in the general way. After each surprise a longer pause, after each
 * success a shorter one: a peer whose messages never look alike costs a small part of a decode more, not twice as much.
 *
 * Invariant: there is a shape only while it is worth trying.
 */
import { type EncodeKey, type Shape, shapeOf } from './shape.ts';

/** Messages that pass between two lessons at most. */
const PAUSE_MAX = 1024;
/** Event ids are given in order, so few programs use more. A power of two. */
const PLACES = 64;

export class Familiar {
  readonly #encodeKey: EncodeKey;
  #shape: Shape | undefined = undefined;
  #pause = 0;
  #pauseLeft = 0;

  constructor(encodeKey: EncodeKey) {
    this.#encodeKey = encodeKey;
  }

  /** What the next message is expected to look like. */
  get shape(): Shape | undefined {
    return this.#pauseLeft === 0 ? this.#shape : undefined;
  }

  /** A message looked as expected. */
  confirmed(): void {
    this.#pause >>>= 1;
  }

  /** A message was read in the general way, because it looked different or nothing was expected. */
  surprised(value: unknown): void {
    if (this.#pauseLeft > 0) {
      this.#pauseLeft--;
      return;
    }
    this.#shape = shapeOf(value, this.#encodeKey);
    this.#pauseLeft = this.#pause;
    this.#pause = Math.min(PAUSE_MAX, this.#pause * 2 + 1);
  }
}

/** The familiar messages of the codecs of an endpoint, by event id. Ids that share a place only disturb each other. */
export class FamiliarEvents {
  readonly #encodeKey: EncodeKey;
  readonly #known: Familiar[] = [];

  constructor(encodeKey: EncodeKey) {
    this.#encodeKey = encodeKey;
  }

  of(event: number): Familiar {
    const place = event & (PLACES - 1);
    return (this.#known[place] ??= new Familiar(this.#encodeKey));
  }
}
