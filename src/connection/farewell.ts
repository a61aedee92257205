/**
 * The end of a connection that this side cuts: the reason is given a moment to leave.
 *
 * Invariant: the transport is destroyed, whether the peer reads or not.
 */
import type { StreamTransport } from '../transports/stream.ts';

/** How long a peer that was cut may take to read the reason. */
const GOODBYE_MS = 1_000;

/** @param transport has been ended behind the goodbye */
export function destroyOnceSent(transport: StreamTransport): void {
  const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
  transport.socket.once('finish', () => transport.destroy());
  transport.socket.once('close', () => clearTimeout(timer));
}
