/**
 * The 8 bytes before every payload of the ringwire wire, PROTOCOL.md section 1.2: what they may say and how large the frame is.
 *
 * Invariant: `unitBytes` returns only for headers that are legal in every field; everything else is a FrameError with its code.
 */
import { FrameError } from '../errors.ts';
import { ANNOUNCED_COUNT_MAX } from '../limits.ts';
import { CONTROL_EVENT, FIRST_ANNOUNCED_ID, HEADER_BYTES, INLINE_NAME_ID } from './control.ts';
import type { Frame } from './frame.ts';

export const EXTENSION_FLAG = 1;
export const EXTENSION_BYTES = 8;
export const TRACE_FLAG = 2;
export const TRACE_BYTES = 32;

/** What a frame with an extension is, PROTOCOL.md section 1.4. */
export const FrameKind = {
  message: 0,
  request: 1,
  response: 2,
  error: 3,
  cancel: 4,
  item: 5,
  end: 6,
  credit: 7,
} as const;

/** Bytes of a trace context that say something; the rest is reserved. */
const TRACE_USED_BYTES = 25;
export const HIGHEST_CODEC = 4;
export const LAST_ANNOUNCED_ID: number = FIRST_ANNOUNCED_ID + ANNOUNCED_COUNT_MAX - 1;

/** Writes a header at `at`. */
export function writeHeader(
  view: DataView,
  at: number,
  payloadBytes: number,
  event: number,
  codec: number,
  flags = 0,
): void {
  view.setUint32(at, payloadBytes, true);
  view.setUint32(at + 4, event | (codec << 16) | (flags << 24), true);
}

/** Writes an extension at `at`, where a header with EXTENSION_FLAG ends. */
export function writeExtension(view: DataView, at: number, correlation: number, kind: number): void {
  view.setUint32(at, correlation, true);
  view.setUint32(at + 4, kind, true);
}

/** Writes the 25 bytes of a trace context at `at`, and zeros behind them. */
export function writeTrace(bytes: Buffer, at: number, context: Uint8Array): void {
  bytes.fill(0, at, at + TRACE_BYTES);
  bytes.set(context.subarray(0, TRACE_USED_BYTES), at);
}

/** The 25 bytes of a frame's trace context, borrowed as the frame is; undefined when it has none. */
export function traceOf(frame: Frame): Uint8Array | undefined {
  const { bytes, traceStart } = frame;
  return traceStart === 0 ? undefined : bytes.subarray(traceStart, traceStart + TRACE_USED_BYTES);
}

/** Bytes between a header with `flags` and its payload. */
export function extraBytes(flags: number): number {
  return (flags & EXTENSION_FLAG ? EXTENSION_BYTES : 0) + (flags & TRACE_FLAG ? TRACE_BYTES : 0);
}

/** Reads extension and trace context of the frame whose `start` is behind its header, and moves `start` behind them. */
export function readExtras(view: DataView, frame: Frame): void {
  if (frame.flags & EXTENSION_FLAG) {
    frame.correlation = view.getUint32(frame.start, true);
    frame.kind = view.getUint32(frame.start + 4, true);
    if (frame.kind > FrameKind.credit) {
      throw new FrameError(
        'ERR_RINGWIRE_BAD_FLAGS',
        'a frame extension of unknown kind or with reserved bytes set',
      );
    }
    frame.start += EXTENSION_BYTES;
  }
  if (frame.flags & TRACE_FLAG) {
    for (let at = frame.start + TRACE_USED_BYTES; at < frame.start + TRACE_BYTES; at++) {
      if (view.getUint8(at) !== 0) {
        throw new FrameError('ERR_RINGWIRE_BAD_FLAGS', 'a trace context with reserved bytes set');
      }
    }
    frame.traceStart = frame.start;
    frame.start += TRACE_BYTES;
  }
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
  if (flags > (EXTENSION_FLAG | TRACE_FLAG)) {
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
    throw new FrameError('ERR_RINGWIRE_BAD_FLAGS', 'a control frame with flags');
  }
  if (event > LAST_ANNOUNCED_ID && event !== INLINE_NAME_ID) {
    throw new FrameError('ERR_RINGWIRE_INVALID_EVENT', `a frame for the reserved event id ${event}`);
  }
  return plainFrameBytes(payloadBytes) + extraBytes(flags);
}
