/**
 * Reads msgpack of a known shape straight from bytes, several times as fast as check and decoder. It has no say in what is msgpack:
 * whatever it does not expect (bytes, extensions, 64-bit integers) is UNREAD, and the general way decides.
 *
 * Invariant: a value that it returns is the one that the check lets pass and the decoder returns for the same bytes.
 * Source of the format: the MessagePack specification.
 */
import { type Shape, UNREAD } from './shape.ts';

/** Strings up to this length are compared with the one that stood there before. */
const REPEATED_LENGTH_MAX = 32;

const NOTHING: Buffer = Buffer.alloc(0);
const REPLACEMENT = '\ufffd';

export class MsgpackReader {
  /** Where the value that was read last ends. */
  end = 0;
  #bytes: Buffer = NOTHING;
  #limit = 0;
  /** Of `#bytes`, which is mostly the same ring. */
  #view = new DataView(NOTHING.buffer, NOTHING.byteOffset, 0);

  /** The value that begins at `start`; what it is made of is the caller's. @param bytes borrowed for the call */
  read(bytes: Buffer, start: number, limit: number, shape: Shape): unknown {
    if (bytes !== this.#bytes) this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#bytes = bytes;
    this.#limit = limit;
    this.end = start;
    const value = this.#value(shape);
    // Values look further than they should only where the bytes end in the middle of one.
    return this.end <= limit ? value : UNREAD;
  }

  #value(shape: Shape): unknown {
    const bytes = this.#bytes;
    const type = bytes[this.end++] as number;
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, shape);
    if (type < 0xa0) return this.#array(type & 0x0f, shape);
    if (type < 0xc0) return this.#string(type & 0x1f, shape);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#float(4);
      case 0xcb:
        return this.#float(8);
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd9:
        return this.#string(this.#unsigned(1), shape);
      case 0xdc:
        return this.#array(this.#unsigned(2), shape);
      case 0xde:
        return this.#map(this.#unsigned(2), shape);
      default:
        return UNREAD;
    }
  }

  #map(count: number, shape: Shape): unknown {
    const { keys, keyBytes, below } = shape;
    if (count !== keys.length || count === 0) return UNREAD;
    const bytes = this.#bytes;
    const object: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const key = keyBytes[index] as Uint8Array;
      const at = this.end;
      for (let each = 0; each < key.length; each++) if (bytes[at + each] !== key[each]) return UNREAD;
      this.end = at + key.length;
      const value = this.#value(below[index] as Shape);
      if (value === UNREAD) return UNREAD;
      object[keys[index] as string] = value;
    }
    return object;
  }

  #array(count: number, shape: Shape): unknown {
    const { element } = shape;
    if (element === undefined || count > this.#limit - this.end) return UNREAD;
    const array: unknown[] = [];
    for (let index = 0; index < count; index++) {
      const value = this.#value(element);
      if (value === UNREAD) return UNREAD;
      array.push(value);
    }
    return array;
  }

  #string(length: number, shape: Shape): unknown {
    const bytes = this.#bytes;
    const start = this.end;
    const end = start + length;
    this.end = end;
    if (end > this.#limit) return UNREAD;
    const known = shape.text;
    let at = start;
    if (known.length === length) {
      while (at < end && bytes[at] === known.charCodeAt(at - start)) at++;
      if (at === end) return known;
    }
    while (at < end && (bytes[at] as number) < 0x80) at++;
    const text = bytes.toString(at < end ? 'utf8' : 'latin1', start, end);
    // Decoders differ in what they make of bytes that are not UTF-8.
    if (at < end && text.includes(REPLACEMENT)) return UNREAD;
    if (at === end && length <= REPEATED_LENGTH_MAX) shape.text = text;
    return text;
  }

  #unsigned(width: number): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let left = width; left > 0; left--) value = value * 256 + (bytes[this.end++] as number);
    return value;
  }

  #float(width: 4 | 8): unknown {
    const at = this.end;
    this.end = at + width;
    if (this.end > this.#limit) return UNREAD;
    return width === 8 ? this.#view.getFloat64(at) : this.#view.getFloat32(at);
  }
}
