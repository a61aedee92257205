/**
 * JSON in UTF-8. It writes what JSON.stringify writes and refuses text whose structure is too large; an empty payload is `undefined`.
 *
 * Invariant: a decoded value owns all its memory, and a key `__proto__` in the text is an own property, never a prototype.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { MessageError } from '../errors.ts';
import type { Frame } from '../frames/frame.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Codec } from './codec.ts';
import { checkJson } from './json-check.ts';
import type { ValueLimits } from './value-limits.ts';

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
  readonly #limits: ValueLimits;
  #text = '';
  readonly #measureLengthMin: number;

  /** @param exact measure every text, so that no more is asked for than is used: where room is scarce */
  constructor(limits: ValueLimits = DEFAULT_LIMITS, exact = false) {
    this.#limits = limits;
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
    checkJson(text, this.#limits);
    return parseJson(text);
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
