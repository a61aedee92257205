/**
 * What a value looked like at each of its places: the keys of every object, in order, and what stands below them. Messages of one event mostly
 * look like the one before, so a reader that knows the shape compares keys instead of reading them. It knows no format: keys are encoded by whoever asks.
 *
 * Invariant: a shape holds nothing but keys and a few short strings; it is bounded, and a wrong one costs time, never a wrong value.
 */

/** Objects with more keys, longer keys or deeper nesting are not learned. */
const KEYS_MAX = 128;
const KEY_LENGTH_MAX = 64;
const DEPTH_MAX = 16;

/** Keys that engines keep in an order of their own. */
const INDEX_KEY = /^\d/;

/** What a reader returns for bytes that are not what it expected. */
export const UNREAD: unique symbol = Symbol('unread');

const NO_BYTES: readonly Uint8Array[] = [];
const NO_KEYS: readonly string[] = [];
const NO_SHAPES: readonly Shape[] = [];

export class Shape {
  /** The keys of the object that stood here, and their bytes. None: there was no object. */
  keys: readonly string[] = NO_KEYS;
  keyBytes: readonly Uint8Array[] = NO_BYTES;
  /** What stood below each key. */
  below: readonly Shape[] = NO_SHAPES;
  /** What the first element of the array that stood here looked like. */
  element: Shape | undefined = undefined;
  /** The last short string here: many repeat. */
  text = '';
}

/** How a format writes the key of an object; nothing when it does not want to. */
export type EncodeKey = (key: string) => Uint8Array;

/** The shape of plain data; undefined when it is none that could be learned. */
export function shapeOf(value: unknown, encodeKey: EncodeKey): Shape | undefined {
  return new Learner(encodeKey).shapeOf(value, DEPTH_MAX);
}

class Learner {
  readonly #encodeKey: EncodeKey;
  #keysLeft = KEYS_MAX;

  constructor(encodeKey: EncodeKey) {
    this.#encodeKey = encodeKey;
  }

  shapeOf(value: unknown, depthLeft: number): Shape | undefined {
    const shape = new Shape();
    if (typeof value !== 'object' || value === null) return shape;
    if (depthLeft === 0) return undefined;
    if (Array.isArray(value)) {
      shape.element = value.length === 0 ? new Shape() : this.shapeOf(value[0], depthLeft - 1);
      return shape.element && shape;
    }
    // Bytes, dates: only the general way makes them.
    if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
    const keys = Object.keys(value);
    this.#keysLeft -= keys.length;
    if (this.#keysLeft < 0 || !keys.every(isPlainKey)) return undefined;
    const below: Shape[] = [];
    for (const key of keys) {
      const each = this.shapeOf((value as Record<string, unknown>)[key], depthLeft - 1);
      if (each === undefined) return undefined;
      below.push(each);
    }
    shape.keys = keys;
    shape.keyBytes = keys.map(this.#encodeKey);
    if (shape.keyBytes.some((bytes) => bytes.length === 0)) return undefined;
    shape.below = below;
    return shape;
  }
}

function isPlainKey(key: string): boolean {
  // What all objects have may not be assignable.
  return key.length <= KEY_LENGTH_MAX && !(key in Object.prototype) && !INDEX_KEY.test(key);
}
