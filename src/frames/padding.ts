/**
 * Frames on their way into a writer: they are multiples of 8 bytes, and what stands behind a payload is zeros, never what was there before.
 *
 * Invariant: nothing here knows what a payload means.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { HEADER_BYTES } from './control.ts';
import { writeHeader } from './header.ts';

const PADDING: Buffer = Buffer.alloc(8);

/** Bytes that stay where they are, and zeros behind them. */
export function attach(bytes: Uint8Array, out: ByteWriter): void {
  out.attach(bytes);
  out.append(PADDING.subarray(0, -bytes.length & 7));
}

/** Zeros from `end` to a multiple of 8 payload bytes. @returns where they end */
export function pad(bytes: Buffer, end: number, payloadBytes: number): number {
  const padded = end + (-payloadBytes & 7);
  bytes.fill(0, end, padded);
  return padded;
}

/** A header of its own, before bytes that are attached. */
export function appendHeader(out: ByteWriter, payloadBytes: number, id: number, codec: number): void {
  // `reserve` may turn to another slab: the view is read after it.
  const at = out.reserve(HEADER_BYTES);
  writeHeader(out.view, at, payloadBytes, id, codec);
}
