/**
 * Messages into frames of the ringwire wire, with the announces that have to precede them.
 *
 * Invariant: what is sent under an announced id comes behind its announce; `#announced` counts the announces that are written.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { RepeatCopy } from '../bytes/repeat-copy.ts';
import type { Codec } from '../codecs/codec.ts';
import { isBytes } from '../codecs/raw.ts';
import { EventStruct } from '../codecs/struct/codec.ts';
import { RingwireError } from '../errors.ts';
import { FIRST_ANNOUNCED_ID, HEADER_BYTES, INLINE_NAME_ID } from '../frames/control.ts';
import {
  EXTENSION_BYTES,
  EXTENSION_FLAG,
  extraBytes,
  FrameKind,
  plainFrameBytes,
  TRACE_FLAG,
  writeExtension,
  writeHeader,
  writeTrace,
} from '../frames/header.ts';
import { appendHeader, attach, pad } from '../frames/padding.ts';
import { ATTACH_BYTES_MIN } from '../limits.ts';
import type { EventIds } from './event-ids.ts';
import type { Exchange } from './exchange.ts';
import { inlineName } from './inline-name.ts';
import { payloadTooLarge } from './too-large.ts';
import { insideGetter } from './inside-getter.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class BinaryEncoder {
  readonly #events: EventIds;
  readonly #eventCodecs: ReadonlyMap<string, Codec> | undefined;
  #codec: Codec;
  /** Bit k: the peer decodes codec k. All bits until its hello says so. */
  #codecSet = -1;
  #bytesMax: number;
  #announced = 0;
  /** The last event that was sent: most programs send the same one many times in a row. */
  #sentEvent: string | undefined = undefined;
  #sentId = 0;
  #sentCodec: Codec;
  /** Second half of the header on that event, and up to which length bytes take the short way. */
  #rawWord = 0;
  #rawEnd = 0;
  readonly #copy: RepeatCopy = new RepeatCopy();
  /** Set while the last event's messages are structs, which are written in place. */
  #sentStruct: EventStruct | undefined = undefined;
  /** A struct is being written: what its getters send would lie in the same place. */
  #writing = false;

  constructor(events: EventIds, codec: Codec, bytesMax: number, eventCodecs?: ReadonlyMap<string, Codec>) {
    this.#events = events;
    this.#eventCodecs = eventCodecs;
    this.#codec = codec;
    this.#sentCodec = codec;
    this.#bytesMax = bytesMax;
  }

  get codec(): Codec {
    return this.#codec;
  }

  /** Largest payload that the peer accepts, as far as it is known. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** What both sides have agreed on. */
  agree(codec: Codec, codecSet: number, bytesMax: number): void {
    this.#codec = codec;
    this.#codecSet = codecSet;
    this.#bytesMax = bytesMax;
    this.#sentEvent = undefined;
    this.#sentStruct = undefined;
    this.#rawEnd = 0;
  }

  /** Whether the peer decodes a codec, as far as it is known. */
  speaks(codec: Pick<Codec, 'id'>): boolean {
    return (this.#codecSet & (1 << codec.id)) !== 0;
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    const length = this.#shortLength(event, data);
    if (length > 0) this.#writeBytes(data as Uint8Array, length, out.reserve(plainFrameBytes(length)), out);
    else this.#encodeAny(event, data, out);
  }

  /** Bytes that need no encoding, under the event of the last message. */
  encodeOpen(event: string, data: unknown, out: ByteWriter): boolean {
    if (event !== this.#sentEvent) return false;
    const repeated = this.#copy.repeatedBytes(data);
    if (repeated > 0 && repeated < this.#rawEnd) return this.#writeRepeated(repeated, out);
    const length = this.#shortLength(event, data);
    if (length === 0) return false;
    const at = out.end;
    const end = at + plainFrameBytes(length);
    if (end >= out.openEnd) return false;
    out.end = end;
    this.#writeBytes(data as Uint8Array, length, at, out);
    return true;
  }

  /** The source that keeps coming: a multiple of 8 bytes that need not be looked at again. */
  #writeRepeated(length: number, out: ByteWriter): boolean {
    const at = out.end;
    const end = at + HEADER_BYTES + length;
    if (end >= out.openEnd) return false;
    out.end = end;
    const { view } = out;
    view.setUint32(at, length, true);
    view.setUint32(at + 4, this.#rawWord, true);
    this.#copy.copyRepeated(out, at + HEADER_BYTES);
    return true;
  }

  /** Bytes of the last event that may take the short way; 0 for all else. What looks empty may have lost its memory: the codec finds out. */
  #shortLength(event: string, data: unknown): number {
    if (event !== this.#sentEvent || !isBytes(data)) return 0;
    const { length } = data;
    return length < this.#rawEnd ? length : 0;
  }

  /** @param at where the frame has been given its place */
  #writeBytes(data: Uint8Array, length: number, at: number, out: ByteWriter): void {
    const { view } = out;
    view.setUint32(at, length, true);
    view.setUint32(at + 4, this.#rawWord, true);
    this.#copy.copy(data, out, at + HEADER_BYTES);
    if ((length & 7) !== 0) pad(out.bytes, at + HEADER_BYTES + length, length);
  }

  #encodeAny(event: string, data: unknown, out: ByteWriter): void {
    if (this.#sentStruct !== undefined && event === this.#sentEvent) {
      this.#writeStruct(this.#sentStruct, data, out);
      return;
    }
    const codec = event === this.#sentEvent ? this.#sentCodec : this.#codecOf(event);
    const bytesMax = codec.prepare(data);
    if (event !== this.#sentEvent) this.#turnTo(event, codec, out);
    this.#write(event, this.#sentId, codec, bytesMax, out);
  }

  /** Straight into the slab. The place is taken when the message is complete: one that fails leaves nothing. */
  #writeStruct(struct: EventStruct, data: unknown, out: ByteWriter): void {
    if (this.#writing) throw insideGetter();
    const { bytes } = struct;
    if (bytes > this.#bytesMax) throw payloadTooLarge(bytes, this.#bytesMax);
    const at = out.reserve((HEADER_BYTES + bytes + 7) & ~7);
    out.rewind(at);
    this.#writing = true;
    try {
      struct.writeTo(out, at + HEADER_BYTES, data);
    } finally {
      this.#writing = false;
    }
    const { view } = out;
    view.setUint32(at, bytes, true);
    view.setUint32(at + 4, this.#rawWord, true);
    out.rewind(
      (bytes & 7) === 0 ? at + HEADER_BYTES + bytes : pad(out.bytes, at + HEADER_BYTES + bytes, bytes),
    );
  }

  #turnTo(event: string, codec: Codec, out: ByteWriter): void {
    this.prepareShared(event, out);
    const id = this.#events.idOf(event);
    this.#sentEvent = event;
    this.#sentId = id;
    this.#sentCodec = codec;
    this.#sentStruct = codec instanceof EventStruct && id !== INLINE_NAME_ID ? codec : undefined;
    const isShort = codec.name === 'raw' && id !== INLINE_NAME_ID;
    this.#rawWord = id | (codec.id << 16);
    this.#rawEnd = isShort ? Math.min(ATTACH_BYTES_MIN, this.#bytesMax + 1) : 0;
  }

  encodeShared(event: string, data: unknown, out: ByteWriter): void {
    const codec = this.#codecOf(event);
    const bytesMax = codec.prepare(data);
    this.#write(event, this.#events.idOf(event), codec, bytesMax, out);
  }

  /** @throws RingwireError ERR_RINGWIRE_BAD_CODEC when the event has a codec that the peer does not speak */
  prepareShared(event: string, out: ByteWriter): void {
    if (this.#writing) throw insideGetter();
    this.checkShared(event);
    this.#announce(event, out);
  }

  /** As `prepareShared`, and writes nothing. */
  checkShared(event: string): void {
    this.#checkSpoken(this.#codecOf(event));
  }

  /** Every name that has an announced id. */
  announceAll(out: ByteWriter): void {
    this.#announceUpTo(FIRST_ANNOUNCED_ID + this.#events.announcedCount - 1, out);
  }

  /** One frame of a request or a stream; `undefined` is an empty payload in every codec. */
  encodeExchange(kind: number, exchange: Exchange, data: unknown, out: ByteWriter): void {
    if (this.#writing) throw insideGetter();
    const codec = exchange.codec ?? this.#codec;
    this.#checkSpoken(codec);
    const bytesMax = codec.prepare(data === undefined && codec.name === 'raw' ? NOTHING : data);
    let id = exchange.eventId;
    if (id === 0) {
      this.#announce(exchange.event, out);
      id = this.#events.idOf(exchange.event);
    }
    // Bytes are copied behind an inline name: where they stand alone does not matter then.
    const name = id === INLINE_NAME_ID ? inlineName(exchange.event) : NOTHING;
    const attached = name === NOTHING ? codec.attachment : undefined;
    codec.attachment = undefined;
    if (attached !== undefined && attached.length > this.#bytesMax)
      throw payloadTooLarge(attached.length, this.#bytesMax);
    const trace = kind === FrameKind.request ? exchange.trace?.context : undefined;
    const flags = trace === undefined ? EXTENSION_FLAG : EXTENSION_FLAG | TRACE_FLAG;
    const extra = extraBytes(flags);
    const at = out.reserve(HEADER_BYTES + extra + name.length + (attached ? 0 : bytesMax + 7));
    const payloadAt = at + HEADER_BYTES + extra;
    writeExtension(out.view, at + HEADER_BYTES, exchange.correlation, kind);
    if (trace !== undefined) writeTrace(out.bytes, at + HEADER_BYTES + EXTENSION_BYTES, trace);
    if (attached === undefined) {
      out.bytes.set(name, payloadAt);
      this.#finish(at, payloadAt, codec.write(out, payloadAt + name.length), id, codec.id, flags, out);
    } else {
      writeHeader(out.view, at, attached.length, id, codec.id, flags);
      attach(attached, out);
    }
  }

  #codecOf(event: string): Codec {
    return this.#eventCodecs?.get(event) ?? this.#codec.forEvent?.(event) ?? this.#codec;
  }

  #checkSpoken(codec: Codec): void {
    if (this.speaks(codec)) return;
    throw new RingwireError('ERR_RINGWIRE_BAD_CODEC', `the peer does not speak codec ${codec.name}`);
  }

  #announce(event: string, out: ByteWriter): void {
    const id = this.#events.idOf(event);
    if (id - FIRST_ANNOUNCED_ID >= this.#announced && id !== INLINE_NAME_ID) this.#announceUpTo(id, out);
  }

  /** What `codec` has prepared, as one frame. */
  #write(event: string, id: number, codec: Codec, bytesMax: number, out: ByteWriter): void {
    if (id === INLINE_NAME_ID) this.#writeInline(event, codec, bytesMax, out);
    else if (codec.attachment !== undefined) this.#attach(id, codec, codec.attachment, out);
    else {
      const at = out.reserve(HEADER_BYTES + bytesMax + 7);
      const payloadAt = at + HEADER_BYTES;
      this.#finish(at, payloadAt, codec.write(out, payloadAt), id, codec.id, 0, out);
    }
  }

  #announceUpTo(id: number, out: ByteWriter): void {
    while (FIRST_ANNOUNCED_ID + this.#announced <= id) out.append(this.#events.announce(this.#announced++));
  }

  #writeInline(event: string, codec: Codec, bytesMax: number, out: ByteWriter): void {
    const name = inlineName(event);
    const at = out.reserve(HEADER_BYTES + name.length + bytesMax + 7);
    const payloadAt = at + HEADER_BYTES;
    out.bytes.set(name, payloadAt);
    const end = codec.write(out, payloadAt + name.length);
    this.#finish(at, payloadAt, end, INLINE_NAME_ID, codec.id, 0, out);
  }

  /** Header, zeros behind the payload, and the unused rest of the reservation given back. */
  #finish(
    at: number,
    payloadAt: number,
    end: number,
    id: number,
    codec: number,
    flags: number,
    out: ByteWriter,
  ): void {
    const payloadBytes = end - payloadAt;
    if (payloadBytes > this.#bytesMax) {
      out.rewind(at);
      throw payloadTooLarge(payloadBytes, this.#bytesMax);
    }
    writeHeader(out.view, at, payloadBytes, id, codec, flags);
    out.rewind((payloadBytes & 7) === 0 ? end : pad(out.bytes, end, payloadBytes));
  }

  #attach(id: number, codec: Codec, bytes: Uint8Array, out: ByteWriter): void {
    if (bytes.length > this.#bytesMax) throw payloadTooLarge(bytes.length, this.#bytesMax);
    appendHeader(out, bytes.length, id, codec.id);
    codec.attachment = undefined;
    attach(bytes, out);
  }
}
