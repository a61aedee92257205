/**
 * Datagrams of the ringwire wire, PROTOCOL.md section 4: headers written and read in place, and the frames of a datagram handed out
 * in place. No I/O and no memory from one datagram to the next. Anybody can send a datagram, so a fault is a code, not an exception.
 *
 * Invariant: `next` returns a frame only when it lies whole in the datagram and is legal in every field; a fault ends the datagram.
 */
import { zlib } from '../loading.ts';
import { type ErrorCode, RingwireError } from '../errors.ts';
import { DATAGRAM_BYTES_MAX } from '../limits.ts';
import { Control, CONTROL_EVENT, controlKind, FIRST_ANNOUNCED_ID, HEADER_BYTES, MAGIC } from './control.ts';
import { INLINE_NAME_ID, VERSION } from './control.ts';
import { blankFrame, type Frame } from './frame.ts';
import { HIGHEST_CODEC, plainFrameBytes, readExtras, unitBytes } from './header.ts';

export const DATAGRAM_KIND = 0x44;
export const DatagramFlag = { timing: 1, checksum: 2, fragment: 4 } as const;
/** Control frames with a token occupy this much. */
export const TOKEN_FRAME_BYTES = 16;
export const FRAGMENT_HEADER_BYTES = 16;
export const FRAGMENT_COUNT_MAX = 65_535;

const FLAGS: number = DatagramFlag.timing | DatagramFlag.checksum | DatagramFlag.fragment;
const AGREED_ENDS = FIRST_ANNOUNCED_ID;

/** Bytes before the frames, or before the part of a fragment. */
export function datagramHeaderBytes(flags: number): number {
  return (
    8 +
    (flags & DatagramFlag.timing ? 8 : 0) +
    (flags & DatagramFlag.checksum ? 8 : 0) +
    (flags & DatagramFlag.fragment ? FRAGMENT_HEADER_BYTES : 0)
  );
}

/** A part of one frame. */
export interface Fragment {
  number: number;
  /** Of the whole frame. */
  bytes: number;
  index: number;
  count: number;
}

/** What a sender knows of a datagram. */
export interface DatagramStamp {
  sequence: number;
  session: number;
  /** The sender's clock in microseconds. */
  sentUs: number;
}

/**
 * Writes the header of the datagram `bytes[at]` to `bytes[end - 1]`, whose frames stand already behind it; the checksum comes last and
 * covers them.
 */
export function writeDatagramHeader(
  bytes: Buffer,
  view: DataView,
  at: number,
  end: number,
  flags: number,
  stamp: DatagramStamp,
): void {
  view.setUint32(at, MAGIC | (DATAGRAM_KIND << 8) | (VERSION << 16) | (flags << 24), true);
  view.setUint32(at + 4, stamp.sequence, true);
  let next = at + 8;
  if (flags & DatagramFlag.timing) {
    view.setUint32(next, stamp.session, true);
    view.setUint32(next + 4, stamp.sentUs, true);
    next += 8;
  }
  if (flags & DatagramFlag.checksum) {
    view.setUint32(next, 0, true);
    view.setUint32(next + 4, 0, true);
    view.setUint32(next, zlib().crc32(bytes.subarray(at, end)), true);
  }
}

/** Writes the fragment's own header at `at`, behind the others. */
export function writeFragment(view: DataView, at: number, fragment: Fragment): void {
  view.setUint32(at, fragment.number, true);
  view.setUint32(at + 4, fragment.bytes, true);
  view.setUint16(at + 8, fragment.index, true);
  view.setUint16(at + 10, fragment.count, true);
  view.setUint32(at + 12, 0, true);
}

/** Writes a ping or a pong, TOKEN_FRAME_BYTES, at `at`. */
export function writeTokenFrame(view: DataView, at: number, kind: number, token: number): void {
  view.setUint32(at, 8, true);
  view.setUint32(at + 4, 0, true);
  view.setUint32(at + 8, kind, true);
  view.setUint32(at + 12, token, true);
}

export class DatagramReader {
  /** Why the datagram, or the rest of it, was refused. */
  fault: ErrorCode | undefined = undefined;
  flags = 0;
  sequence = 0;
  /** 32 bits, as a signed number: they are only compared and subtracted, and a small integer needs no memory of its own. */
  session = 0;
  sentUs = 0;
  /** Where the frames, or the part of a fragment, begin. */
  start = 0;
  readonly fragment: Fragment = { number: 0, bytes: 0, index: 0, count: 0 };
  readonly #payloadMax: number;
  readonly #frame: Frame = blankFrame(Buffer.alloc(0));
  #cursor = 0;
  #limit = 0;

  /** @param payloadMax largest payload that is accepted, in bytes */
  constructor(payloadMax: number = DATAGRAM_BYTES_MAX) {
    this.#payloadMax = payloadMax;
  }

  /** Takes the frames of a datagram. @returns false with `fault` set */
  open(bytes: Buffer): boolean {
    this.#take(bytes);
    this.fault = this.#readHeader(bytes);
    this.#cursor = this.start;
    return this.fault === undefined;
  }

  /** The frame that fragments were put together to, borrowed until the next call. @returns undefined with `fault` set */
  whole(bytes: Buffer): Frame | undefined {
    this.#take(bytes);
    this.#cursor = 0;
    this.fault = undefined;
    const frame = this.next();
    const isShorter = this.fault === undefined && this.#cursor < this.#limit;
    if (isShorter || this.fault === 'ERR_RINGWIRE_TRUNCATED') this.fault = 'ERR_RINGWIRE_BAD_CONTROL';
    return this.fault === undefined ? frame : undefined;
  }

  /** The next frame, borrowed until the next call; undefined at the end, and at a fault. */
  next(): Frame | undefined {
    const at = this.#cursor;
    if (at >= this.#limit) return undefined;
    const frame = this.#frame;
    const { bytes } = frame;
    const start = at + HEADER_BYTES;
    if (start <= this.#limit) {
      const payloadBytes = u32(bytes, at);
      const event = u16(bytes, at + 4);
      // With the flags, which are zero in plain frames.
      const codec = u16(bytes, at + 6);
      const end = at + plainFrameBytes(payloadBytes);
      const isPlain = (codec - 1) >>> 0 < HIGHEST_CODEC && payloadBytes <= this.#payloadMax;
      if (
        isPlain &&
        end <= this.#limit &&
        (event === INLINE_NAME_ID || (event - 1) >>> 0 < AGREED_ENDS - 1)
      ) {
        this.#cursor = end;
        frame.start = start;
        frame.end = start + payloadBytes;
        frame.event = event;
        frame.codec = codec;
        frame.flags = frame.correlation = frame.kind = frame.traceStart = 0;
        return frame;
      }
    }
    return this.#judge(at);
  }

  /** A view of each datagram would cost more than all that is read of most of them. */
  #take(bytes: Buffer): void {
    this.#frame.bytes = bytes;
    this.#limit = bytes.length;
  }

  #readHeader(bytes: Buffer): ErrorCode | undefined {
    if (bytes.length < 8) return 'ERR_RINGWIRE_TRUNCATED';
    if (u16(bytes, 0) !== (MAGIC | (DATAGRAM_KIND << 8))) return 'ERR_RINGWIRE_BAD_MAGIC';
    if (bytes[2] !== VERSION) return 'ERR_RINGWIRE_BAD_VERSION';
    const flags = bytes[3] as number;
    this.flags = flags;
    if ((flags & ~FLAGS) !== 0) return 'ERR_RINGWIRE_BAD_FLAGS';
    this.start = datagramHeaderBytes(flags);
    if (bytes.length < this.start) return 'ERR_RINGWIRE_TRUNCATED';
    this.sequence = u32(bytes, 4);
    // Those of an earlier datagram belong to its sender.
    this.session = 0;
    this.sentUs = 0;
    let at = 8;
    if (flags & DatagramFlag.timing) {
      this.session = i32(bytes, at);
      this.sentUs = i32(bytes, at + 4);
      at += 8;
    }
    if (flags & DatagramFlag.checksum) {
      const expected = u32(bytes, at);
      bytes.fill(0, at, at + 4);
      if (zlib().crc32(bytes) !== expected) return 'ERR_RINGWIRE_BAD_CHECKSUM';
      if (u32(bytes, at + 4) !== 0) return 'ERR_RINGWIRE_BAD_FLAGS';
      at += 8;
    }
    return flags & DatagramFlag.fragment ? this.#readFragment(bytes, at) : undefined;
  }

  #readFragment(bytes: Buffer, at: number): ErrorCode | undefined {
    const { fragment } = this;
    fragment.number = u32(bytes, at);
    fragment.bytes = u32(bytes, at + 4);
    fragment.index = u16(bytes, at + 8);
    fragment.count = u16(bytes, at + 10);
    if (u32(bytes, at + 12) !== 0) return 'ERR_RINGWIRE_BAD_FLAGS';
    const isWhole = (fragment.bytes & 7) === 0;
    if (fragment.count < 2 || fragment.index >= fragment.count || !isWhole) return 'ERR_RINGWIRE_BAD_CONTROL';
    return undefined;
  }

  /** Frames that are rare: with an extension, control, or at fault. */
  #judge(at: number): Frame | undefined {
    const frame = this.#frame;
    const { buffer, byteOffset, length } = frame.bytes;
    try {
      if (this.#limit - at < HEADER_BYTES) return this.#fail('ERR_RINGWIRE_TRUNCATED');
      const view = new DataView(buffer, byteOffset, length);
      const bytes = unitBytes(view, at, this.#payloadMax);
      if (at + bytes > this.#limit) return this.#fail('ERR_RINGWIRE_TRUNCATED');
      frame.start = at + HEADER_BYTES;
      frame.event = view.getUint16(at + 4, true);
      frame.codec = view.getUint8(at + 6);
      frame.flags = view.getUint8(at + 7);
      frame.correlation = frame.kind = frame.traceStart = 0;
      readExtras(view, frame);
      frame.end = frame.start + view.getUint32(at, true);
      if (frame.event === CONTROL_EVENT) {
        const kind = controlKind(frame);
        if (kind !== Control.ping && kind !== Control.pong) return this.#fail('ERR_RINGWIRE_BAD_CONTROL');
      } else if (frame.event >= FIRST_ANNOUNCED_ID && frame.event !== INLINE_NAME_ID) {
        return this.#fail('ERR_RINGWIRE_INVALID_EVENT');
      }
      this.#cursor = at + bytes;
      return frame;
    } catch (error) {
      return this.#fail(error instanceof RingwireError ? error.code : 'ERR_RINGWIRE_BAD_CONTROL');
    }
  }

  #fail(code: ErrorCode): undefined {
    this.fault = code;
    this.#cursor = this.#limit;
    return undefined;
  }
}

function u16(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function i32(bytes: Buffer, at: number): number {
  return u16(bytes, at) | (u16(bytes, at + 2) << 16);
}

function u32(bytes: Buffer, at: number): number {
  return i32(bytes, at) >>> 0;
}
