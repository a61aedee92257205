/**
 * Messages into frames of the ringwire wire, with the announces that have to precede them.
 *
 * Invariant: what is sent under an announced id comes behind its announce; `#announced` counts the announces that are written.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { RepeatCopy } from '../bytes/repeat-copy.ts';
import type { Codec } from '../codecs/codec.ts';
import { RingwireError } from '../errors.ts';
import { FIRST_ANNOUNCED_ID, HEADER_BYTES, INLINE_NAME_ID } from '../frames/control.ts';
import { writeHeader } from '../frames/header.ts';
import { ATTACH_BYTES_MIN } from '../limits.ts';
import type { EventIds } from './event-ids.ts';

const PADDING: Buffer = Buffer.alloc(8);

export class BinaryEncoder {
  readonly #events: EventIds;
  #codec: Codec;
  #bytesMax: number;
  #announced = 0;
  /** The last event that was sent: most programs send the same one many times in a row. */
  #sentEvent: string | undefined = undefined;
  #sentId = 0;
  /** Second half of the header for bytes on that event, and up to which length they take the short way. */
  #rawWord = 0;
  #rawEnd = 0;
  readonly #copy: RepeatCopy = new RepeatCopy();

  constructor(events: EventIds, codec: Codec, bytesMax: number) {
    this.#events = events;
    this.#codec = codec;
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
  agree(codec: Codec, bytesMax: number): void {
    this.#codec = codec;
    this.#bytesMax = bytesMax;
    this.#sentEvent = undefined;
    this.#rawEnd = 0;
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    if (event === this.#sentEvent && isBytes(data) && data.length < this.#rawEnd) {
      this.#writeBytes(data, out);
    } else {
      this.#encodeAny(event, data, out);
    }
  }

  /** A short payload that needs no encoding. */
  #writeBytes(data: Uint8Array, out: ByteWriter): void {
    const length = data.length;
    const at = out.reserve((HEADER_BYTES + length + 7) & ~7);
    const { view } = out;
    view.setUint32(at, length, true);
    view.setUint32(at + 4, this.#rawWord, true);
    this.#copy.copy(data, out, at + HEADER_BYTES);
    if ((length & 7) !== 0) pad(out.bytes, at + HEADER_BYTES + length, length);
  }

  #encodeAny(event: string, data: unknown, out: ByteWriter): void {
    const codec = this.#codec;
    const bytesMax = codec.prepare(data);
    if (event !== this.#sentEvent) this.#turnTo(event, codec, out);
    this.#write(event, this.#sentId, codec, bytesMax, out);
  }

  #turnTo(event: string, codec: Codec, out: ByteWriter): void {
    this.prepareShared(event, out);
    const id = this.#events.idOf(event);
    this.#sentEvent = event;
    this.#sentId = id;
    const isShort = codec.name === 'raw' && id !== INLINE_NAME_ID;
    this.#rawWord = id | (codec.id << 16);
    this.#rawEnd = isShort ? Math.min(ATTACH_BYTES_MIN, this.#bytesMax + 1) : 0;
  }

  encodeShared(event: string, data: unknown, out: ByteWriter): void {
    const codec = this.#codec;
    const bytesMax = codec.prepare(data);
    this.#write(event, this.#events.idOf(event), codec, bytesMax, out);
  }

  prepareShared(event: string, out: ByteWriter): void {
    const id = this.#events.idOf(event);
    if (id - FIRST_ANNOUNCED_ID >= this.#announced && id !== INLINE_NAME_ID) this.#announceUpTo(id, out);
  }

  /** What `codec` has prepared, as one frame. */
  #write(event: string, id: number, codec: Codec, bytesMax: number, out: ByteWriter): void {
    if (codec.attachment !== undefined || id === INLINE_NAME_ID) {
      this.#writeUnusual(event, id, codec, bytesMax, out);
      return;
    }
    const at = out.reserve(HEADER_BYTES + bytesMax + 7);
    this.#finish(at, codec.write(out, at + HEADER_BYTES), id, codec.id, out);
  }

  #writeUnusual(event: string, id: number, codec: Codec, bytesMax: number, out: ByteWriter): void {
    if (id === INLINE_NAME_ID) this.#writeInline(event, codec, bytesMax, out);
    else this.#attach(id, codec, codec.attachment as Uint8Array, out);
  }

  #announceUpTo(id: number, out: ByteWriter): void {
    while (FIRST_ANNOUNCED_ID + this.#announced <= id) out.append(this.#events.announce(this.#announced++));
  }

  #writeInline(event: string, codec: Codec, bytesMax: number, out: ByteWriter): void {
    const name = Buffer.from(event);
    const nameBytes = (2 + name.length + 7) & ~7;
    const at = out.reserve(HEADER_BYTES + nameBytes + bytesMax + 7);
    const nameAt = at + HEADER_BYTES;
    out.bytes.fill(0, nameAt, nameAt + nameBytes);
    out.view.setUint16(nameAt, name.length, true);
    out.bytes.set(name, nameAt + 2);
    this.#finish(at, codec.write(out, nameAt + nameBytes), INLINE_NAME_ID, codec.id, out);
  }

  /** Header, zeros behind the payload, and the unused rest of the reservation given back. */
  #finish(at: number, end: number, id: number, codec: number, out: ByteWriter): void {
    const payloadBytes = end - at - HEADER_BYTES;
    if (payloadBytes > this.#bytesMax) {
      out.rewind(at);
      throw this.#tooLarge(payloadBytes);
    }
    writeHeader(out.view, at, payloadBytes, id, codec);
    out.rewind((payloadBytes & 7) === 0 ? end : pad(out.bytes, end, payloadBytes));
  }

  #attach(id: number, codec: Codec, bytes: Uint8Array, out: ByteWriter): void {
    if (bytes.length > this.#bytesMax) throw this.#tooLarge(bytes.length);
    writeHeaderOf(out, bytes.length, id, codec.id);
    out.attach(bytes);
    codec.attachment = undefined;
    out.append(PADDING.subarray(0, -bytes.length & 7));
  }

  #tooLarge(actual: number): RingwireError {
    const limit = this.#bytesMax;
    return new RingwireError(
      'ERR_RINGWIRE_FRAME_TOO_LARGE',
      `a payload of ${actual} bytes, the peer accepts ${limit}`,
      { limit, actual },
    );
  }
}

/** One byte for each element: what can be copied as it is. */
function isBytes(data: unknown): data is Uint8Array {
  return ArrayBuffer.isView(data) && (data as Uint8Array).BYTES_PER_ELEMENT === 1;
}

/** Zeros from `end` to a multiple of 8 payload bytes. @returns where they end */
function pad(bytes: Buffer, end: number, payloadBytes: number): number {
  const padded = end + (-payloadBytes & 7);
  bytes.fill(0, end, padded);
  return padded;
}

function writeHeaderOf(out: ByteWriter, payloadBytes: number, id: number, codec: number): void {
  // `reserve` may turn to another slab: the view is read after it.
  const at = out.reserve(HEADER_BYTES);
  writeHeader(out.view, at, payloadBytes, id, codec);
}
