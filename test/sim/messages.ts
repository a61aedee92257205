/**
 * What travels in the simulator: each message names its series and its place in that, and carries a body that can be recomputed, so that a receiver knows
 * at once whether it is whole, and whose it is.
 *
 * Invariant: a body is a piece of one text that never changes.
 */
import type { Chance } from './faults.ts';
import { seeded } from '../support/seeded.ts';

export interface Message {
  /** One for each sender's messages to one connection, one for broadcasts, one for requests. */
  readonly series: number;
  readonly place: number;
  readonly offset: number;
  readonly size: number;
}

export type Body = 'raw' | 'msgpack' | 'json';

const SOURCE_BYTES: number = 256 * 1024;
export const SIZE_MAX: number = 128 * 1024;
const HEAD_BYTES = 16;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-';

const source: string = (() => {
  const random = seeded(1);
  return Array.from({ length: SOURCE_BYTES }, () => LETTERS[random.below(LETTERS.length)]).join('');
})();
const sourceBytes: Buffer = Buffer.from(source);

/** @param heavy a sixth of all messages are large, and few are small */
function drawSize(chance: Chance, heavy: boolean): number {
  const kind = heavy ? 0.8 + 0.3 * (chance.fraction() - 0.5) : chance.fraction();
  if (kind < 0.6) return chance.between(0, 100);
  if (kind < 0.9) return chance.between(100, 3_000);
  if (kind < (heavy ? 0.92 : 0.98)) return chance.between(3_000, 40_000);
  return chance.between(40_000, SIZE_MAX);
}

export function draw(chance: Chance, series: number, place: number, heavy = false): Message {
  const size = drawSize(chance, heavy);
  return { series, place, size, offset: chance.random.below(SOURCE_BYTES - size) };
}

export function write(message: Message, body: Body): unknown {
  const { series, place, offset, size } = message;
  if (body === 'json') return { series, place, offset, text: source.slice(offset, offset + size) };
  const bytes = sourceBytes.subarray(offset, offset + size);
  if (body === 'msgpack') return { series, place, offset, bytes };
  const whole = Buffer.alloc(HEAD_BYTES + size);
  for (const [index, value] of [series, place, offset, size].entries()) whole.writeUInt32LE(value, 4 * index);
  bytes.copy(whole, HEAD_BYTES);
  return whole;
}

/** @returns undefined when it is not what anybody has written */
export function read(data: unknown): Message | undefined {
  if (Buffer.isBuffer(data)) return readBytes(data);
  if (typeof data !== 'object' || data === null) return undefined;
  const { series, place, offset, text, bytes } = data as Record<string, unknown>;
  if (![series, place, offset].every((value) => typeof value === 'number')) return undefined;
  const head = { series: series as number, place: place as number, offset: offset as number };
  if (typeof text === 'string') {
    return isPiece(Buffer.from(text, 'latin1'), head.offset) ? { ...head, size: text.length } : undefined;
  }
  if (!(bytes instanceof Uint8Array) || !isPiece(bytes, head.offset)) return undefined;
  return { ...head, size: bytes.length };
}

function readBytes(data: Buffer): Message | undefined {
  if (data.length < HEAD_BYTES) return undefined;
  const [series, place, offset, size] = [0, 4, 8, 12].map((at) => data.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const bytes = data.subarray(HEAD_BYTES);
  return bytes.length === size && isPiece(bytes, offset) ? { series, place, offset, size } : undefined;
}

function isPiece(bytes: Uint8Array, offset: number): boolean {
  if (!Number.isInteger(offset) || offset < 0 || offset + bytes.length > SOURCE_BYTES) return false;
  return sourceBytes.compare(bytes, 0, bytes.length, offset, offset + bytes.length) === 0;
}
