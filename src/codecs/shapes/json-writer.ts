/**
 * Writes plain data as JSON.stringify does, straight into bytes. It has no say in what is JSON: whatever is not plain (classes, `toJSON`,
 * functions, cycles, large values) it leaves to JSON.stringify.
 *
 * Invariant: the bytes are those that JSON.stringify's text has in UTF-8.
 */
import { DRAFT_BYTES, type Draft } from './draft.ts';
import { Keys } from './keys.ts';
import { isPlainArray, isPlainObject, isPolluted } from './plain.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

const DEPTH_MAX = 16;
/** One message rests for each 256 bytes that were written in vain. */
const REST_SHIFT = 8;
/** Below it all decimals of so many digits are different doubles: the one that is this double is what JSON.stringify writes. */
const DECIMAL_MAX = 1e15;
/** The digits of 000 to 999. */
const GROUPS: Uint8Array = Buffer.from(
  Array.from({ length: 1000 }, (_, group) => String(group).padStart(3, '0')).join(''),
);
const INT32_DIGITS = 9;
const INT32_POWER: number = 10 ** INT32_DIGITS;

/** `,"key":` */
export function encodeJsonKey(key: string): Buffer {
  return Buffer.from(`,${JSON.stringify(key)}:`);
}

export class JsonWriter {
  readonly #bytes: Buffer;
  readonly #keys: Keys = new Keys(encodeJsonKey);
  #end = 0;
  /** A getter of the value that is being written may send another one. */
  #busy = false;
  /** Messages that are not tried, because much was written in vain. */
  #rest = 0;

  constructor(draft: Draft) {
    this.#bytes = draft.bytes;
  }

  /** A value is being written: the draft is taken. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** Writes `value` into the draft from `start` on. @returns where it ends, -1 when JSON.stringify has to */
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
      if (this.#value(value, DEPTH_MAX) && this.#end <= DRAFT_BYTES) return this.#end;
    } finally {
      this.#busy = false;
    }
    this.#rest = this.#end >>> REST_SHIFT;
    return -1;
  }

  #value(value: unknown, depthLeft: number): boolean {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return true;
      case 'string':
        return this.#string(value);
      case 'boolean':
        this.#ascii(value ? 'true' : 'false');
        return true;
      case 'object':
        if (value === null) {
          this.#ascii('null');
          return true;
        }
        if (depthLeft === 0 || this.#end > DRAFT_BYTES) return false;
        if (Array.isArray(value)) return this.#array(value, depthLeft - 1);
        return this.#object(value as Record<string, unknown>, depthLeft - 1);
      default:
        return false;
    }
  }

  #object(object: Record<string, unknown>, depthLeft: number): boolean {
    if (!isPlainObject(object)) return false;
    const bytes = this.#bytes;
    const start = this.#end;
    for (const key in object) {
      const value = object[key];
      if (value === undefined) continue;
      const keyBytes = this.#keys.bytesOf(key);
      const at = this.#end;
      for (let index = 0; index < keyBytes.length; index++) bytes[at + index] = keyBytes[index] as number;
      this.#end = at + keyBytes.length;
      if (!this.#value(value, depthLeft)) return false;
    }
    // In the place of the first comma stands the brace.
    if (this.#end === start) this.#end++;
    bytes[start] = OPENING_BRACE;
    bytes[this.#end++] = CLOSING_BRACE;
    return true;
  }

  #array(array: readonly unknown[], depthLeft: number): boolean {
    if (!isPlainArray(array)) return false;
    const bytes = this.#bytes;
    const start = this.#end;
    const { length } = array;
    for (let index = 0; index < length; index++) {
      bytes[this.#end++] = COMMA;
      if (!this.#value(array[index], depthLeft) || this.#end > DRAFT_BYTES) return false;
    }
    if (this.#end === start) this.#end++;
    bytes[start] = OPENING_BRACKET;
    bytes[this.#end++] = CLOSING_BRACKET;
    return true;
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) return this.#ascii('null');
    let positive = value;
    if (value < 0) {
      this.#bytes[this.#end++] = MINUS;
      positive = -value;
    }
    if (positive < DECIMAL_MAX) {
      if (Math.floor(positive) === positive) return this.#integer(positive);
      if (this.#fraction(positive, 3) || this.#fraction(positive, 6)) return;
    }
    return this.#ascii(String(positive));
  }

  /** @returns whether a decimal with so many digits behind the point is this very double, which is no integer */
  #fraction(positive: number, digitsMax: 3 | 6): boolean {
    const power = digitsMax === 3 ? 1e3 : 1e6;
    const decimal = Math.round(positive * power);
    if (decimal >= DECIMAL_MAX || decimal / power !== positive) return false;
    const whole = Math.floor(positive);
    let digits: number = digitsMax;
    let rest = (decimal - whole * power) | 0;
    for (let shorter = (rest / 10) | 0; shorter * 10 === rest; shorter = (rest / 10) | 0) {
      rest = shorter;
      digits--;
    }
    this.#integer(whole);
    this.#bytes[this.#end++] = DOT;
    this.#digits(rest, digits);
    return true;
  }

  #integer(value: number): void {
    if (value >= INT32_POWER) {
      const high = Math.floor(value / INT32_POWER);
      this.#integer(high);
      this.#digits(value - high * INT32_POWER, INT32_DIGITS);
      return;
    }
    let count = 1;
    for (let bound = 10; bound <= value; bound *= 10) count++;
    this.#digits(value, count);
  }

  /** The lowest `count` digits of an integer below a thousand million. */
  #digits(value: number, count: number): void {
    const bytes = this.#bytes;
    const start = this.#end;
    let at = start + count;
    this.#end = at;
    let left = value | 0;
    for (; at - start >= 3; at -= 3) {
      const rest = (left / 1000) | 0;
      const group = (left - rest * 1000) * 3;
      bytes[at - 3] = GROUPS[group] as number;
      bytes[at - 2] = GROUPS[group + 1] as number;
      bytes[at - 1] = GROUPS[group + 2] as number;
      left = rest;
    }
    while (at > start) {
      const rest = (left / 10) | 0;
      bytes[--at] = ZERO + left - rest * 10;
      left = rest;
    }
  }

  #ascii(text: string): void {
    const bytes = this.#bytes;
    const at = this.#end;
    for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
    this.#end = at + text.length;
  }

  #string(text: string): boolean {
    const bytes = this.#bytes;
    if (text.length > DRAFT_BYTES) return false;
    let at = this.#end;
    bytes[at++] = QUOTE;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code >= 0x80 || code === QUOTE || code === BACKSLASH)
        return this.#unusualString(text);
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.#end = at;
    return true;
  }

  /** With escapes, or beyond ASCII. */
  #unusualString(text: string): boolean {
    const json = JSON.stringify(text);
    if (this.#end + json.length * 3 > DRAFT_BYTES) return false;
    this.#end += this.#bytes.write(json, this.#end);
    return true;
  }
}
