/**
 * What the inbox of an endpoint works with, and what becomes of the memory of large datagrams that have been delivered. Node makes it anew for
 * each, and the engine learns of its size late: for datagrams of 16 KiB half of a receiver's processor time goes into collecting it. Where
 * nothing can refer to it any more it is given back at once. That is off for programs that did not choose large datagrams: buffers that can go
 * away cost all code over typed arrays some percent.
 *
 * Invariant: what a program was given to keep is never taken away; a frame that it was lent is empty afterwards.
 */
import type { InboxOptions } from '../connection/datagram-inbox.ts';
import { assemblyOptions, type DatagramOptions, type FullSettings } from './datagram-options.ts';
import type { DatagramOutput } from './datagram-output.ts';

/** Below this the garbage collector is cheaper. */
const RELEASED_BYTES_MIN = 8_192;

interface Transferable extends ArrayBuffer {
  transfer(bytes: number): ArrayBuffer;
}

/** @param isAlone whether nobody but the endpoint listens to the socket */
export function inboxOptions(
  { codecs, eventCodecs, rules, delimiter }: DatagramOutput,
  options: DatagramOptions,
  settings: FullSettings,
  isAlone: () => boolean,
): InboxOptions {
  const release = mayRelease(options, settings)
    ? (bytes: Buffer): void => {
        if (isAlone()) give(bytes);
      }
    : undefined;
  return { codecs, eventCodecs, rules, delimiter, assembly: assemblyOptions(settings), release };
}

function mayRelease(
  { receive }: DatagramOptions,
  { datagramBytesMax, fragment, events }: FullSettings,
): boolean {
  // Node 20 has no way to do it.
  if (datagramBytesMax < RELEASED_BYTES_MIN || !('transfer' in ArrayBuffer.prototype)) return false;
  // Views, parts of frames and newest values that wait are looked at later.
  if (receive === 'view' || fragment) return false;
  return receive === 'copy' || !Object.values(events).some(({ mode }) => mode === 'latest');
}

/** Memory that others share stays. */
function give({ buffer, length }: Buffer): void {
  if (length >= RELEASED_BYTES_MIN && buffer.byteLength === length) (buffer as Transferable).transfer(0);
}
