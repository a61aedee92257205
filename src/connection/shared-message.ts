/**
 * A message that was encoded once for all connections with the same wire and codec.
 *
 * Invariant: its bytes never change, so they may wait in many outboxes at once.
 */
import { ByteWriter } from '../bytes/byte-writer.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import { RingwireError } from '../errors.ts';
import { ATTACH_BYTES_MIN } from '../limits.ts';
import type { Wire } from './wire.ts';

export class SharedMessage {
  /** Messages of one key replace each other where only the newest counts. */
  readonly key: string;
  readonly #event: string;
  #parts: Uint8Array[];
  /** Parts are the memory of the program that sends. */
  #isLent: boolean;
  readonly bytes: number;
  /** What the peer's limit is for. */
  readonly #payloadBytes: number;

  private constructor(event: string, key: string, parts: Uint8Array[], isLent: boolean, isFrame: boolean) {
    this.key = key;
    this.#isLent = isLent;
    this.#event = event;
    this.#parts = parts;
    this.bytes = parts.reduce((sum, part) => sum + part.length, 0);
    // On other wires all connections have the same limit, which encoding has kept.
    this.#payloadBytes = isFrame ? payloadBytesOf(parts[0] as Uint8Array) : 0;
  }

  /**
   * Encodes with one of the wires that share it. Nothing is written to that wire's own connection.
   * @param pool lends memory for the length of the call
   * @throws what `wire.encode` throws
   */
  static encode(
    wire: Wire,
    event: string,
    data: unknown,
    pool: SlabPool,
    key: string = event,
  ): SharedMessage {
    const parts: Uint8Array[] = [];
    let isLent = false;
    const writer: ByteWriter = new ByteWriter(pool, (segment) => {
      // Bytes in pooled memory are copied out; attachments are the user's own and stay where they are.
      parts.push(segment.slab === undefined ? segment.bytes : Buffer.from(segment.bytes));
      if (segment.slab !== undefined) writer.written(segment);
      else isLent = true;
    });
    try {
      wire.encodeShared(event, data, writer);
      writer.seal();
    } finally {
      writer.discard();
    }
    return new SharedMessage(event, key, parts, isLent, wire.kind === 'binary');
  }

  /** @throws RingwireError ERR_RINGWIRE_FRAME_TOO_LARGE, ERR_RINGWIRE_BAD_CODEC when the peer of that wire does not take it */
  check(wire: Wire): void {
    this.#checkSize(wire.bytesMax);
    wire.checkShared(this.#event);
  }

  /** Writes what must precede the message on another connection. @throws what `check` throws */
  prepare(wire: Wire, out: ByteWriter): void {
    this.#checkSize(wire.bytesMax);
    wire.prepareShared(this.#event, out);
  }

  #checkSize(limit: number): void {
    const actual = this.#payloadBytes;
    if (actual <= limit) return;
    const message = `a payload of ${actual} bytes, the peer accepts ${limit}`;
    throw new RingwireError('ERR_RINGWIRE_FRAME_TOO_LARGE', message, { limit, actual });
  }

  /** Its bytes in memory that nobody changes, however long it is kept. */
  keep(): readonly Uint8Array[] {
    if (this.#isLent) this.#parts = this.#parts.map((part) => Buffer.from(part));
    this.#isLent = false;
    return this.#parts;
  }

  /** Queues the message on another connection. @throws what `prepare` throws */
  writeTo(wire: Wire, out: ByteWriter): void {
    this.prepare(wire, out);
    for (const part of this.#parts) {
      if (part.length >= ATTACH_BYTES_MIN) out.attach(part);
      else out.append(part);
    }
  }
}

function payloadBytesOf({ buffer, byteOffset, length }: Uint8Array): number {
  return new DataView(buffer, byteOffset, length).getUint32(0, true);
}
