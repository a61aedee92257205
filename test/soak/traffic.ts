/**
 * The messages of the soak: each has its number, its length and a CRC over all of it, and both sides keep a running hash of what passed, so that whatever is lost,
 * doubled, out of turn or damaged shows.
 *
 * Invariant: equal seeds make equal messages; nothing is allocated for a message that is copied on its way out.
 */
import { crc32 } from 'node:zlib';
import { seeded } from '../support/seeded.ts';

const HEAD_BYTES = 16;
const BYTES_MIN = 64;
const BYTES_MAX: number = 64 * 1024;
/** Most messages are small: 0.9 KB on average. */
const STEEPNESS = 80;
const POOL_BYTES: number = 128 * 1024;
/** No power of two, so that the pool does not repeat at the places of pages. */
const SEED_BYTES = 65_521;
/** From here on a sent Buffer is not copied: it has to be left alone. */
const ATTACHED_BYTES_MIN: number = 32 * 1024;

export interface Count {
  messages: number;
  bytes: number;
  /** Over the CRCs, in order. */
  hash: number;
}

export class Outgoing {
  readonly count: Count = { messages: 0, bytes: 0, hash: 0 };
  readonly #pool: Buffer;
  readonly #scratch: Buffer = Buffer.alloc(ATTACHED_BYTES_MIN);
  #state: number;

  constructor(seed: number) {
    this.#pool = Buffer.alloc(POOL_BYTES, seeded(seed).bytes(SEED_BYTES));
    this.#state = seed | 1;
  }

  /** The next message. Borrowed until the next call, unless it is too large to be copied. */
  next(): Buffer {
    const { count } = this;
    const share = this.#draw();
    const size = BYTES_MIN + Math.floor((BYTES_MAX - BYTES_MIN) * share ** STEEPNESS);
    const bytes = size < ATTACHED_BYTES_MIN ? this.#scratch.subarray(0, size) : Buffer.allocUnsafeSlow(size);
    const from = Math.floor(this.#draw() * (POOL_BYTES - BYTES_MAX));
    this.#pool.copy(bytes, HEAD_BYTES, from, from + size - HEAD_BYTES);
    count.messages++;
    bytes.writeDoubleLE(count.messages, 4);
    bytes.writeUInt32LE(size, 12);
    const sum = sumOf(bytes);
    bytes.writeUInt32LE(sum, 0);
    add(count, size, sum);
    return bytes;
  }

  /** From 0 to 1. */
  #draw(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}

export interface Faults {
  lost: number;
  doubled: number;
  reordered: number;
  corrupt: number;
}

export const NO_FAULTS: Readonly<Faults> = { lost: 0, doubled: 0, reordered: 0, corrupt: 0 };

export class Incoming {
  readonly count: Count = { messages: 0, bytes: 0, hash: 0 };
  readonly faults: Faults = { ...NO_FAULTS };
  #expected = 1;
  readonly #missing = new Set<number>();

  /** @param bytes borrowed */
  take(bytes: Buffer): void {
    const { count, faults } = this;
    count.messages++;
    const number = numberOf(bytes);
    if (number === undefined) {
      faults.corrupt++;
      return;
    }
    add(count, bytes.length, bytes.readUInt32LE(0));
    if (number === this.#expected) this.#expected++;
    else this.#outOfTurn(number);
  }

  /** @param sent by the other side */
  settle(sent: number): Faults {
    for (; this.#expected <= sent; this.#expected++) this.#missing.add(this.#expected);
    this.faults.lost = this.#missing.size;
    return this.faults;
  }

  #outOfTurn(number: number): void {
    if (number < this.#expected) {
      if (this.#missing.delete(number)) this.faults.reordered++;
      else this.faults.doubled++;
      return;
    }
    for (; this.#expected < number; this.#expected++) this.#missing.add(this.#expected);
    this.#expected = number + 1;
  }
}

/** The number of a message that is whole; undefined for others. */
export function numberOf(bytes: Buffer): number | undefined {
  const size = bytes.length;
  if (size < BYTES_MIN || bytes.readUInt32LE(12) !== size) return undefined;
  return sumOf(bytes) === bytes.readUInt32LE(0) ? bytes.readDoubleLE(4) : undefined;
}

/** Below this a call out of JavaScript costs more than the sum. */
const NATIVE_BYTES_MIN = 512;
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value >>> 0;
});

/** CRC-32 of all behind its own place. */
export function sumOf(bytes: Buffer): number {
  if (bytes.length >= NATIVE_BYTES_MIN) return crc32(bytes.subarray(4));
  let value = -1;
  for (let at = 4; at < bytes.length; at++)
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[at] as number)) & 0xff] as number);
  return ~value >>> 0;
}

function add(count: Count, size: number, sum: number): void {
  count.bytes += size;
  count.hash = (Math.imul(count.hash, 0x01000193) ^ sum) >>> 0;
}
