/**
 * Writes plain data as plain msgpack, straight into bytes. Whatever is not plain (classes, bytes, functions, cycles, large values) it
 * leaves to the general way.
 *
 * Invariant: the bytes are those that msgpackr writes with the options of our codec. Source of the format: the MessagePack specification.
 */
import { DRAFT_BYTES, type Draft } from './draft.ts';
import { Keys } from './keys.ts';
import { isPlainArray, isPlainObject, isPolluted } from './plain.ts';

/** Maps and arrays with more elements are left to the general way. */
const COUNT_MAX = 15;
const DEPTH_MAX = 16;
/** One message rests for each 256 bytes that were written in vain. */
const REST_SHIFT = 8;
const STRING_LENGTH_MAX = 255;
/** A number with its type, or the header of anything else. */
const VALUE_BYTES_MAX = 9;

const NOTHING: Buffer = Buffer.alloc(0);
const HALF_PAIR = /\p{Surrogate}/u;

/** Empty for keys that are left to the general way. */
export function encodeMsgpackKey(key: string): Buffer {
  const text = Buffer.from(key);
  if (text.length !== key.length || text.length > STRING_LENGTH_MAX) return NOTHING;
  return Buffer.concat([
    text.length < 32 ? Buffer.of(0xa0 | text.length) : Buffer.of(0xd9, text.length),
    text,
  ]);
}

export class MsgpackWriter {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #keys: Keys = new Keys(encodeMsgpackKey);
  readonly #depthMax: number;
  #end = 0;
  /** A getter of the value that is being written may send another one. */
  #busy = false;
  /** Messages that are not tried, because much was written in vain. */
  #rest = 0;

  constructor(draft: Draft, depthMax: number) {
    this.#bytes = draft.bytes;
    this.#view = draft.view;
    this.#depthMax = Math.min(DEPTH_MAX, depthMax);
  }

  /** Writes `value` into the draft from `start` on. @returns where it ends, -1 when the general way has to */
  write(value: unknown, start: number): number {
    if (this.#rest > 0) this.#rest--;
    else if (!this.#busy && !isPolluted()) return this.#write(value, start);
    return -1;
  }

  #write(value: unknown, start: number): number {
    this.#busy = true;
    this.#keys.restart();
    this.#end = start;
    try {
      if (this.#value(value, this.#depthMax) && this.#end <= DRAFT_BYTES) return this.#end;
    } finally {
      this.#busy = false;
    }
    this.#rest = this.#end >>> REST_SHIFT;
    return -1;
  }

  #value(value: unknown, depthLeft: number): boolean {
    if (this.#end > DRAFT_BYTES - VALUE_BYTES_MAX) return false;
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return true;
      case 'string':
        return this.#string(value);
      case 'boolean':
        this.#bytes[this.#end++] = value ? 0xc3 : 0xc2;
        return true;
      case 'undefined':
        this.#bytes[this.#end++] = 0xc0;
        return true;
      case 'object':
        if (value === null) {
          this.#bytes[this.#end++] = 0xc0;
          return true;
        }
        if (depthLeft === 0) return false;
        if (Array.isArray(value)) return this.#array(value, depthLeft - 1);
        return this.#map(value as Record<string, unknown>, depthLeft - 1);
      default:
        return false;
    }
  }

  #map(object: Record<string, unknown>, depthLeft: number): boolean {
    if (!isPlainObject(object)) return false;
    const bytes = this.#bytes;
    const start = this.#end++;
    let count = 0;
    for (const key in object) {
      const keyBytes = this.#keys.bytesOf(key);
      if (keyBytes.length === 0 || ++count > COUNT_MAX) return false;
      const at = this.#end;
      for (let index = 0; index < keyBytes.length; index++) bytes[at + index] = keyBytes[index] as number;
      this.#end = at + keyBytes.length;
      if (!this.#value(object[key], depthLeft)) return false;
    }
    bytes[start] = 0x80 | count;
    return true;
  }

  #array(array: readonly unknown[], depthLeft: number): boolean {
    const { length } = array;
    if (length >= DRAFT_BYTES || !isPlainArray(array)) return false;
    if (length <= COUNT_MAX) this.#bytes[this.#end++] = 0x90 | length;
    else this.#short(0xdc, length);
    for (let index = 0; index < length; index++) if (!this.#value(array[index], depthLeft)) return false;
    return true;
  }

  #number(value: number): void {
    const bytes = this.#bytes;
    if (value >>> 0 === value) {
      if (value < 0x80) bytes[this.#end++] = value;
      else if (value < 0x100) this.#byte(0xcc, value);
      else if (value < 0x10000) this.#short(0xcd, value);
      else this.#word(0xce, value);
    } else if (value >> 0 === value) {
      if (value >= -0x20) bytes[this.#end++] = value;
      else if (value >= -0x80) this.#byte(0xd0, value);
      else if (value >= -0x8000) this.#short(0xd1, value);
      else this.#word(0xd2, value);
    } else {
      bytes[this.#end] = 0xcb;
      this.#view.setFloat64(this.#end + 1, value);
      this.#end += 9;
    }
  }

  #byte(type: number, value: number): void {
    this.#bytes[this.#end++] = type;
    this.#bytes[this.#end++] = value;
  }

  #short(type: number, value: number): void {
    this.#byte(type, value >> 8);
    this.#bytes[this.#end++] = value;
  }

  #word(type: number, value: number): void {
    this.#short(type, value >> 16);
    this.#byte(value >> 8, value);
  }

  #string(text: string): boolean {
    const { length } = text;
    if (length > STRING_LENGTH_MAX) return false;
    const bytes = this.#bytes;
    const start = this.#end;
    if (length < 32) bytes[this.#end++] = 0xa0 | length;
    else this.#byte(0xd9, length);
    let at = this.#end;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return this.#unusualString(text, start);
      bytes[at++] = code;
    }
    this.#end = at;
    return true;
  }

  /** Beyond ASCII. */
  #unusualString(text: string, start: number): boolean {
    // What decoders make of half a surrogate pair differs.
    const length = Buffer.byteLength(text);
    if (HALF_PAIR.test(text) || start + length > DRAFT_BYTES - VALUE_BYTES_MAX) return false;
    this.#end = start;
    if (length < 32) this.#bytes[this.#end++] = 0xa0 | length;
    else if (length < 0x100) this.#byte(0xd9, length);
    else this.#short(0xda, length);
    this.#end += this.#bytes.write(text, this.#end);
    return true;
  }
}
