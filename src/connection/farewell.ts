/**
 * How a connection ends that this side has ended: the peer is told why if it may still read it, then the socket goes.
 *
 * Invariant: the socket is gone soon after, whatever the peer does.
 */
import type { StreamTransport } from '../transports/stream.ts';

/** How long a peer that was cut may take to read the reason. */
const GOODBYE_MS = 1_000;

/** Closes when all that was written has left, or when the peer has had its time. */
export function closeSoon(transport: StreamTransport): void {
  transport.end();
  const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
  transport.socket.once('finish', () => transport.destroy());
  transport.socket.once('close', () => clearTimeout(timer));
}
