/**
 * Preamble and control frames of the ringwire wire, as PROTOCOL.md sections 1.1 and 1.3 define them: writing into caller's
 * memory, reading in place. It keeps no state and decides nothing about a connection.
 *
 * Invariant: every length in a control frame is checked against the payload before it is used.
 */
import { FrameError, RingwireError, type ErrorCode } from '../errors.ts';
import {
  EVENT_NAME_BYTES_MAX,
  FRAME_BYTES_CEILING,
  FRAME_BYTES_FLOOR,
  PEER_TEXT_BYTES_MAX,
} from '../limits.ts';
import type { Frame } from './frame.ts';

export const MAGIC = 0xf5;
export const STREAM_KIND = 0x53;
export const VERSION = 1;
export const PREAMBLE_BYTES = 8;
export const HEADER_BYTES = 8;

export const CONTROL_EVENT = 0;
export const FIRST_ANNOUNCED_ID = 0x8000;
export const INLINE_NAME_ID = 0xffff;

/** The kinds of control frames, PROTOCOL.md section 1.3. */
export const Control = { hello: 1, announce: 2, ping: 3, pong: 4, goodbye: 5, session: 6, ack: 7 } as const;

/** Bits of a hello: what a side can do beyond messages, PROTOCOL.md section 1.3. */
export const Feature = { session: 1, requests: 2 } as const;

/** The reasons of a goodbye, PROTOCOL.md section 2; a code's place in the list is its number. */
const REASONS: readonly (ErrorCode | undefined)[] = [
  undefined,
  'ERR_RINGWIRE_FRAME_TOO_LARGE',
  'ERR_RINGWIRE_BAD_MAGIC',
  'ERR_RINGWIRE_BAD_VERSION',
  'ERR_RINGWIRE_BAD_FLAGS',
  'ERR_RINGWIRE_BAD_CODEC',
  'ERR_RINGWIRE_BAD_CONTROL',
  'ERR_RINGWIRE_INVALID_EVENT',
  'ERR_RINGWIRE_HANDSHAKE_TIMEOUT',
  'ERR_RINGWIRE_TOO_MANY_CONNECTIONS',
  'ERR_RINGWIRE_SLOW_CONSUMER_BYTES',
  'ERR_RINGWIRE_SCHEMA_MISMATCH',
  'ERR_RINGWIRE_FRAME_TIMEOUT',
  'ERR_RINGWIRE_PEER_DEAD',
  'ERR_RINGWIRE_MEMORY_LIMIT',
  'ERR_RINGWIRE_FLOOD',
  'ERR_RINGWIRE_ACK_UNSUPPORTED',
  'ERR_RINGWIRE_SESSION_TAKEN',
];

/** Two codes of ours are one reason for the peer. */
function reasonOf(code: ErrorCode | undefined): number {
  if (code === 'ERR_RINGWIRE_SLOW_CONSUMER_TIME') return REASONS.indexOf('ERR_RINGWIRE_SLOW_CONSUMER_BYTES');
  return Math.max(0, REASONS.indexOf(code));
}

/** What a peer says of itself before anything else. */
export interface Hello {
  /** The codec in which the peer sends and likes to be answered. */
  codec: number;
  /** Bit k: the peer decodes codec k. */
  codecSet: number;
  /** What the peer calls itself. Proves nothing. */
  id: string;
  /** Bits of `Feature`. */
  features: number;
}

/** Why a peer closes. `text` is for people and is not trusted. */
export interface Goodbye {
  reason: number;
  /** The error code of the reason; undefined for a normal end and for reasons of later versions. */
  code: ErrorCode | undefined;
  text: string;
}

const NOTHING: Buffer = Buffer.alloc(0);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Preamble and hello in one Buffer of the caller's. @param layouts from `layoutEntries` */
export function greeting(payloadLimit: number, hello: Hello, layouts: Buffer = NOTHING): Buffer {
  const id = cut(hello.id);
  const layoutsAt = layoutsStart(id.length);
  const body = Buffer.alloc(layouts.length > 0 ? layoutsAt + layouts.length : 8 + id.length);
  body[0] = Control.hello;
  body[1] = hello.codec;
  body.writeUInt16LE(hello.codecSet, 2);
  body.writeUInt16LE(id.length, 4);
  body.writeUInt16LE(hello.features, 6);
  id.copy(body, 8);
  layouts.copy(body, layoutsAt);
  return Buffer.concat([preamble(payloadLimit), controlFrame(body)]);
}

export function preamble(payloadLimit: number): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES);
  bytes[0] = MAGIC;
  bytes[1] = STREAM_KIND;
  bytes[2] = VERSION;
  bytes.writeUInt32LE(payloadLimit, 4);
  return bytes;
}

/** Judges the first `length` bytes of a peer. @returns the largest payload that it accepts, 0 while the preamble is not complete */
export function readPreamble(bytes: Buffer, length: number): number {
  if ((length > 0 && bytes[0] !== MAGIC) || (length > 1 && bytes[1] !== STREAM_KIND)) {
    throw new FrameError('ERR_RINGWIRE_BAD_MAGIC', 'the peer does not speak the ringwire wire');
  }
  if (length > 2 && bytes[2] !== VERSION) {
    throw new FrameError(
      'ERR_RINGWIRE_BAD_VERSION',
      `the peer speaks version ${bytes[2]} of the ringwire wire`,
      {
        limit: VERSION,
        actual: bytes[2] as number,
      },
    );
  }
  if (length > 3 && bytes[3] !== 0) {
    throw new FrameError('ERR_RINGWIRE_BAD_FLAGS', `a preamble with flags ${bytes[3]}`);
  }
  if (length < PREAMBLE_BYTES) return 0;
  const payloadMax = bytes.readUInt32LE(4);
  if (payloadMax < FRAME_BYTES_FLOOR || payloadMax > FRAME_BYTES_CEILING) {
    throw badControl(`a preamble with a payload limit of ${payloadMax} bytes`);
  }
  return payloadMax;
}

/** Gives `name` to `id`; the name is checked where it enters the table. */
export function announceFrame(id: number, name: string): Buffer {
  const text = Buffer.from(name);
  const body = Buffer.alloc(4 + text.length);
  body[0] = Control.announce;
  body.writeUInt16LE(id, 2);
  text.copy(body, 4);
  return controlFrame(body);
}

export function pingFrame(token: number): Buffer {
  return heartbeatFrame(Control.ping, token);
}

/** The answer to a ping as the bytes of a whole frame, the caller's own. */
export function pongFrame(token: number): Buffer {
  return heartbeatFrame(Control.pong, token);
}

function heartbeatFrame(kind: number, token: number): Buffer {
  const body = Buffer.alloc(8);
  body[0] = kind;
  body.writeUInt32LE(token, 4);
  return controlFrame(body);
}

/** A goodbye as the bytes of a whole frame, the caller's own. */
export function goodbyeFrame(code: ErrorCode | undefined, text: string): Buffer {
  const reason = cut(text);
  const body = Buffer.alloc(4 + reason.length);
  body[0] = Control.goodbye;
  body.writeUInt16LE(reasonOf(code), 2);
  reason.copy(body, 4);
  return controlFrame(body);
}

/** What a hello says; its text is copied. @throws RingwireError ERR_RINGWIRE_BAD_CONTROL when it is longer than its frame */
export function readHello(frame: Frame): Hello {
  const idBytes = frame.bytes.readUInt16LE(frame.start + 4);
  const idStart = frame.start + 8;
  if (idBytes > PEER_TEXT_BYTES_MAX || idStart + idBytes > frame.end)
    throw badControl('hello is longer than its frame');
  return {
    codec: frame.bytes[frame.start + 1] as number,
    codecSet: frame.bytes.readUInt16LE(frame.start + 2),
    id: frame.bytes.toString('utf8', idStart, idStart + idBytes),
    features: frame.bytes.readUInt16LE(frame.start + 6),
  };
}

/** Where the layouts stand in a hello, from the start of its payload. */
export function layoutsStart(idBytes: number): number {
  return (8 + idBytes + 7) & ~7;
}

/** @returns the announced name; its id is read by the caller's table */
export function readAnnounce(
  frame: Frame,
  nameBytesMax: number = EVENT_NAME_BYTES_MAX,
): { id: number; name: string } {
  const start = frame.start + 4;
  return {
    id: frame.bytes.readUInt16LE(frame.start + 2),
    name: readEventName(frame.bytes, start, frame.end, nameBytesMax),
  };
}

/** What a goodbye says; its text is copied. @param frame one that `controlKind` calls a goodbye */
export function readGoodbye(frame: Frame): Goodbye {
  const reason = frame.bytes.readUInt16LE(frame.start + 2);
  const end = Math.min(frame.end, frame.start + 4 + PEER_TEXT_BYTES_MAX);
  return { reason, code: REASONS[reason], text: frame.bytes.toString('utf8', frame.start + 4, end) };
}

/** The token of a ping or pong. @param frame one that `controlKind` calls so */
export function readPingToken(frame: Frame): number {
  return frame.bytes.readUInt32LE(frame.start + 4);
}

/** Kind of a control frame whose fixed part is all there; kinds that this version does not know are refused. */
export function controlKind(frame: Frame): number {
  const kind = frame.end > frame.start ? (frame.bytes[frame.start] as number) : 0;
  const bytesMin = FIXED_BYTES[kind];
  if (bytesMin === undefined) throw badControl(`control frame of unknown kind ${kind}`);
  if (frame.end - frame.start < bytesMin) throw badControl(`control frame of kind ${kind} is too short`);
  for (const at of ZERO_BYTES[kind] ?? []) {
    if (frame.bytes[frame.start + at] !== 0)
      throw badControl(`control frame of kind ${kind} with reserved bytes set`);
  }
  return kind;
}

/** Bytes of a control frame that are reserved. */
const ZERO_BYTES: Readonly<Record<number, readonly number[]>> = {
  [Control.announce]: [1],
  [Control.ping]: [1, 2, 3],
  [Control.pong]: [1, 2, 3],
  [Control.goodbye]: [1],
  [Control.session]: [2, 3, 20, 21, 22, 23],
  [Control.ack]: [1, 2, 3],
};

const FIXED_BYTES: Readonly<Record<number, number>> = {
  [Control.hello]: 8,
  [Control.announce]: 4,
  [Control.ping]: 8,
  [Control.pong]: 8,
  [Control.goodbye]: 4,
  [Control.session]: 24,
  [Control.ack]: 8,
};

/** An event name from the wire: 1 to 256 bytes, or fewer, of well-formed UTF-8. Closes the connection otherwise. */
export function readEventName(
  bytes: Buffer,
  start: number,
  end: number,
  bytesMax: number = EVENT_NAME_BYTES_MAX,
): string {
  if (end - start < 1 || end - start > bytesMax) {
    throw new FrameError('ERR_RINGWIRE_INVALID_EVENT', `an event name has 1 to ${bytesMax} bytes`, {
      limit: bytesMax,
      actual: end - start,
    });
  }
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new FrameError('ERR_RINGWIRE_INVALID_EVENT', 'an event name is not well-formed UTF-8', { cause });
  }
}

/** An event name of our own program, before it may go on the wire. */
export function checkEventName(
  name: unknown,
  bytesMax: number = EVENT_NAME_BYTES_MAX,
): asserts name is string {
  if (typeof name !== 'string' || name === '') {
    throw new RingwireError(
      'ERR_RINGWIRE_INVALID_EVENT',
      `an event name must be a string that is not empty, not ${name === '' ? "''" : typeof name}`,
    );
  }
  if (name.length * 3 > bytesMax && Buffer.byteLength(name) > bytesMax) {
    throw new RingwireError(
      'ERR_RINGWIRE_EVENT_TOO_LONG',
      'the event name is too long for the ringwire wire',
      { limit: bytesMax, actual: Buffer.byteLength(name) },
    );
  }
}

export function badControl(message: string): FrameError {
  return new FrameError('ERR_RINGWIRE_BAD_CONTROL', message);
}

function controlFrame(body: Buffer): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + ((body.length + 7) & ~7));
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

function cut(text: string): Buffer {
  return Buffer.from(text).subarray(0, PEER_TEXT_BYTES_MAX);
}
