/**
 * The end of a connection: the peer is told why this side cuts it, and the reason is given a moment to leave.
 *
 * Invariant: the transport is destroyed, whether the peer reads or not.
 */
import { RingwireError } from '../errors.ts';
import { goodbyeFrame } from '../frames/control.ts';
import { BinaryWire } from './binary-wire.ts';
import { GOODBYE_MS } from '../limits.ts';
import type { Sender } from './sender.ts';

/** Cuts the peer. On the ringwire wire it is told why, behind everything that was sent. @param mayExplain there is room for that */
export function sayGoodbye(sender: Sender, error: Error, mayExplain: boolean): void {
  const { transport, wire } = sender;
  if (transport === undefined) return;
  if (!mayExplain || !(wire instanceof BinaryWire) || !(error instanceof RingwireError)) {
    transport.destroy();
    return;
  }
  wire.introduce();
  sender.respond(goodbyeFrame(error.code, error.event ?? error.message));
  sender.outbox.finish(() => transport.end());
  const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
  transport.socket.once('finish', () => transport.destroy());
  transport.socket.once('close', () => clearTimeout(timer));
}
