/**
 * The end of a connection: the peer is told why this side cuts it, and the reason is given a moment to leave; what a peer says when it goes.
 *
 * Invariant: the transport is destroyed, whether the peer reads or not.
 */
import { FrameError, type RingwireError } from '../errors.ts';
import { goodbyeFrame, readGoodbye } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
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
  wire.introduce();
  sender.respond(goodbyeFrame(error.code, error.event ?? error.message));
  sender.outbox.finish();
  transport.end();
  const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
  transport.socket.once('finish', () => transport.destroy());
  transport.socket.once('close', () => clearTimeout(timer));
}

/** @throws FrameError ERR_RINGWIRE_PEER_GOODBYE unless it is a normal end */
export function hearGoodbye(frame: Frame): void {
  const { code, reason, text } = readGoodbye(frame);
  if (reason === 0) return;
  throw new FrameError(
    'ERR_RINGWIRE_PEER_GOODBYE',
    `the peer closed with ${code ?? `reason ${reason}`}: ${printable(text)}`,
  );
}

/** Text of a peer, fit for an error message: no control characters that could forge lines or colours in a log. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}
