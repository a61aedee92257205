/**
 * Reads the structure of a msgpack message once, front to back, before any decoder sees it: every length must lie inside the
 * frame, nesting and element counts stay within bounds, and no extension type but the timestamp is let through (decoders
 * turn others into regular expressions, errors and shared references). It builds nothing.
 *
 * Invariant: what passes is exactly one value that ends where the frame ends. Source of the format: the MessagePack specification.
 */
import { MessageError } from '../errors.ts';
import { FAMILIAR_BYTES_MAX } from '../limits.ts';
import { tooDeep, tooMany, type ValueLimits } from './value-limits.ts';

const TIMESTAMP = 0xff;

/** Bytes behind the type byte for types of fixed size 0xc0 to 0xdf; -1 where something else decides. */
const FIXED: readonly number[] = [
  0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, -1, -1, -1, -1, -1, -1,
  -1,
];

/** A message up to this size cannot have too many elements or keys: each has a byte at least, a key two with its value. */
export function familiarBytesMax({ elementsMax, keysMax }: ValueLimits): number {
  return Math.min(FAMILIAR_BYTES_MAX, elementsMax, 2 * keysMax);
}

/** Types that the decoder makes no key of an object: bin, ext, collections. */
function isNoKey(type: number): boolean {
  return (
    type < 0xa0 ||
    (type >= 0xc4 && type <= 0xc9) ||
    (type >= 0xd4 && type <= 0xd8) ||
    (type >= 0xdc && type <= 0xdf)
  );
}

/** @throws MessageError with the code that RELIABILITY's table names for the fault */
export function checkMsgpack(bytes: Uint8Array, start: number, end: number, limits: ValueLimits): void {
  let at = start;
  let elements = 0;
  let keys = 0;
  let depth = 0;
  /** Values still to come at the current level; the levels above wait in `open`. */
  let left = 1;
  /** The current level is a map: when an odd number of values is left behind one, that one is a key. */
  let keyed = 0;
  /** Twice what is left at each level, and one more for a map. */
  let open: number[] | undefined;

  for (;;) {
    while (left === 0) {
      if (depth === 0) {
        if (at !== end) throw invalid(`${end - at} bytes behind the value`);
        return;
      }
      const level = (open as number[])[--depth] as number;
      left = level >>> 1;
      keyed = level & 1;
    }
    left--;
    if (at >= end) throw invalid('a value is missing');
    const type = bytes[at++] as number;
    if (type < 0x80 || type >= 0xe0) continue;
    if ((left & keyed) === 1 && isNoKey(type))
      throw invalid('a map key that is no string, number, boolean or nil');

    let children = -1;
    let isMap = 0;
    if (type < 0x90) {
      isMap = 1;
      children = (type & 0x0f) * 2;
      keys += type & 0x0f;
    } else if (type < 0xa0) children = type & 0x0f;
    else if (type < 0xc0) at += type & 0x1f;
    else {
      const fixed = FIXED[type - 0xc0] as number;
      if (fixed >= 0) {
        if (type >= 0xd4 && type <= 0xd8 && at < end && bytes[at] !== TIMESTAMP) throw extension(bytes[at]);
        at += fixed;
      } else if (type === 0xc1) {
        throw invalid('the type byte 0xc1, which means nothing');
      } else {
        const width = lengthWidth(type);
        if (at + width > end) throw invalid('a length is cut');
        const length = readLength(bytes, at, width);
        at += width;
        if (type >= 0xde) {
          isMap = 1;
          children = length * 2;
          keys += length;
        } else if (type >= 0xdc) children = length;
        else if (type >= 0xc7 && type <= 0xc9) {
          if (at < end && bytes[at] !== TIMESTAMP) throw extension(bytes[at]);
          at += 1 + length;
        } else at += length;
      }
    }
    if (at > end) throw invalid('a value is longer than the message');
    if (children < 0) continue;
    if (children > end - at) throw invalid('a collection promises more elements than the message has bytes');
    elements += children;
    if (elements > limits.elementsMax) throw tooMany('elements', limits.elementsMax);
    if (keys > limits.keysMax) throw tooMany('keys', limits.keysMax);
    if (depth >= limits.depthMax) throw tooDeep('msgpack', limits.depthMax);
    open ??= [];
    open[depth++] = left * 2 + keyed;
    left = children;
    keyed = isMap;
  }
}

/** bin 8/16/32, ext 8/16/32, str 8/16/32, array 16/32, map 16/32. */
function lengthWidth(type: number): number {
  if (type === 0xc4 || type === 0xc7 || type === 0xd9) return 1;
  return type === 0xc5 || type === 0xc8 || type === 0xda || type === 0xdc || type === 0xde ? 2 : 4;
}

function readLength(bytes: Uint8Array, at: number, width: number): number {
  let length = 0;
  for (let index = 0; index < width; index++) length = length * 256 + (bytes[at + index] as number);
  return length;
}

function invalid(what: string): MessageError {
  return new MessageError('ERR_RINGWIRE_INVALID_MSGPACK', `not a msgpack message: ${what}`);
}

function extension(type: number | undefined): MessageError {
  return new MessageError('ERR_RINGWIRE_EXT_NOT_ALLOWED', `a msgpack extension of type ${type ?? 'none'}`);
}
