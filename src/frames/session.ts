/**
 * The control frames of delivery with acknowledgement, PROTOCOL.md section 1.5: writing and reading. It judges what one frame says by
 * itself; whether counts fit is for those who keep them.
 *
 * Invariant: reserved bytes are zero, in both directions.
 */
import { badControl, Control, HEADER_BYTES } from './control.ts';
import type { Frame } from './frame.ts';

export interface SessionState {
  /** Drawn by the side that connected; never 0. */
  readonly session: bigint;
  /** The side that accepted remembers the session. */
  readonly remembered: boolean;
  /** Message frames that the sender of this has received, modulo 2^32. */
  readonly received: number;
  /** Message frames of the sender that it does not keep any more, modulo 2^32. */
  readonly first: number;
}

const SESSION_BYTES = 24;
const ACK_BYTES = 8;
const REMEMBERED = 1;

export function sessionFrame(state: SessionState): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + SESSION_BYTES);
  frame.writeUInt32LE(SESSION_BYTES, 0);
  frame[8] = Control.session;
  frame[9] = state.remembered ? REMEMBERED : 0;
  frame.writeUInt32LE(state.received, 12);
  frame.writeBigUInt64LE(state.session, 16);
  frame.writeUInt32LE(state.first, 24);
  return frame;
}

/** @throws FrameError ERR_RINGWIRE_BAD_CONTROL */
export function readSession(frame: Frame): SessionState {
  const { bytes, start } = frame;
  const flags = bytes[start + 1] as number;
  const session = bytes.readBigUInt64LE(start + 8);
  if (flags > REMEMBERED || session === 0n)
    throw badControl('a session frame with unknown flags or number 0');
  return {
    session,
    remembered: flags === REMEMBERED,
    received: bytes.readUInt32LE(start + 4),
    first: bytes.readUInt32LE(start + 16),
  };
}

/** An ack whose count `setAckCount` changes: one serves a connection for its whole life. */
export function ackFrame(received = 0): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + ACK_BYTES);
  frame.writeUInt32LE(ACK_BYTES, 0);
  frame[8] = Control.ack;
  setAckCount(frame, received);
  return frame;
}

export function setAckCount(frame: Buffer, received: number): void {
  frame.writeUInt32LE(received, 12);
}

export function readAckCount(frame: Frame): number {
  return frame.bytes.readUInt32LE(frame.start + 4);
}
