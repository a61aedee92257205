/**
 * What witnesses and the server under attack say to each other, on node-ipc's wire and on ringwire's: a number, a text and their CRC-32.
 * The server checks what it gets and sends it back.
 *
 * It shares no code with src. Invariant: the numbers of a connection are 1, 2, 3 ... in each direction.
 */
import { crc32 } from 'node:zlib';
import { frame } from '../frames/naive.ts';

export const JSON_EVENT = 'witness';
export const RAW_EVENT = 'witness-raw';
const RAW = 3;
const RAW_BYTES = 40;

export interface Statement {
  readonly n: number;
  readonly text: string;
  readonly sum: number;
}

export function statement(n: number): Statement {
  const text = `statement ${n} ${'äb'.repeat(n % 7)}`;
  return { n, text, sum: crc32(text) };
}

/** What is wrong with a statement that should have number `n`. */
export function faultOf(data: unknown, n: number): string | undefined {
  const { n: got, text, sum } = (data ?? {}) as Partial<Statement>;
  if (got !== n) return `number ${String(got)} where ${n} was due`;
  return typeof text === 'string' && crc32(text) === sum ? undefined : `number ${n} is damaged`;
}

export function rawStatement(n: number): Buffer {
  const bytes = Buffer.alloc(RAW_BYTES, n & 0xff);
  bytes.writeUInt32LE(n, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

export function rawFaultOf(data: unknown, n: number): string | undefined {
  if (!Buffer.isBuffer(data) || data.length !== RAW_BYTES) return `no raw statement where ${n} was due`;
  if (data.readUInt32LE(0) !== n) return `raw number ${data.readUInt32LE(0)} where ${n} was due`;
  return data.readUInt32LE(4) === crc32(data.subarray(8)) ? undefined : `raw number ${n} is damaged`;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Preamble, hello (raw, decodes json, msgpack, raw) and the announce of the raw event. */
export const RAW_GREETING: Buffer = Buffer.concat([
  hex('f5530100 00000001'),
  frame(0, 0, hex('01 03 0e00 0100 0000 61')),
  frame(0, 0, Buffer.concat([hex('02 00 0080'), Buffer.from(RAW_EVENT)])),
]);

export function rawMessage(n: number): Buffer {
  return frame(0x8000, RAW, rawStatement(n));
}

export function jsonMessage(n: number): string {
  return `${JSON.stringify({ type: JSON_EVENT, data: statement(n) })}\f`;
}

/** Takes the whole messages off the front of what has arrived on node-ipc's wire. */
export function takeJson(bytes: Buffer): { found: unknown[]; rest: Buffer } {
  const found: unknown[] = [];
  let from = 0;
  for (let at = bytes.indexOf(0x0c); at >= 0; at = bytes.indexOf(0x0c, from)) {
    const { type, data } = JSON.parse(bytes.toString('utf8', from, at)) as { type: string; data: unknown };
    if (type === JSON_EVENT) found.push(data);
    from = at + 1;
  }
  return { found, rest: bytes.subarray(from) };
}

/** The same on ringwire's wire, behind the preamble; control frames are skipped. */
export function takeRaw(bytes: Buffer): { found: Buffer[]; rest: Buffer } {
  const found: Buffer[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + 8 + Math.ceil(length / 8) * 8;
    if (end > bytes.length) break;
    if (bytes.readUInt16LE(at + 4) !== 0) found.push(bytes.subarray(at + 8, at + 8 + length));
    at = end;
  }
  return { found, rest: bytes.subarray(at) };
}
