/**
 * Finds messages that end with a delimiter (node-ipc's wire) on bytes, in whatever pieces they arrive; any delimiter of one or
 * more bytes. Nothing is searched twice, so the cost per byte is flat at any chunking. It decodes no more than text.
 *
 * Invariant: the carry holds the start of one message and no complete delimiter.
 */
import buffer from 'node:buffer';
import { Carry } from '../bytes/carry.ts';
import { POISON, type ReceiveRing } from '../bytes/receive-ring.ts';
import { FrameError, RingwireError } from '../errors.ts';
import { blankFrame, type Frame, type FrameParser, type FrameReceiver } from './frame.ts';

/** Sources of at least this size become text in one go when they are ASCII: what they cost then is shared by many messages. */
const TEXT_BYTES_MIN = 1024;

const NOTHING: Buffer = Buffer.alloc(0);

/** How every message of this wire begins. */
export const OPENING_BRACE = 0x7b;

/** A receiver that can read the messages it expects where they lie, so that nobody needs to look for their end. */
export interface MessageReceiver extends FrameReceiver {
  /** Reads the message that begins at `start`. @returns where it ends and its delimiter has to follow, or -1: `receive` will get it */
  readMessage(bytes: Buffer, start: number, limit: number): number;
  /** The message that was read last is one, and has been consumed. */
  receiveRead(): void;
  /** What was read last is none. */
  dropRead(): void;
}

/** The bytes of a delimiter that JSON text cannot contain. */
export function delimiterBytes(delimiter: unknown): Buffer {
  const bytes = typeof delimiter === 'string' ? Buffer.from(delimiter) : Buffer.alloc(0);
  // JSON.stringify escapes everything below 0x20, so such a byte never occurs inside a message.
  if (!bytes.some((byte) => byte < 0x20)) {
    throw new RingwireError(
      'ERR_RINGWIRE_BAD_DELIMITER',
      `delimiter ${JSON.stringify(delimiter)} could occur inside a message: it needs a control character such as '\\f' or '\\n'`,
    );
  }
  return bytes;
}

export class DelimitedParser implements FrameParser {
  readonly #ring: ReceiveRing;
  readonly #delimiter: Buffer;
  /** A single byte is found much faster as a number. */
  readonly #needle: Buffer | number;
  readonly #delimiterText: string;
  readonly #messageMax: number;
  readonly #frame: Frame;
  #bytes: Buffer;
  /** All of the source as text; empty as long as nobody asked or when it is not ASCII. */
  #text = '';
  #textTried = false;
  #cursor = 0;
  #limit = 0;
  readonly #carry: Carry;
  #dead = false;

  /** @param messageMax largest message that is accepted, in bytes without its delimiter */
  constructor(ring: ReceiveRing, delimiter: Buffer, messageMax: number) {
    this.#ring = ring;
    this.#carry = new Carry(ring);
    this.#delimiter = delimiter;
    this.#needle = delimiter.length === 1 ? (delimiter[0] as number) : delimiter;
    this.#delimiterText = delimiter.toString('latin1');
    this.#messageMax = messageMax;
    this.#bytes = ring.bytes;
    this.#frame = blankFrame(ring.bytes);
  }

  get unfinishedBytes(): number {
    return this.#carry.length + this.#limit - this.#cursor;
  }

  get carriedBytes(): number {
    return this.#carry.length;
  }

  /** The next byte that will be parsed when a message could start there; undefined in mid-message or without bytes. */
  get firstByte(): number | undefined {
    return this.#carry.length === 0 && this.#cursor < this.#limit ? this.#bytes[this.#cursor] : undefined;
  }

  /** Hands over the unread rest of the source, borrowed, and forgets it. */
  takeRest(): Buffer {
    const rest = this.#bytes.subarray(this.#cursor, this.#limit);
    this.#cursor = this.#limit;
    return rest;
  }

  writable(): Buffer {
    return this.#ring.lap();
  }

  advance(bytes: number): void {
    this.#source(this.#ring.bytes, bytes);
  }

  feed(chunk: Buffer): void {
    this.#source(chunk, chunk.length);
  }

  next(): Frame | undefined {
    if (this.#ring.poison) this.#poisonFrame();
    if (this.#dead) return undefined;
    if (this.#carry.length > 0) return this.#nextOfCarry() ?? this.#rest();
    const start = this.#cursor;
    const end = this.#find(start);
    if (end < 0) {
      this.#keep(this.#limit);
      return this.#rest();
    }
    this.#cursor = end + this.#delimiter.length;
    return this.#place(this.#bytes, start, end);
  }

  deliver(receiver: FrameReceiver | MessageReceiver, countMax: number): number {
    const reader = 'readMessage' in receiver ? receiver : undefined;
    for (let count = 0; count < countMax; count++) {
      if (reader !== undefined && this.#isRead(reader)) {
        reader.receiveRead();
        continue;
      }
      const frame = this.next();
      if (frame === undefined) return count;
      receiver.receive(frame);
    }
    return countMax;
  }

  #isRead(reader: MessageReceiver): boolean {
    const start = this.#cursor;
    if (this.#carry.length > 0 || start >= this.#limit || this.#dead) return false;
    const end = reader.readMessage(this.#bytes, start, this.#limit);
    if (end < 0) return false;
    if (end - start > this.#messageMax || !this.#isDelimiter(end)) {
      reader.dropRead();
      return false;
    }
    this.#cursor = end + this.#delimiter.length;
    if (this.#ring.poison) this.#bytes.fill(POISON, start, end);
    return true;
  }

  #isDelimiter(at: number): boolean {
    const delimiter = this.#delimiter;
    if (at + delimiter.length > this.#limit) return false;
    for (let index = 0; index < delimiter.length; index++) {
      if (this.#bytes[at + index] !== delimiter[index]) return false;
    }
    return true;
  }

  park(): void {
    if (this.#cursor < this.#limit) this.feed(Buffer.from(this.#bytes.subarray(this.#cursor, this.#limit)));
  }

  /** The text of the frame that was returned last, or a part of it by its place in `frame.bytes`. */
  text(start: number = this.#frame.start, end: number = this.#frame.end): string {
    const { bytes } = this.#frame;
    if (bytes !== this.#bytes) return bytes.toString('utf8', start, end);
    if (!this.#textTried) this.#makeText();
    return this.#text === '' ? bytes.toString('utf8', start, end) : this.#text.substring(start, end);
  }

  #makeText(): void {
    this.#textTried = true;
    if (this.#limit >= TEXT_BYTES_MIN && buffer.isAscii(this.#bytes))
      this.#text = this.#bytes.toString('latin1');
  }

  /** The message that began in an earlier chunk. */
  #nextOfCarry(): Frame | undefined {
    const behind = this.#delimiter.length;
    // A delimiter may begin in the carry: enough of the source is added to see it, then the rest is searched in place.
    const carried = this.#carry.length;
    const seam = Math.min(this.#limit, this.#cursor + behind - 1);
    this.#keep(seam);
    let at = -1;
    if (behind > 1)
      at = this.#carry.bytes
        .subarray(0, this.#carry.length)
        .indexOf(this.#delimiter, Math.max(0, carried - behind + 1));
    if (at >= 0) {
      // What was added behind the delimiter belongs to the source.
      this.#cursor -= this.#carry.length - (at + behind);
    } else {
      const end = this.#find(Math.max(0, this.#cursor - (behind - 1)));
      this.#keep(end < 0 ? this.#limit : end + behind);
      if (end < 0) return undefined;
      at = this.#carry.length - behind;
    }
    this.#carry.clear();
    return this.#place(this.#carry.bytes, 0, at);
  }

  /** Where the delimiter is between `from` and the end of the source, or -1. */
  #find(from: number): number {
    // Text is searched faster than bytes; the places are the same.
    return this.#text === ''
      ? this.#bytes.indexOf(this.#needle, from)
      : this.#text.indexOf(this.#delimiterText, from);
  }

  /** Moves the source up to `to` into the carry. */
  #keep(to: number): void {
    if (to === this.#cursor) return;
    this.#checkSize(this.#carry.length + to - this.#cursor - this.#delimiter.length);
    this.#carry.append(this.#bytes, this.#cursor, to, this.#messageMax + this.#delimiter.length);
    this.#cursor = to;
  }

  #place(bytes: Buffer, start: number, end: number): Frame {
    this.#checkSize(end - start);
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.start = start;
    frame.end = end;
    return frame;
  }

  abandon(): void {
    this.#dead = true;
    this.#carry.drop();
    this.#rest();
  }

  #checkSize(bytes: number): void {
    if (bytes <= this.#messageMax) return;
    this.abandon();
    throw new FrameError('ERR_RINGWIRE_FRAME_TOO_LARGE', `a message of more than ${this.#messageMax} bytes`, {
      limit: this.#messageMax,
      actual: bytes,
    });
  }

  /** All that came has been taken: of its memory, and of an earlier message's, nothing is kept. */
  #rest(): undefined {
    this.#source(NOTHING, 0);
    this.#frame.bytes = this.#ring.bytes;
    if (this.#carry.length === 0) this.#carry.letGo();
    return undefined;
  }

  #source(bytes: Buffer, limit: number): void {
    // Cut to what arrived: behind it lie bytes of an earlier lap, which must not be searched.
    this.#bytes = bytes.length === limit ? bytes : bytes.subarray(0, limit);
    this.#text = '';
    this.#textTried = false;
    this.#cursor = 0;
    this.#limit = limit;
  }

  #poisonFrame(): void {
    const frame = this.#frame;
    frame.bytes.fill(POISON, frame.start, frame.end);
    frame.start = 0;
    frame.end = 0;
  }
}
