/**
 * The 8 bytes before every payload of the ringwire wire, PROTOCOL.md section 1.2: what they may say and how large the frame is.
 *
 * Invariant: `unitBytes` returns only for headers that are legal in every field; everything else is a FrameError with its code.
 */
import { FrameError } from '../errors.ts';
import { ANNOUNCED_COUNT_MAX } from '../limits.ts';
import { CONTROL_EVENT, FIRST_ANNOUNCED_ID, HEADER_BYTES, INLINE_NAME_ID } from './control.ts';

export const EXTENSION_FLAG = 1;
export const EXTENSION_BYTES = 8;
export const HIGHEST_CODEC = 4;
export const LAST_ANNOUNCED_ID: number = FIRST_ANNOUNCED_ID + ANNOUNCED_COUNT_MAX - 1;

/** Writes a header without flags at `at`. */
export function writeHeader(
  view: DataView,
  at: number,
  payloadBytes: number,
  event: number,
  codec: number,
): void {
  view.setUint32(at, payloadBytes, true);
  view.setUint32(at + 4, event | (codec << 16), true);
}

/** Bytes of a frame without extension: header, payload, padding. */
export function plainFrameBytes(payloadBytes: number): number {
  return HEADER_BYTES + payloadBytes + (-payloadBytes & 7);
}

/** Judges the header at `at` and returns the bytes of the whole frame. */
export function unitBytes(view: DataView, at: number, payloadMax: number): number {
  const payloadBytes = view.getUint32(at, true);
  const event = view.getUint16(at + 4, true);
  const codec = view.getUint8(at + 6);
  const flags = view.getUint8(at + 7);
  if ((flags & ~EXTENSION_FLAG) !== 0) {
    throw new FrameError('ERR_RINGWIRE_BAD_FLAGS', `a frame with reserved flags ${flags}`);
  }
  if (payloadBytes > payloadMax) {
    throw new FrameError(
      'ERR_RINGWIRE_FRAME_TOO_LARGE',
      `a frame of ${payloadBytes} bytes, ${payloadMax} are allowed`,
      {
        limit: payloadMax,
        actual: payloadBytes,
      },
    );
  }
  if (codec > HIGHEST_CODEC || (codec === 0) !== (event === CONTROL_EVENT)) {
    throw new FrameError('ERR_RINGWIRE_BAD_CODEC', `a frame for event ${event} with codec ${codec}`);
  }
  if (event === CONTROL_EVENT && flags !== 0) {
    throw new FrameError('ERR_RINGWIRE_BAD_FLAGS', 'a control frame with an extension');
  }
  if (event > LAST_ANNOUNCED_ID && event !== INLINE_NAME_ID) {
    throw new FrameError('ERR_RINGWIRE_INVALID_EVENT', `a frame for the reserved event id ${event}`);
  }
  return plainFrameBytes(payloadBytes) + (flags === 0 ? 0 : EXTENSION_BYTES);
}
