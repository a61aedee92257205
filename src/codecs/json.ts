/**
 * JSON in UTF-8. It writes what JSON.stringify writes and refuses text that nests too deep; an empty payload is `undefined`.
 *
 * Invariant: a decoded value owns all its memory, and a key `__proto__` in the text is an own property, never a prototype.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { MessageError } from '../errors.ts';
import type { Frame } from '../frames/frame.ts';
import { DEPTH_MAX } from '../limits.ts';
import type { Codec } from './codec.ts';

/** Up to this length the worst case of UTF-8 is reserved instead of measuring the text. */
const MEASURE_LENGTH_MIN = 8 * 1024;

/** Most bytes that `text` takes in UTF-8. */
export function utf8BytesMax(text: string, measureLengthMin: number = MEASURE_LENGTH_MIN): number {
  return text.length < measureLengthMin ? text.length * 3 : Buffer.byteLength(text);
}

export class JsonCodec implements Codec {
  readonly name = 'json';
  readonly id = 1;
  attachment: Uint8Array | undefined = undefined;
  #text = '';
  readonly #measureLengthMin: number;

  /** @param exact measure every text, so that no more is asked for than is used: where room is scarce */
  constructor(exact = false) {
    this.#measureLengthMin = exact ? 0 : MEASURE_LENGTH_MIN;
  }

  prepare(data: unknown): number {
    this.#text = JSON.stringify(data) ?? '';
    return utf8BytesMax(this.#text, this.#measureLengthMin);
  }

  write(out: ByteWriter, at: number): number {
    const text = this.#text;
    this.#text = '';
    return at + out.bytes.write(text, at, 'utf8');
  }

  decode(frame: Frame): unknown {
    if (frame.end === frame.start) return undefined;
    const text = frame.bytes.toString('utf8', frame.start, frame.end);
    checkDepth(text);
    return parseJson(text);
  }
}

/** @throws MessageError ERR_RINGWIRE_TOO_DEEP */
export function checkDepth(text: string): void {
  // A level needs two brackets, so short text needs no look.
  if (text.length > 2 * DEPTH_MAX && isDeep(text)) {
    throw new MessageError('ERR_RINGWIRE_TOO_DEEP', `JSON that nests deeper than ${DEPTH_MAX}`, {
      limit: DEPTH_MAX,
    });
  }
}

/** @throws MessageError ERR_RINGWIRE_INVALID_JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be secret.
    throw new MessageError('ERR_RINGWIRE_INVALID_JSON', `${text.length} characters that are not JSON`);
  }
}

const OPENING = /[[{]/g;

/** Whether brackets outside of strings nest deeper than DEPTH_MAX. Most text has too few brackets to make that possible. */
function isDeep(text: string): boolean {
  let openings = 0;
  OPENING.lastIndex = 0;
  while (OPENING.test(text)) if (++openings > DEPTH_MAX) return nests(text);
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function nests(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++)
        if (text.charCodeAt(at) === BACKSLASH) at++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > DEPTH_MAX) return true;
    } else if (code === 0x5d || code === 0x7d) {
      depth--;
    }
  }
  return false;
}
