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
import { checkJson, familiarBytesMax } from './json-check.ts';
import { Draft, wholeWords } from './shapes/draft.ts';
import { FamiliarEvents } from './shapes/familiar.ts';
import { JsonReader } from './shapes/json-reader.ts';
import { encodeJsonKey, JsonWriter } from './shapes/json-writer.ts';
import { UNREAD } from './shapes/shape.ts';
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
  readonly #familiarBytesMax: number;
  readonly #familiar: FamiliarEvents = new FamiliarEvents(encodeJsonKey);
  readonly #reader: JsonReader = new JsonReader();
  readonly #draft: Draft = new Draft();
  readonly #writer: JsonWriter = new JsonWriter(this.#draft);
  /** What was prepared: so many bytes of the draft, or a text. */
  #drafted = -1;
  #text = '';
  readonly #measureLengthMin: number;

  /** @param exact measure every text, so that no more is asked for than is used: where room is scarce */
  constructor(limits: ValueLimits = DEFAULT_LIMITS, exact = false) {
    this.#limits = limits;
    this.#familiarBytesMax = familiarBytesMax(limits);
    this.#measureLengthMin = exact ? 0 : MEASURE_LENGTH_MIN;
  }

  prepare(data: unknown): number {
    this.#drafted = this.#writer.write(data, 0);
    if (this.#drafted >= 0) return wholeWords(this.#drafted);
    const text = JSON.stringify(data) ?? '';
    // What a getter or a `toJSON` of the value has sent meanwhile is gone.
    this.#drafted = -1;
    this.#text = text;
    return utf8BytesMax(this.#text, this.#measureLengthMin);
  }

  write(out: ByteWriter, at: number): number {
    if (this.#drafted >= 0) return this.#draft.copyTo(out, at, this.#drafted);
    const text = this.#text;
    this.#text = '';
    return at + out.bytes.write(text, at, 'utf8');
  }

  decode(frame: Frame): unknown {
    const { bytes, start, end } = frame;
    if (end === start) return undefined;
    const familiar = this.#familiar.of(frame.event);
    const { shape } = familiar;
    if (shape !== undefined && end - start <= this.#familiarBytesMax) {
      const value = this.#reader.read(bytes, start, end, shape);
      if (value !== UNREAD && this.#reader.end === end) {
        familiar.confirmed();
        return value;
      }
    }
    const text = bytes.toString('utf8', start, end);
    checkJson(text, this.#limits);
    const value = parseJson(text);
    if (end - start <= this.#familiarBytesMax) familiar.surprised(value);
    return value;
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
