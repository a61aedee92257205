/**
 * Streams in pieces: every way to cut bytes, and the ways in which a parser can be given a piece. After each piece the memory that
 * the parser may no longer rely on is overwritten, as the next read of another connection would do.
 *
 * It knows no wire.
 * Invariant: the pieces of a cut, joined, are the stream.
 */
import type { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import type { Frame, FrameParser } from '../../src/frames/frame.ts';
import type { Random } from '../support/seeded.ts';

/** `kernel` reads into `writable()`, `feed` lends an aligned chunk, `misaligned` one that starts at an odd address. */
export type Way = 'kernel' | 'feed' | 'misaligned';
export const WAYS: readonly Way[] = ['kernel', 'feed', 'misaligned'];

/** Chunks are lent from here, as a socket lends them. */
const CHUNKS: Buffer = Buffer.allocUnsafeSlow(4 * 1024 * 1024);

/** What the memory of an earlier read is overwritten with; as a first byte it is neither magic nor text. */
const LATER = 0xa5;

/** All 2^(n-1) ways to cut `bytes`. */
export function* everySplit(bytes: Buffer): Generator<Buffer[]> {
  for (let mask = 0; mask < 2 ** (bytes.length - 1); mask++) {
    const pieces: Buffer[] = [];
    let from = 0;
    for (let at = 1; at < bytes.length; at++) {
      if ((mask & (1 << (at - 1))) === 0) continue;
      pieces.push(bytes.subarray(from, at));
      from = at;
    }
    pieces.push(bytes.subarray(from));
    yield pieces;
  }
}

/** Every way to cut once or twice. */
export function* everyCut(bytes: Buffer): Generator<Buffer[]> {
  for (let first = 1; first < bytes.length; first++) {
    yield [bytes.subarray(0, first), bytes.subarray(first)];
    for (let second = first + 1; second < bytes.length; second++)
      yield [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
  }
}

/** Pieces of `size` bytes, the last one shorter. */
export function evenly(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** `count` pieces of `size` bytes and the rest in one; a size of 0 is all in one. */
export function firstCut(bytes: Buffer, size: number, count: number): Buffer[] {
  const at = Math.min(bytes.length, size * count);
  return [...evenly(bytes.subarray(0, at), size), bytes.subarray(at)];
}

export function randomly(bytes: Buffer, random: Random, most: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Gives the parser one piece and hands on each frame of it. */
export function deliver(
  parser: FrameParser,
  ring: ReceiveRing,
  piece: Buffer,
  way: Way,
  visit: (frame: Frame) => void,
): void {
  if (way !== 'kernel') {
    const shift = way === 'feed' ? 0 : 3;
    const chunk = CHUNKS.subarray(shift, shift + piece.length);
    piece.copy(chunk);
    parser.feed(chunk);
    drain(parser, piece.length, visit);
    chunk.fill(LATER);
    return;
  }
  for (let at = 0; at < piece.length;) {
    const room = parser.writable();
    const bytes = Math.min(room.length, piece.length - at);
    piece.copy(room, 0, at, at + bytes);
    at += bytes;
    parser.advance(bytes);
    drain(parser, bytes, visit);
    if (room.buffer === ring.bytes.buffer) ring.bytes.fill(LATER);
  }
}

/**
 * Takes frames in every way that a parser has: one by one, in strides, and with a receiver that throws in the middle of one.
 * @param first decides with which it begins
 */
function drain(parser: FrameParser, first: number, visit: (frame: Frame) => void): void {
  const receiver = { receive: visit };
  for (let round = first; ; round++) {
    const stride = 1 + (round % 5);
    if (round % 3 === 0) {
      const frame = parser.next();
      if (frame === undefined) return;
      visit(frame);
    } else if (round % 3 === 1) {
      if (parser.deliver(receiver, stride) < stride) return;
    } else {
      let left = stride;
      const throwing = {
        receive(frame: Frame): void {
          visit(frame);
          if (--left === 0) throw STOP;
        },
      };
      try {
        parser.deliver(throwing, stride + 1);
        return;
      } catch (error) {
        if (error !== STOP) throw error;
      }
    }
  }
}

const STOP: Error = new Error('stop');
