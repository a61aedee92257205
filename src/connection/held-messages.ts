/**
 * Messages that wait one by one because their peer is slow and its policy gives up older ones: the oldest first, or the earlier value of
 * the same key. It knows no bytes on their way; what it hands out is gone from here.
 *
 * Invariant: `bytes` is the sum of what it holds; messages leave in the order of their places, and a newer value takes its key's place.
 */
import type { SharedMessage } from './shared-message.ts';

/** One place in the queue. */
interface Place {
  message: SharedMessage;
}

/** The front of the queue is cut off when so many places of it are empty. */
const EMPTY_PLACES_MAX = 1_024;

export class HeldMessages {
  bytes = 0;
  #places: Place[] = [];
  #head = 0;
  readonly #byKey: Map<string, Place> | undefined;

  /** @param keyed of each key only the newest message is kept */
  constructor(keyed: boolean) {
    this.#byKey = keyed ? new Map<string, Place>() : undefined;
  }

  get size(): number {
    return this.#places.length - this.#head;
  }

  /** @returns whether it took the place of an earlier message */
  add(message: SharedMessage): boolean {
    this.bytes += message.bytes;
    const earlier = this.#byKey?.get(message.key);
    if (earlier !== undefined) {
      this.bytes -= earlier.message.bytes;
      earlier.message = message;
      return true;
    }
    const place = { message };
    this.#places.push(place);
    this.#byKey?.set(message.key, place);
    return false;
  }

  /** The one whose turn it is. */
  shift(): SharedMessage | undefined {
    const message = this.#places[this.#head]?.message;
    if (message === undefined) return undefined;
    this.#head++;
    this.bytes -= message.bytes;
    this.#byKey?.delete(message.key);
    if (this.#head === EMPTY_PLACES_MAX) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  /** Gives up the one that has waited longest, but not `kept`, which may have taken an old place just now. There are two at least. */
  dropOldest(kept: SharedMessage): void {
    const places = this.#places;
    const head = this.#head;
    const first = places[head] as Place;
    if (first.message === kept) {
      places[head] = places[head + 1] as Place;
      places[head + 1] = first;
    }
    this.shift();
  }

  clear(): void {
    this.#places = [];
    this.#head = 0;
    this.#byKey?.clear();
    this.bytes = 0;
  }
}
