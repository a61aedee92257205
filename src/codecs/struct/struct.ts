/**
 * `defineStruct`: one definition of a message's bytes, from which everything follows: encoding, decoding, views, TypeScript's types, the layout
 * hash, and by `ringwire codegen` the C header.
 *
 * Invariant: a payload of any length can be read: fields that it does not reach are zero, bytes behind the last field are ignored.
 */
import { type Field, type LaidOut, layOut, type Layout, layoutHashes } from './layout.ts';
import { bufferOf, Memory } from './memory.ts';
import { readObject } from './read.ts';
import type { Definition, StructInput, StructValue, StructView } from './types.ts';
import { StructPlace, type StructPlaceClass, viewClass } from './view.ts';
import { writeStruct } from './write.ts';

/** Every copy of ringwire in a program knows the structs of the others by it. */
const BRAND: symbol = Symbol.for('ringwire.struct');

/** A message with the layout of a C struct: what `defineStruct` gives. */
export class Struct<F extends Definition = Definition> implements LaidOut {
  readonly name: string;
  readonly definition: F;
  /** Where the fields lie. */
  readonly layout: Layout;
  /** What two programs compare when they meet. */
  readonly hash: bigint;
  /** The class of its views, without their types. */
  readonly View: StructPlaceClass;
  readonly #hashes: readonly bigint[];

  constructor(name: string, definition: F) {
    this.layout = layOut(name, definition);
    this.name = name;
    this.definition = definition;
    this.#hashes = layoutHashes(this.layout.fields);
    this.hash = this.#hashes.at(-1) as bigint;
    this.View = viewClass(this.layout);
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Bytes of a message. */
  get bytes(): number {
    return this.layout.bytes;
  }

  get fields(): readonly Field[] {
    return this.layout.fields;
  }

  /** The hash of the first `count` fields, that of a program that does not know the later ones; undefined when there are not so many. */
  hashOf(count: number): bigint | undefined {
    return this.#hashes[count];
  }

  /** The message as bytes of your own. @throws RingwireError ERR_RINGWIRE_INVALID_STRUCT, naming the field */
  encode(value: StructInput<F>): Buffer {
    // Not from the pool: typed arrays can be laid over memory that begins at a multiple of 8.
    const bytes = Buffer.allocUnsafeSlow(this.layout.bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    writeStruct(this.layout, { bytes, view }, 0, value);
    return bytes;
  }

  /** A plain object of your own. @param payload borrowed for the call */
  decode(payload: Uint8Array): StructValue<F> {
    const memory = new Memory();
    memory.turnTo(this.#whole(payload));
    return readObject(this.layout, memory, 0) as StructValue<F>;
  }

  /** The fields in place, for as long as the payload stays as it is. @param payload borrowed by the view */
  view(payload: Uint8Array): StructView<F> {
    const memory = new Memory();
    memory.turnTo(this.#whole(payload));
    return new this.View(memory) as unknown as StructView<F>;
  }

  /** What a view shows, as a plain object of your own: the way to keep what was lent. */
  toObject(view: StructView<F>): StructValue<F> {
    if (!(view instanceof StructPlace)) throw new TypeError('toObject takes a view of the struct');
    return readObject(this.layout, view.$memory, view.$at) as StructValue<F>;
  }

  /** At least the struct's bytes: a shorter payload is continued with zeros. */
  #whole(payload: Uint8Array): Buffer {
    if (payload.length >= this.layout.bytes) return bufferOf(payload);
    const whole = Buffer.alloc(this.layout.bytes);
    whole.set(payload);
    return whole;
  }
}

/**
 * Names the fields of a message in the order in which they lie in memory.
 * @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA, naming the field
 */
export function defineStruct<const F extends Definition>(name: string, definition: F): Struct<F> {
  return new Struct(name, definition);
}

/** Whether something is a struct, also one of another copy of ringwire. */
export function isStruct(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && BRAND in value;
}
