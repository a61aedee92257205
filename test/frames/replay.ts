/**
 * Runs bytes through the TypeScript parsers and wires, and writes what came out as the lines that fixtures/README.md defines: the same
 * lines as native-peers/replay.h writes. Codecs decode nothing here and the sink takes everything, so only the wire is judged.
 *
 * Invariant: how the bytes are cut and given to the parser changes nothing in the lines.
 */
import assert from 'node:assert/strict';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import type { Codec } from '../../src/codecs/codec.ts';
import { BinaryWire } from '../../src/connection/binary-wire.ts';
import { DelimitedWire } from '../../src/connection/delimited-wire.ts';
import { Envelopes } from '../../src/connection/envelope.ts';
import { EventIds } from '../../src/connection/event-ids.ts';
import { NO_LINK } from '../../src/connection/link.ts';
import type { Sink, Wire } from '../../src/connection/wire.ts';
import { FrameError, MessageError } from '../../src/errors.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { extraBytes, plainFrameBytes } from '../../src/frames/header.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import type { Setting } from '../support/vectors.ts';
import { deliver, type Way } from './pieces.ts';

/** Longer payloads are shown as their size and CRC-32. */
const HEX_BYTES_MAX = 64;
const PREAMBLE_BYTES = 8;

/** Codecs that decode everything to nothing. */
const CODECS: readonly Codec[] = [0, 1, 2, 3, 4].map((id) => ({
  name: 'raw',
  id,
  prepare: () => 0,
  attachment: undefined,
  write: (_out, at) => at,
  decode: () => undefined,
}));

/** Whatever a wire tells its connection is well. */
const SINK = new Proxy({}, { get: (_, name) => (name === 'link' ? NO_LINK : () => {}) }) as Sink;

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function shown(bytes: Buffer): string {
  if (bytes.length === 0) return '-';
  if (bytes.length <= HEX_BYTES_MAX) return bytes.toString('hex');
  return `${bytes.length}:${crc32(bytes).toString(16).padStart(8, '0')}`;
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof FrameError, String(error));
  return error.code.replace('ERR_RINGWIRE_', '');
}

function makeBinaryWire(ring: ReceiveRing, setting: Setting): BinaryWire {
  const agreed = Object.fromEntries(
    Array.from({ length: setting.agreed }, (_, index) => [`agreed ${index + 1}`, index + 1]),
  );
  const options = {
    codecs: CODECS.map((codec) => ((setting.codecs >> codec.id) & 1 ? codec : undefined)),
    codec: CODECS[setting.codec === 0 ? 3 : setting.codec] as Codec,
    followPeer: setting.codec === 0,
    events: new EventIds(agreed),
    frameBytesMax: setting.limit,
    id: '',
    features: setting.features,
  };
  return new BinaryWire(ring, options, SINK);
}

/** What a stream gave so far. */
interface Account {
  readonly lines: string[];
  /** Bytes of whole, good units. */
  offset: number;
  /** Whether the bytes begin with a legal preamble. */
  readonly greeted: boolean;
}

function isPreamble(bytes: Buffer): boolean {
  if (bytes.length < PREAMBLE_BYTES || bytes.readUInt32BE(0) !== 0xf5530100) return false;
  const limit = bytes.readUInt32LE(4);
  return limit >= 1024 && limit < 2 ** 31;
}

/** The line of a frame, without what became of it; to be taken before anybody moves its start. */
export function lineOf(frame: Frame): string {
  const { event, codec, flags, kind, correlation, traceStart, bytes } = frame;
  const payload = bytes.subarray(frame.start, frame.end);
  if (event === 0) return `control ${shown(payload)}`;
  const words = [
    event.toString(16).padStart(4, '0'),
    codec,
    flags,
    kind,
    correlation.toString(16).padStart(8, '0'),
  ];
  words.push(shown(payload));
  if (flags & 2) words.push(bytes.toString('hex', traceStart, traceStart + 25));
  return words.join(' ');
}

/** Bytes that a frame occupies on the wire. */
export function unitBytesOf(frame: Frame): number {
  return plainFrameBytes(frame.end - frame.start) + extraBytes(frame.flags);
}

/** Gives a frame to the wire and writes it down, with its end when the wire has had enough. */
function receive(wire: Wire, frame: Frame, account: Account): void {
  const text = lineOf(frame);
  const unit = unitBytesOf(frame);
  const isControl = frame.event === 0;
  let word = isControl ? '' : 'frame ';
  try {
    wire.receive(frame);
  } catch (error) {
    // Codecs and handlers are dumb here: what costs one message is its event.
    if (error instanceof MessageError) word = 'refused ';
    else if (!isControl || codeOf(error) !== 'PEER_GOODBYE') throw error;
    else {
      account.lines.push(text);
      account.offset += unit;
      throw error;
    }
  }
  account.lines.push(`${word}${text}`);
  account.offset += unit;
}

function replayStream(setting: Setting, pieces: readonly Buffer[], way: Way): string {
  const ring = new ReceiveRing(256);
  const wire = makeBinaryWire(ring, setting);
  const all = Buffer.concat(pieces);
  const account: Account = { lines: [], offset: 0, greeted: isPreamble(all) };
  if (account.greeted) account.offset = PREAMBLE_BYTES;
  try {
    for (const piece of pieces)
      deliver(wire.parser, ring, piece, way, (frame) => receive(wire, frame, account));
  } catch (error) {
    return [...account.lines, `end ${codeOf(error)} ${account.offset}`].join('\n');
  }
  return ended(account, all.length, wire.parser.unfinishedBytes);
}

function replayDelimited(setting: Setting, pieces: readonly Buffer[], way: Way): string {
  const ring = new ReceiveRing(256);
  const options = {
    envelopes: new Envelopes(Buffer.from('\f')),
    frameBytesMax: setting.limit,
    limits: DEFAULT_LIMITS,
  };
  const wire = new DelimitedWire(ring, options, SINK);
  const account: Account = { lines: [], offset: 0, greeted: false };
  try {
    for (const piece of pieces) {
      deliver(wire.parser, ring, piece, way, (frame) => {
        const message = shown(frame.bytes.subarray(frame.start, frame.end));
        const bytes = frame.end - frame.start + 1;
        wire.receive(frame);
        account.lines.push(`message ${message}`);
        account.offset += bytes;
      });
    }
  } catch (error) {
    return [...account.lines, `end ${codeOf(error)} ${account.offset}`].join('\n');
  }
  return ended(account, Buffer.concat(pieces).length, wire.parser.unfinishedBytes);
}

function ended(account: Account, total: number, unfinished: number): string {
  assert.equal(total - unfinished, account.offset, 'what is unfinished begins behind the last whole unit');
  return [...account.lines, `end ${unfinished === 0 ? 'OK' : 'TRUNCATED'} ${account.offset}`].join('\n');
}

/** @param pieces the bytes as they arrive */
export function replay(setting: Setting, pieces: readonly Buffer[], way: Way): string {
  return setting.wire === 'stream'
    ? replayStream(setting, pieces, way)
    : replayDelimited(setting, pieces, way);
}
