/**
 * node-ipc's wire on a connection: `{"type":...,"data":...}` and a delimiter, byte for byte what node-ipc writes but for the values
 * that node-ipc loses ('' and null, objects with `_maxListeners`).
 *
 * Invariant: text that is no message closes the connection, because after it nothing says where the next message starts.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { parseJson, utf8BytesMax } from '../codecs/json.ts';
import { checkJson, familiarBytesMax } from '../codecs/json-check.ts';
import { UNREAD } from '../codecs/shapes/shape.ts';
import type { ValueLimits } from '../codecs/value-limits.ts';
import { FrameError, MessageError, RingwireError } from '../errors.ts';
import { DelimitedParser, type MessageReceiver } from '../frames/delimited.ts';
import type { Frame } from '../frames/frame.ts';
import type { Envelope, Envelopes } from './envelope.ts';
import type { Sink, Wire } from './wire.ts';

const CLOSING_BRACE = 0x7d;

export interface DelimitedWireOptions {
  envelopes: Envelopes;
  frameBytesMax: number;
  /** Largest message that is sent, where it is another than `frameBytesMax`. */
  sentBytesMax?: number | undefined;
  limits: ValueLimits;
}

export class DelimitedWire implements Wire, MessageReceiver {
  readonly kind = 'delimited';
  readonly sharingKey = 'delimited';
  readonly parser: DelimitedParser;
  readonly bytesMax: number;
  readonly #sink: Sink;
  readonly #options: DelimitedWireOptions;
  readonly #familiarBytesMax: number;
  /** How the last message began; most peers send the same event many times in a row. */
  #last: Envelope | undefined = undefined;
  /** The peer's messages look like those of node-ipc and ringwire: `type`, then `data`, then nothing. */
  #plain = true;
  /** What `readMessage` has read. */
  #data: unknown = undefined;
  /** `readMessage` has seen that the message is not what was expected. */
  #missed = false;

  constructor(ring: ReceiveRing, options: DelimitedWireOptions, sink: Sink) {
    this.parser = new DelimitedParser(ring, options.envelopes.delimiter, options.frameBytesMax);
    this.bytesMax = options.sentBytesMax ?? options.frameBytesMax;
    this.#options = options;
    this.#familiarBytesMax = familiarBytesMax(options.limits);
    this.#sink = sink;
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    checkEvent(event);
    const { writer } = this.#options.envelopes;
    const length = data === undefined ? -1 : writer.draft(event, data);
    if (length < 0) this.#encodeAny(event, data, out);
    else if (length > this.bytesMax) throw this.#tooLarge(length);
    else writer.append(out);
  }

  #encodeAny(event: string, data: unknown, out: ByteWriter): void {
    const value = data === undefined ? '{}' : stringify(data);
    // JSON.stringify leaves a key out whose value it cannot express (a function, a symbol).
    const { envelopes } = this.#options;
    const { delimiter } = envelopes;
    const start = value === undefined ? withoutData(event) : envelopes.of(event).bytes;
    const text = value ?? '';
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

  /** The peer chooses nothing here. */
  isPeersDoing(): boolean {
    return false;
  }

  checkShared(): void {
    // There is one codec.
  }

  prepareShared(): void {
    // Messages of this wire depend on nothing that was sent before.
  }

  readMessage(bytes: Buffer, start: number, limit: number): number {
    this.#missed = false;
    const last = this.#last;
    const shape = last?.familiar.shape;
    if (last === undefined || shape === undefined) return -1;
    const head = last.bytes;
    for (let index = 0; index < head.length; index++) if (bytes[start + index] !== head[index]) return -1;
    const { reader } = this.#options.envelopes;
    const data = reader.read(bytes, start + head.length, limit, shape);
    const end = reader.end + 1;
    if (
      data === UNREAD ||
      bytes[end - 1] !== CLOSING_BRACE ||
      end > limit ||
      end - start > this.#familiarBytesMax
    ) {
      // Where the bytes end in the middle of a message nothing is known about it.
      this.#missed = end <= limit;
      return -1;
    }
    this.#data = data;
    return end;
  }

  receiveRead(): void {
    const { slot, familiar } = this.#last as Envelope;
    const data = this.#data;
    this.#data = undefined;
    familiar.confirmed();
    this.#sink.value(slot, data);
  }

  dropRead(): void {
    this.#data = undefined;
  }

  receive(frame: Frame): void {
    // What began in an earlier chunk lies in one piece now.
    const end = this.#missed ? -1 : this.readMessage(frame.bytes, frame.start, frame.end);
    if (end === frame.end) {
      this.receiveRead();
      return;
    }
    this.dropRead();
    const text = this.parser.text();
    const last = this.#last;
    if (this.#plain && last !== undefined && text.startsWith(last.text) && text.endsWith('}')) {
      let data: unknown;
      try {
        checkJson(text, this.#options.limits);
        data = JSON.parse(text.slice(last.text.length, -1));
      } catch {
        this.#plain = false;
        this.#receiveAny(text);
        return;
      }
      this.#receiveUnfamiliar(last, data, text.length);
    } else this.#receiveAny(text);
  }

  #receiveUnfamiliar({ slot, familiar }: Envelope, data: unknown, bytes: number): void {
    if (bytes <= this.#familiarBytesMax) familiar.surprised(data);
    this.#sink.value(slot, data);
  }

  #receiveAny(text: string): void {
    let message: unknown;
    try {
      checkJson(text, this.#options.limits);
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
    this.#last = this.#options.envelopes.of(type);
    this.#receiveUnfamiliar(this.#last, data, text.length);
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
