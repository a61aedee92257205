/**
 * Finds the frames of the ringwire wire (PROTOCOL.md section 1) in whatever pieces they arrive, and hands them out in place.
 * It checks what a header promises before any memory is spent on it; it does not look into payloads.
 *
 * Invariant: a unit (preamble or frame) lies either whole in the source or, unfinished, in the carry: the first bytes of
 * exactly one unit. Units are multiples of 8 bytes, so payloads stay 8-aligned in memory.
 */
import { Carry } from '../bytes/carry.ts';
import { POISON, type ReceiveRing, REST_BYTES_MAX } from '../bytes/receive-ring.ts';
import { HEADER_BYTES, PREAMBLE_BYTES, readPreamble } from './control.ts';
import { blankFrame, type Frame, type FrameParser, type FrameReceiver } from './frame.ts';
import { HIGHEST_CODEC, LAST_ANNOUNCED_ID, plainFrameBytes, readExtras, unitBytes } from './header.ts';

export class LengthPrefixedParser implements FrameParser {
  /** Largest payload that the peer accepts, from its preamble; 0 until that has come. */
  peerPayloadMax = 0;
  readonly #ring: ReceiveRing;
  readonly #payloadMax: number;
  readonly #frame: Frame;

  /** The source: `cursor` to `limit` of the ring or of a chunk is unread. */
  #bytes: Buffer;
  #view: DataView;
  #cursor = 0;
  #limit = 0;

  readonly #carry: Carry;
  /** Size of the unit in the carry; 0 as long as its header is not complete. */
  #carryTotal = 0;
  /** The last `writable()` was the carry. */
  #direct = false;
  /** Where in the ring it was otherwise. */
  #landing = 0;
  /** The frame object is set up for ordinary frames of the source: its memory, no flags. */
  #plain = false;
  #dead = false;

  /** @param payloadMax largest payload that is accepted, in bytes */
  constructor(ring: ReceiveRing, payloadMax: number) {
    this.#ring = ring;
    this.#carry = new Carry(ring);
    this.#payloadMax = payloadMax;
    this.#bytes = ring.bytes;
    this.#view = ring.view;
    this.#frame = blankFrame(ring.bytes);
  }

  get unfinishedBytes(): number {
    return this.#carry.length + this.#limit - this.#cursor;
  }

  get carriedBytes(): number {
    return this.#carry.length;
  }

  writable(): Buffer {
    // What is parked will be parsed before this read: of the place that it leaves, only the alignment is known.
    const missing = this.#cursor < this.#limit ? -this.unfinishedBytes & 7 : this.#missing();
    const isLong = missing > REST_BYTES_MAX;
    this.#direct = isLong && this.#carry.isWorthABlock;
    if (this.#direct) return this.#carry.writable(this.#carryTotal);
    // Of one that is too long, the alignment.
    return this.#land(missing === 0 ? this.#ring.lap() : this.#ring.lapAfter(isLong ? missing & 7 : missing));
  }

  advance(bytes: number): void {
    if (this.#direct) {
      this.#carry.advance(bytes);
      return;
    }
    const start = this.#landing;
    this.#source(this.#ring.bytes, this.#ring.view, start, start + bytes);
  }

  #land(room: Buffer): Buffer {
    this.#landing = room.byteOffset - this.#ring.bytes.byteOffset;
    return room;
  }

  /** Bytes that the unit in the carry lacks, or its header as long as that is not complete. */
  #missing(): number {
    const carried = this.#carry.length;
    if (carried === 0) return 0;
    return (this.#carryTotal === 0 ? HEADER_BYTES : this.#carryTotal) - carried;
  }

  feed(chunk: Buffer): void {
    const phase = this.#carry.length & 7;
    if (((chunk.byteOffset - phase) & 7) !== 0) this.#sourceCopy(chunk, phase);
    else this.#source(chunk, new DataView(chunk.buffer, chunk.byteOffset, chunk.length), 0, chunk.length);
  }

  deliver(receiver: FrameReceiver, countMax: number): number {
    let count = 0;
    while (count < countMax) {
      if (this.#plain) count += this.#deliverPlain(receiver, countMax - count);
      if (count === countMax) break;
      const frame = this.next();
      if (frame === undefined) break;
      count++;
      receiver.receive(frame);
    }
    return count;
  }

  /** The ordinary frames from here on: whole, no flags, an event and a codec within bounds. `next` judges all others. */
  #deliverPlain(receiver: FrameReceiver, countMax: number): number {
    const view = this.#view;
    const frame = this.#frame;
    const limit = this.#limit;
    const payloadMax = this.#payloadMax;
    let at = this.#cursor;
    for (let count = 0; count < countMax; count++) {
      const start = at + HEADER_BYTES;
      if (start > limit) return count;
      const payloadBytes = view.getUint32(at, true);
      const word = view.getUint32(at + 4, true);
      const event = word & 0xffff;
      const codec = word >>> 16;
      at += plainFrameBytes(payloadBytes);
      if (
        at > limit ||
        payloadBytes > payloadMax ||
        (codec - 1) >>> 0 >= HIGHEST_CODEC ||
        (event - 1) >>> 0 >= LAST_ANNOUNCED_ID
      ) {
        return count;
      }
      // Moved on before the receiver runs, so that one that throws neither loses nor repeats a frame.
      this.#cursor = at;
      frame.start = start;
      frame.end = start + payloadBytes;
      frame.event = event;
      frame.codec = codec;
      receiver.receive(frame);
    }
    return countMax;
  }

  park(): void {
    if (this.#cursor < this.#limit) {
      this.#sourceCopy(
        this.#bytes.subarray(this.#cursor, this.#limit),
        (this.#bytes.byteOffset + this.#cursor) & 7,
      );
    }
  }

  next(): Frame | undefined {
    if (this.#ring.poison) this.#poisonFrame();
    if (this.#carry.length > 0 || this.peerPayloadMax === 0) return this.#nextOfCarry() ?? this.#rest();
    const available = this.#limit - this.#cursor;
    if (available >= HEADER_BYTES) {
      const total = this.#judge(this.#view, this.#cursor);
      if (total <= available) {
        const at = this.#cursor;
        this.#cursor += total;
        return this.#place(this.#bytes, this.#view, at);
      }
      this.#carryTotal = total;
    }
    if (available > 0) this.#carry.append(this.#bytes, this.#cursor, this.#limit, this.#carryTotal);
    return this.#rest();
  }

  /** All that came has been taken: of its memory, and of an earlier frame's, nothing is kept. */
  #rest(): undefined {
    const { bytes, view } = this.#ring;
    this.#source(bytes, view, 0, 0);
    this.#frame.bytes = bytes;
    if (this.#carry.length === 0) this.#carry.letGo();
    return undefined;
  }

  /** Completes the unit in the carry with bytes of the source. */
  #nextOfCarry(): Frame | undefined {
    if (this.#dead) return undefined;
    if (this.peerPayloadMax === 0) {
      const complete = this.#fill(PREAMBLE_BYTES);
      this.peerPayloadMax = this.#readPreamble();
      if (!complete) return undefined;
      this.#carry.clear();
      return this.next();
    }
    if (this.#carryTotal === 0) {
      if (!this.#fill(HEADER_BYTES)) return undefined;
      this.#carryTotal = this.#judge(this.#carry.view, 0);
    }
    if (!this.#fill(this.#carryTotal)) return undefined;
    this.#carryTotal = 0;
    this.#carry.clear();
    return this.#place(this.#carry.bytes, this.#carry.view, 0);
  }

  /** Moves source bytes into the carry until it holds `total`. */
  #fill(total: number): boolean {
    const missing = Math.min(total - this.#carry.length, this.#limit - this.#cursor);
    if (missing > 0) {
      this.#carry.append(this.#bytes, this.#cursor, this.#cursor + missing, total);
      this.#cursor += missing;
    }
    return this.#carry.length === total;
  }

  /** The frame at `at`, which has been judged and is complete. */
  #place(bytes: Buffer, view: DataView, at: number): Frame {
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.event = view.getUint16(at + 4, true);
    frame.codec = view.getUint8(at + 6);
    frame.flags = view.getUint8(at + 7);
    frame.start = at + HEADER_BYTES;
    frame.correlation = 0;
    frame.kind = 0;
    frame.traceStart = 0;
    if (frame.flags !== 0) this.#readExtras(view, frame);
    this.#plain = bytes === this.#bytes && frame.flags === 0 && !this.#ring.poison;
    frame.end = frame.start + view.getUint32(at, true);
    return frame;
  }

  #source(bytes: Buffer, view: DataView, cursor: number, limit: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#cursor = cursor;
    this.#limit = limit;
    this.#plain = false;
  }

  /** The source becomes a copy of `chunk` that starts `phase` bytes behind a multiple of 8. */
  #sourceCopy(chunk: Buffer, phase: number): void {
    const copy = Buffer.allocUnsafeSlow(phase + chunk.length);
    chunk.copy(copy, phase);
    this.#source(copy, new DataView(copy.buffer, copy.byteOffset, copy.length), phase, copy.length);
  }

  #judge(view: DataView, at: number): number {
    try {
      return unitBytes(view, at, this.#payloadMax);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #readPreamble(): number {
    try {
      return readPreamble(this.#carry.bytes, this.#carry.length);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #readExtras(view: DataView, frame: Frame): void {
    try {
      readExtras(view, frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  abandon(): void {
    this.#dead = true;
    this.peerPayloadMax = 0;
    this.#carry.drop();
    this.#rest();
  }

  /** The rest of the stream has no boundaries any more. */
  #fail(error: unknown): never {
    this.abandon();
    throw error;
  }

  #poisonFrame(): void {
    const frame = this.#frame;
    frame.bytes.fill(POISON, frame.start, frame.end);
    frame.start = 0;
    frame.end = 0;
  }
}
