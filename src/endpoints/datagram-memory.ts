/**
 * Memory of large datagrams that have been read. Node makes it anew for each datagram, and the engine learns of its size late: for datagrams of
 * 16 KiB half of a receiver's processor time goes into collecting it. Where nothing can refer to it any more it is given back at once.
 * It is off for programs that did not choose large datagrams: buffers that can go away cost all code over typed arrays some percent.
 *
 * Invariant: what a program was given to keep is never taken away; a frame that it was lent is empty afterwards.
 */
import type { DatagramOptions, FullSettings } from './datagram-options.ts';

/** Below this the garbage collector is cheaper. */
const RELEASED_BYTES_MIN = 8_192;

interface Transferable extends ArrayBuffer {
  transfer(bytes: number): ArrayBuffer;
}

/** @returns what gives the memory of a datagram back that has been delivered; undefined: it is left to the garbage collector */
export function datagramRelease(
  { receive, wire }: DatagramOptions,
  { datagramBytesMax, fragment, events }: FullSettings,
): ((bytes: Buffer) => void) | undefined {
  // Node 20 has no way to do it.
  if (datagramBytesMax < RELEASED_BYTES_MIN || !('transfer' in ArrayBuffer.prototype)) return undefined;
  // Views, parts of frames and newest values that wait are looked at later.
  if (receive === 'view' || wire === 'unframed' || fragment) return undefined;
  if (receive === 'frame' && Object.values(events).some(({ mode }) => mode === 'latest')) return undefined;
  return release;
}

function release({ buffer, length }: Buffer): void {
  // Memory that others share stays.
  if (length >= RELEASED_BYTES_MIN && buffer.byteLength === length) (buffer as Transferable).transfer(0);
}
