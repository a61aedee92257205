/**
 * The end of a connection that this side cuts: the peer is told why, and the reason is given a moment to leave.
 *
 * Invariant: the transport is destroyed, whether the peer reads or not.
 */
import type { RingwireError } from '../errors.ts';
import { goodbyeFrame } from '../frames/control.ts';
import type { StreamTransport } from '../transports/stream.ts';
import type { BinaryWire } from './binary-wire.ts';
import type { Sender } from './sender.ts';

/** How long a peer that was cut may take to read the reason. */
const GOODBYE_MS = 1_000;

/** The last words to a peer of the ringwire wire, behind everything that was sent. */
export function sayGoodbye(
  wire: BinaryWire,
  sender: Sender,
  transport: StreamTransport,
  error: RingwireError,
): void {
  wire.greet();
  sender.respond(goodbyeFrame(error.code, error.message));
  sender.outbox.finish();
  transport.end();
  const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
  transport.socket.once('finish', () => transport.destroy());
  transport.socket.once('close', () => clearTimeout(timer));
}
