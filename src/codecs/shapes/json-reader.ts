/**
 * Reads JSON of a known shape straight from bytes, two to four times as fast as JSON.parse reads text. It has no say in what is JSON:
 * whatever it does not expect is UNREAD, and JSON.parse decides.
 *
 * Invariant: a value that it returns is the one that JSON.parse returns for the same bytes.
 */
import { type Shape, UNREAD } from './shape.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const EXPONENT = 0x65;
/** Set in lower case letters. */
const LOWER_CASE = 0x20;

const TRUE: Uint8Array = Buffer.from('true');
const FALSE: Uint8Array = Buffer.from('false');
const NULL: Uint8Array = Buffer.from('null');

/** So many digits are an integer that a double holds exactly; divided by an exact power of ten it is rounded once, as it must be. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN: readonly number[] = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

/** Strings up to this length are compared with the one that stood there before. */
const REPEATED_LENGTH_MAX = 32;

export class JsonReader {
  /** Where the value that was read last ends. */
  end = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #limit = 0;

  /** The value that begins at `start`; what it is made of is the caller's. @param bytes borrowed for the call */
  read(bytes: Buffer, start: number, limit: number, shape: Shape): unknown {
    this.#bytes = bytes;
    this.#limit = limit;
    this.end = start;
    const value = this.#value(shape);
    // Tokens look further than they should only where the bytes end in the middle of one.
    return this.end <= limit ? value : UNREAD;
  }

  #value(shape: Shape): unknown {
    const byte = this.#bytes[this.end] as number;
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return this.#number();
    if (byte === QUOTE) return this.#string(shape);
    if (byte === OPENING_BRACE) return this.#object(shape);
    if (byte === OPENING_BRACKET) return this.#array(shape);
    return this.#literal(byte);
  }

  #object(shape: Shape): unknown {
    const { keys, keyBytes, below } = shape;
    const bytes = this.#bytes;
    const start = this.end;
    if (keys.length === 0) return UNREAD;
    const object: Record<string, unknown> = {};
    for (let index = 0; index < keys.length; index++) {
      // A key's bytes begin with a comma; in the place of the first one stands the brace.
      const key = keyBytes[index] as Uint8Array;
      let at = this.end;
      if (at !== start && bytes[at] !== COMMA) return UNREAD;
      for (let each = 1; each < key.length; each++) if (bytes[++at] !== key[each]) return UNREAD;
      this.end = at + 1;
      const value = this.#value(below[index] as Shape);
      if (value === UNREAD) return UNREAD;
      object[keys[index] as string] = value;
    }
    return bytes[this.end++] === CLOSING_BRACE ? object : UNREAD;
  }

  #array(shape: Shape): unknown {
    const { element } = shape;
    if (element === undefined) return UNREAD;
    const bytes = this.#bytes;
    const array: unknown[] = [];
    if (bytes[this.end + 1] === CLOSING_BRACKET) {
      this.end += 2;
      return array;
    }
    do {
      if (++this.end >= this.#limit) return UNREAD;
      const value = this.#value(element);
      if (value === UNREAD) return UNREAD;
      array.push(value);
    } while (bytes[this.end] === COMMA);
    return bytes[this.end++] === CLOSING_BRACKET ? array : UNREAD;
  }

  #number(): unknown {
    const bytes = this.#bytes;
    const limit = this.#limit;
    const start = this.end;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let byte = 0;
    let mantissa = 0;
    for (; at < limit && (byte = bytes[at] as number) >= ZERO && byte <= NINE; at++) {
      mantissa = mantissa * 10 + (byte - ZERO);
    }
    if (at === first || (bytes[first] === ZERO && at > first + 1)) return UNREAD;
    let fraction = 0;
    if (at < limit && byte === DOT) {
      const point = at++;
      for (; at < limit && (byte = bytes[at] as number) >= ZERO && byte <= NINE; at++) {
        mantissa = mantissa * 10 + (byte - ZERO);
      }
      fraction = at - point - 1;
      if (fraction === 0) return UNREAD;
    }
    this.end = at;
    if (at < limit && (byte | LOWER_CASE) === EXPONENT) return this.#exponent(start);
    if (at - first > EXACT_DIGITS) return Number(bytes.toString('latin1', start, at));
    const value = fraction === 0 ? mantissa : mantissa / (POWERS_OF_TEN[fraction] as number);
    return isNegative ? -value : value;
  }

  /** A number whose digits before the exponent have been judged. */
  #exponent(start: number): unknown {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let at = this.end + 1;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    const first = at;
    for (let byte = 0; at < limit && (byte = bytes[at] as number) >= ZERO && byte <= NINE;) at++;
    this.end = at;
    return at === first ? UNREAD : Number(bytes.toString('latin1', start, at));
  }

  #string(shape: Shape): unknown {
    const bytes = this.#bytes;
    const limit = this.#limit;
    const start = this.end + 1;
    const known = shape.text;
    let at = start;
    while (at - start < known.length && bytes[at] === known.charCodeAt(at - start)) at++;
    if (at - start === known.length && bytes[at] === QUOTE) {
      this.end = at + 1;
      return known;
    }
    // What was compared is plain; the rest is looked at.
    let byte = 0;
    while (
      at < limit &&
      (byte = bytes[at] as number) !== QUOTE &&
      byte >= SPACE &&
      byte < 0x80 &&
      byte !== BACKSLASH
    )
      at++;
    if (at >= limit) return UNREAD;
    if (byte !== QUOTE) return this.#unusualString(start, at);
    this.end = at + 1;
    const text = bytes.toString('latin1', start, at);
    if (text.length <= REPEATED_LENGTH_MAX) shape.text = text;
    return text;
  }

  /** With escapes or beyond ASCII: JSON.parse reads it alone. */
  #unusualString(start: number, from: number): unknown {
    const bytes = this.#bytes;
    let at = from;
    while (at < this.#limit && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    this.end = at + 1;
    if (at >= this.#limit) return UNREAD;
    try {
      return JSON.parse(bytes.toString('utf8', start - 1, at + 1));
    } catch {
      return UNREAD;
    }
  }

  #literal(byte: number): unknown {
    if (byte === 0x74) return this.#word(TRUE, true);
    if (byte === 0x66) return this.#word(FALSE, false);
    return byte === 0x6e ? this.#word(NULL, null) : UNREAD;
  }

  #word(word: Uint8Array, value: boolean | null): unknown {
    const at = this.end;
    for (let index = 1; index < word.length; index++)
      if (this.#bytes[at + index] !== word[index]) return UNREAD;
    this.end = at + word.length;
    return value;
  }
}
