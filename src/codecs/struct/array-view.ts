/**
 * The class of an array inside of a view. Elements are read where they lie; structs and flags in an array are one flyweight that moves.
 *
 * Invariant: no index outside of the array reaches the memory.
 */
import util from 'node:util';
import type { Element } from './layout.ts';
import { type Memory, Place } from './memory.ts';
import { readArray } from './read.ts';
import type { ScalarType } from './types.ts';

const TYPED = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

type Typed = InstanceType<(typeof TYPED)[keyof typeof TYPED]>;
type TypedClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Typed;

/** @param part the flyweight of an element that is no value */
export type ArrayPlaceClass = new (memory: Memory, part: Place | undefined) => ArrayPlace;

export abstract class ArrayPlace extends Place {
  abstract toArray(): unknown[];
}

/** An element that is a value is read by a getter on something that stands at its place. */
class Cursor extends Place {}

/** @param read of an element that is a value */
export function arrayClass(
  element: Element,
  count: number,
  read: ((this: Place) => unknown) | undefined,
): ArrayPlaceClass {
  const { bytes } = element;
  const Elements = class extends ArrayPlace {
    readonly length = count;
    readonly #element: Place;

    constructor(memory: Memory, part: Place | undefined) {
      super(memory);
      this.#element = part ?? new Cursor(memory);
    }

    get(index: number): unknown {
      if (index >>> 0 !== index || index >= count) throw noElement(count);
      const place = this.#element;
      place.$at = this.$at + index * bytes;
      return read === undefined ? place : read.call(place);
    }

    *[Symbol.iterator](): Iterator<unknown> {
      for (let index = 0; index < count; index++) yield this.get(index);
    }

    toArray(): unknown[] {
      return readArray(element, count, this.$memory, this.$at);
    }

    toJSON(): unknown[] {
      return this.toArray();
    }

    [util.inspect.custom](): unknown[] {
      return this.toArray();
    }
  };
  const isNumber = element.enumeration === undefined && element.flags === undefined;
  if (isNumber && element.scalar !== undefined && element.scalar in TYPED)
    Object.defineProperty(Elements.prototype, 'typed', { value: typedGetter(element.scalar, count) });
  return Elements;
}

function typedGetter(scalar: ScalarType, count: number): (this: Place) => Typed {
  const Class: TypedClass = TYPED[scalar as keyof typeof TYPED];
  return function (this: Place) {
    const { bytes } = this.$memory;
    const start = bytes.byteOffset + this.$at;
    // Frames keep payloads aligned; bytes that somebody else cut may lie anywhere.
    if (start % Class.prototype.BYTES_PER_ELEMENT === 0) return new Class(bytes.buffer, start, count);
    return new Class(bytes.buffer.slice(start), 0, count);
  };
}

function noElement(count: number): RangeError {
  return new RangeError(`this array has the elements 0 to ${count - 1}`);
}
