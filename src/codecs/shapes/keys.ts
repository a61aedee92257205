/**
 * The bytes of object keys on their way out. Messages repeat the keys of the one before, in the same order: the nth key is compared
 * with the nth of the last message before it is looked up.
 *
 * Invariant: what is kept is bounded, and independent of what peers send.
 */
import type { EncodeKey } from './shape.ts';

const KEPT_MAX = 1024;
const KEPT_LENGTH_MAX = 64;
const NTH_MAX = 256;

export class Keys {
  readonly #encodeKey: EncodeKey;
  readonly #known = new Map<string, Uint8Array>();
  readonly #lastKeys: string[] = [];
  readonly #lastBytes: Uint8Array[] = [];
  #nth = 0;

  constructor(encodeKey: EncodeKey) {
    this.#encodeKey = encodeKey;
  }

  /** A message begins. */
  restart(): void {
    this.#nth = 0;
  }

  bytesOf(key: string): Uint8Array {
    const nth = this.#nth++;
    if (this.#lastKeys[nth] === key) return this.#lastBytes[nth] as Uint8Array;
    const bytes = this.#known.get(key) ?? this.#encode(key);
    if (nth < NTH_MAX && key.length <= KEPT_LENGTH_MAX) {
      this.#lastKeys[nth] = key;
      this.#lastBytes[nth] = bytes;
    }
    return bytes;
  }

  #encode(key: string): Uint8Array {
    const bytes = this.#encodeKey(key);
    if (key.length <= KEPT_LENGTH_MAX && this.#known.size < KEPT_MAX) this.#known.set(key, bytes);
    return bytes;
  }
}
