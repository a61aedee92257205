/**
 * node-ipc's wire on a connection: `{"type":...,"data":...}` and a delimiter, byte for byte what node-ipc writes but for the values
 * that node-ipc loses ('' and null, objects with `_maxListeners`).
 *
 * Invariant: text that is no message closes the connection, because after it nothing says where the next message starts.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { parseJson, utf8BytesMax } from '../codecs/json.ts';
import { checkJson } from '../codecs/json-check.ts';
import type { ValueLimits } from '../codecs/value-limits.ts';
import { Slot } from '../emitter.ts';
import { FrameError, MessageError, RingwireError } from '../errors.ts';
import { DelimitedParser } from '../frames/delimited.ts';
import type { Sink, Wire } from './wire.ts';

/** Names beyond these are prepared anew each time: peers choose the names that they send. */
const KEPT_NAMES_MAX = 256;

/** Longer names are not kept at all. */
const KEPT_NAME_LENGTH_MAX = 256;

const CLOSING_BRACE = 0x7d;

/** What no message starts with: half a surrogate pair never comes out of decoded bytes. */
const NO_MESSAGE = '\ud800';
const NO_SLOT: Slot = new Slot('');

/** All of a message up to its data. */
interface EnvelopeStart {
  readonly text: string;
  readonly bytes: Buffer;
}

/** What the connections of an endpoint remember of event names. */
export class EnvelopeNames {
  readonly #starts = new Map<string, EnvelopeStart>();
  readonly #slots = new Map<string, Slot>();

  /** `{"type":"name","data":` */
  start(event: string): EnvelopeStart {
    const known = this.#starts.get(event);
    if (known !== undefined) return known;
    const text = `{"type":${JSON.stringify(event)},"data":`;
    const start = { text, bytes: Buffer.from(text) };
    if (this.#starts.size < KEPT_NAMES_MAX && event.length <= KEPT_NAME_LENGTH_MAX)
      this.#starts.set(event, start);
    return start;
  }

  slot(type: string): Slot {
    const known = this.#slots.get(type);
    if (known !== undefined) return known;
    const slot = new Slot(type);
    if (this.#slots.size < KEPT_NAMES_MAX && type.length <= KEPT_NAME_LENGTH_MAX) this.#slots.set(type, slot);
    return slot;
  }
}

export interface DelimitedWireOptions {
  names: EnvelopeNames;
  delimiter: Buffer;
  frameBytesMax: number;
  limits: ValueLimits;
}

export class DelimitedWire implements Wire {
  readonly kind = 'delimited';
  readonly sharingKey = 'delimited';
  readonly parser: DelimitedParser;
  readonly bytesMax: number;
  readonly #sink: Sink;
  readonly #delimiter: Buffer;
  readonly #names: EnvelopeNames;
  readonly #limits: ValueLimits;
  /** How the last message started, and its event; most peers send the same event many times in a row. */
  #lastStart = NO_MESSAGE;
  #lastSlot: Slot = NO_SLOT;
  /** The peer's messages look like those of node-ipc and ringwire: `type`, then `data`, then nothing. */
  #plain = true;

  constructor(ring: ReceiveRing, options: DelimitedWireOptions, sink: Sink) {
    this.parser = new DelimitedParser(ring, options.delimiter, options.frameBytesMax);
    this.bytesMax = options.frameBytesMax;
    this.#delimiter = options.delimiter;
    this.#names = options.names;
    this.#limits = options.limits;
    this.#sink = sink;
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    checkEvent(event);
    const value = data === undefined ? '{}' : stringify(data);
    // JSON.stringify leaves a key out whose value it cannot express (a function, a symbol).
    const start = value === undefined ? withoutData(event) : this.#names.start(event).bytes;
    const text = value ?? '';
    const delimiter = this.#delimiter;
    const at = out.reserve(start.length + utf8BytesMax(text) + 1 + delimiter.length);
    const { bytes } = out;
    bytes.set(start, at);
    let end = at + start.length;
    if (text !== '') end += bytes.write(text, end, 'utf8');
    bytes[end++] = CLOSING_BRACE;
    if (end - at > this.bytesMax) {
      out.rewind(at);
      throw this.#tooLarge(end - at);
    }
    bytes.set(delimiter, end);
    out.rewind(end + delimiter.length);
  }

  #tooLarge(actual: number): RingwireError {
    const limit = this.bytesMax;
    const message = `a message of ${actual} bytes, ${limit} are allowed`;
    return new RingwireError('ERR_RINGWIRE_FRAME_TOO_LARGE', message, { limit, actual });
  }

  encodeShared(event: string, data: unknown, out: ByteWriter): void {
    this.encode(event, data, out);
  }

  prepareShared(): void {
    // Messages of this wire depend on nothing that was sent before.
  }

  receive(): void {
    const text = this.parser.text();
    if (this.#plain && text.startsWith(this.#lastStart) && text.endsWith('}')) {
      let data: unknown;
      try {
        checkJson(text, this.#limits);
        data = JSON.parse(text.slice(this.#lastStart.length, -1));
      } catch {
        this.#plain = false;
        this.#receiveAny(text);
        return;
      }
      this.#sink.value(this.#lastSlot, data);
    } else this.#receiveAny(text);
  }

  #receiveAny(text: string): void {
    let message: unknown;
    try {
      checkJson(text, this.#limits);
      message = parseJson(text);
    } catch (error) {
      if (error instanceof MessageError) throw new FrameError(error.code, error.message);
      throw error;
    }
    const { type, data } = (message ?? {}) as { type?: unknown; data?: unknown };
    if (typeof message !== 'object' || typeof type !== 'string') {
      throw new FrameError(
        'ERR_RINGWIRE_INVALID_ENVELOPE',
        'JSON that is not an object with a string as type',
      );
    }
    const slot = this.#names.slot(type);
    this.#lastSlot = slot;
    this.#lastStart = this.#names.start(type).text;
    this.#sink.value(slot, data);
  }
}

function checkEvent(event: unknown): asserts event is string {
  if (typeof event === 'string') return;
  const message = `an event type must be a string, not ${typeof event}`;
  throw new RingwireError('ERR_RINGWIRE_INVALID_EVENT', message);
}

function withoutData(event: string): Buffer {
  return Buffer.from(`{"type":${JSON.stringify(event)}`);
}

/** The text of `data` as it stands in `{type, data}`: `toJSON` is told the key under which it stands there. */
function stringify(data: unknown): string | undefined {
  if (
    typeof data === 'object' &&
    data !== null &&
    typeof (data as { toJSON?: unknown }).toJSON === 'function'
  ) {
    const text = JSON.stringify({ data });
    return text === '{}' ? undefined : text.slice('{"data":'.length, -1);
  }
  return JSON.stringify(data);
}
