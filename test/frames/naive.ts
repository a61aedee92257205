/**
 * The ringwire wire once more, as naively as PROTOCOL.md reads: frames written byte by byte, and a parser that has the whole stream
 * before it. What the real parser finds is compared with this.
 *
 * It shares no code with src, on purpose; and it judges nothing: its streams are legal.
 */
import assert from 'node:assert/strict';
import type { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { deliver, type Way } from './pieces.ts';

export const PREAMBLE: Buffer = Buffer.from('f5530100 00000001'.replace(' ', ''), 'hex');
export const PAYLOAD_MAX: number = 16 * 1024 * 1024;

/** One frame as it was found, copied out. */
export interface Found {
  readonly event: number;
  readonly codec: number;
  readonly correlation: number;
  readonly kind: number;
  /** The 25 bytes of a trace context in hexadecimal digits, empty without. */
  readonly trace: string;
  readonly payload: string;
}

/** A frame on the wire; with a correlation id it has an extension, with 25 bytes of trace a trace context. */
export function frame(
  event: number,
  codec: number,
  payload: Buffer | string,
  correlation?: number,
  kind = 0,
  trace?: Buffer,
): Buffer {
  const body = Buffer.from(payload);
  const extensionBytes = correlation === undefined ? 0 : 8;
  const header = Buffer.alloc(8 + extensionBytes + (trace === undefined ? 0 : 32));
  header.writeUInt32LE(body.length, 0);
  header.writeUInt16LE(event, 4);
  header[6] = codec;
  header[7] = (correlation === undefined ? 0 : 1) + (trace === undefined ? 0 : 2);
  if (correlation !== undefined) {
    header.writeUInt32LE(correlation, 8);
    header[12] = kind;
  }
  trace?.copy(header, 8 + extensionBytes);
  const padding = Buffer.alloc(body.length % 8 === 0 ? 0 : 8 - (body.length % 8));
  return Buffer.concat([header, body, padding]);
}

/** A frame whose name stands inline. */
export function inlineFrame(name: string, codec: number, payload: string): Buffer {
  const bytes = Buffer.from(name);
  const head = Buffer.alloc(Math.ceil((2 + bytes.length) / 8) * 8);
  head.writeUInt16LE(bytes.length, 0);
  bytes.copy(head, 2);
  return frame(0xffff, codec, Buffer.concat([head, Buffer.from(payload)]));
}

/** Every frame of a stream that is there from its preamble on, and the bytes behind the last whole one. */
export function parseNaively(stream: Buffer): { frames: Found[]; left: number } {
  const frames: Found[] = [];
  if (stream.length < 8) return { frames, left: stream.length };
  let at = 8;
  while (at + 8 <= stream.length) {
    const length = stream.readUInt32LE(at);
    const extended = (stream.readUInt8(at + 7) & 1) === 1;
    const traced = (stream.readUInt8(at + 7) & 2) === 2;
    const traceAt = at + 8 + (extended ? 8 : 0);
    const start = traceAt + (traced ? 32 : 0);
    const next = start + Math.ceil(length / 8) * 8;
    if (next > stream.length) break;
    frames.push({
      event: stream.readUInt16LE(at + 4),
      codec: stream[at + 6] as number,
      correlation: extended ? stream.readUInt32LE(at + 8) : 0,
      kind: extended ? stream.readUInt8(at + 12) : 0,
      trace: traced ? stream.toString('hex', traceAt, traceAt + 25) : '',
      payload: stream.toString('latin1', start, start + length),
    });
    at = next;
  }
  return { frames, left: stream.length - at };
}

/** `deepEqual` of two results, cheap enough for hundreds of thousands. */
export function same(a: ReturnType<typeof parseNaively>, b: ReturnType<typeof parseNaively>): boolean {
  if (a.left !== b.left || a.frames.length !== b.frames.length) return false;
  return a.frames.every((one, index) => {
    const two = b.frames[index] as Found;
    return (
      one.payload === two.payload &&
      one.event === two.event &&
      one.codec === two.codec &&
      one.correlation === two.correlation &&
      one.kind === two.kind &&
      one.trace === two.trace
    );
  });
}

/** Copies a frame out, after a look at where its payload lies in memory. */
export function found(place: Frame): Found {
  const { event, codec, correlation, kind, traceStart, bytes, start, end } = place;
  assert.equal((bytes.byteOffset + start) % 8, 0, 'a payload starts at a multiple of 8');
  const trace = traceStart === 0 ? '' : bytes.toString('hex', traceStart, traceStart + 25);
  return { event, codec, correlation, kind, trace, payload: bytes.toString('latin1', start, end) };
}

/** What a new parser finds in `pieces`, and what it has left at the end. */
export function parse(
  ring: ReceiveRing,
  pieces: readonly Buffer[],
  way: Way,
): { frames: Found[]; left: number } {
  const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
  const frames: Found[] = [];
  for (const piece of pieces) deliver(parser, ring, piece, way, (each) => frames.push(found(each)));
  return { frames, left: parser.unfinishedBytes };
}
