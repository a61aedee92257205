/**
 * What a peer says when it goes.
 *
 * Invariant: its words reach logs without control characters.
 */
import { FrameError } from '../errors.ts';
import { readGoodbye } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
import type { Link } from './link.ts';

/** @throws FrameError ERR_RINGWIRE_PEER_GOODBYE unless it is a normal end, which the session is told */
export function hearGoodbye(frame: Frame, link: Link): void {
  const { code, reason, text } = readGoodbye(frame);
  if (reason === 0) {
    link.heardGoodbye();
    return;
  }
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
