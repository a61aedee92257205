/**
 * node-ipc's wire on a connection: `{"type":...,"data":...}` and a delimiter, byte for byte what node-ipc writes but for the values
 * that node-ipc loses ('' and null, objects with `_maxListeners`).
 *
 * Invariant: text that is no message closes the connection, because after it nothing says where the next message starts.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { parseJson, utf8BytesMax } from '../codecs/json.ts';
import { Slot } from '../emitter.ts';
import { FrameError, MessageError, RingwireError } from '../errors.ts';
import { DelimitedParser } from '../frames/delimited.ts';
import type { Frame } from '../frames/frame.ts';
import type { Sink, Wire } from './wire.ts';

/** Names beyond these are prepared anew each time: peers choose the names that they send. */
const KEPT_NAMES_MAX = 256;

/** What the connections of an endpoint remember of event names. */
export class EnvelopeNames {
  readonly #starts = new Map<string, string>();
  readonly #slots = new Map<string, Slot>();

  /** `{"type":"name","data":` */
  start(event: string): string {
    const known = this.#starts.get(event);
    if (known !== undefined) return known;
    const start = `{"type":${JSON.stringify(event)},"data":`;
    if (this.#starts.size < KEPT_NAMES_MAX) this.#starts.set(event, start);
    return start;
  }

  slot(type: string): Slot {
    const known = this.#slots.get(type);
    if (known !== undefined) return known;
    const slot = new Slot(type);
    if (this.#slots.size < KEPT_NAMES_MAX) this.#slots.set(type, slot);
    return slot;
  }
}

export interface DelimitedWireOptions {
  names: EnvelopeNames;
  delimiter: Buffer;
  frameBytesMax: number;
}

export class DelimitedWire implements Wire {
  readonly kind = 'delimited';
  readonly sharingKey = 'delimited';
  readonly parser: DelimitedParser;
  readonly bytesMax: number;
  readonly #sink: Sink;
  readonly #delimiter: Buffer;
  readonly #delimiterText: string;
  readonly #names: EnvelopeNames;

  constructor(ring: ReceiveRing, options: DelimitedWireOptions, sink: Sink) {
    this.parser = new DelimitedParser(ring, options.delimiter, options.frameBytesMax);
    this.bytesMax = options.frameBytesMax;
    this.#delimiter = options.delimiter;
    this.#delimiterText = options.delimiter.toString('utf8');
    this.#names = options.names;
    this.#sink = sink;
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    const text = this.#text(event, data);
    const at = out.reserve(utf8BytesMax(text));
    const end = at + out.bytes.write(text, at, 'utf8');
    out.rewind(end);
    const bytes = end - at - this.#delimiter.length;
    if (bytes > this.bytesMax) {
      out.rewind(at);
      throw new RingwireError(
        'ERR_RINGWIRE_FRAME_TOO_LARGE',
        `a message of ${bytes} bytes, ${this.bytesMax} are allowed`,
        {
          limit: this.bytesMax,
          actual: bytes,
        },
      );
    }
  }

  encodeShared(event: string, data: unknown, out: ByteWriter): void {
    this.encode(event, data, out);
  }

  prepareShared(): void {
    // Messages of this wire depend on nothing that was sent before.
  }

  receive(frame: Frame): void {
    let message: unknown;
    try {
      message = parseJson(frame.bytes, frame.start, frame.end);
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
    this.#sink.value(this.#names.slot(type), data);
  }

  #text(event: string, data: unknown): string {
    if (typeof event !== 'string') {
      throw new RingwireError(
        'ERR_RINGWIRE_INVALID_EVENT',
        `an event type must be a string, not ${typeof event}`,
      );
    }
    const value = data === undefined ? '{}' : stringify(data);
    // JSON.stringify leaves a key out whose value it cannot express (a function, a symbol).
    if (value === undefined) return `{"type":${JSON.stringify(event)}}${this.#delimiterText}`;
    return `${this.#names.start(event)}${value}}${this.#delimiterText}`;
  }
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
