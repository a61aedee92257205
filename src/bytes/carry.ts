/**
 * Memory of a parser's own for a unit that has not arrived completely. It grows with the bytes that really came, at most to
 * twice as many plus one block, whatever the unit promises.
 *
 * Invariant: `bytes[0]` to `bytes[length - 1]` are the first bytes of one unit; `bytes` stays lent to whoever holds the unit
 * until the next `append` or `writable`.
 */
import type { ReceiveRing } from './receive-ring.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const NO_VIEW: DataView = new DataView(new ArrayBuffer(0));

/** The first block for a large unit: the payload of 64 KiB that many programs send, and its header. */
const BLOCK_BYTES: number = 68 * 1024;
/** A carry of up to this size is kept by an idle connection, a larger one is let go. */
const KEPT_BYTES_MAX = 512;
/** A unit of which this much has come gets a whole block at once. */
const BLOCK_BYTES_MIN: number = 4 * 1024;

export class Carry {
  bytes: Buffer = NOTHING;
  view: DataView = NO_VIEW;
  length = 0;
  readonly #ring: ReceiveRing;

  /** @param ring keeps a block between two carries of its connections */
  constructor(ring: ReceiveRing) {
    this.#ring = ring;
  }

  /** Copies `source[from]` to `source[to - 1]` behind what is there. @param total size of the whole unit, 0 if not known */
  append(source: Buffer, from: number, to: number, total: number): void {
    this.#grow(this.length + to - from, total);
    source.copy(this.bytes, this.length, from, to);
    this.length += to - from;
  }

  /** Reads may land here: enough has come of the unit, or a block lies ready. For a mere promise none is made. */
  get isWorthABlock(): boolean {
    return this.length >= BLOCK_BYTES_MIN || this.#ring.spareBlock !== undefined;
  }

  /** Room for the rest of a unit of `total` bytes, or for the next part of it. Borrowed until `advance`. */
  writable(total: number): Buffer {
    if (this.bytes.length - this.length < Math.min(total - this.length, BLOCK_BYTES / 2)) {
      this.#grow(Math.max(2 * this.length, BLOCK_BYTES), total);
    }
    return this.bytes.subarray(this.length, Math.min(total, this.bytes.length));
  }

  /** So many bytes have arrived in what `writable` gave. */
  advance(bytes: number): void {
    this.length += bytes;
  }

  /** The unit is complete; its bytes stay readable until the carry is used again. */
  clear(): void {
    this.length = 0;
  }

  /** Nothing is unfinished: an idle connection owns next to nothing. */
  letGo(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) {
      this.#keepSpare();
      this.bytes = NOTHING;
      this.view = NO_VIEW;
    }
  }

  /** Forgets everything. Its memory may be lent for a read that is still to come, and goes to nobody else. */
  drop(): void {
    this.length = 0;
    this.bytes = NOTHING;
    this.view = NO_VIEW;
  }

  #grow(bytes: number, total: number): void {
    if (bytes <= this.bytes.length) return;
    let capacity = Math.max(bytes, 2 * this.bytes.length, 64);
    if (total > 0) capacity = Math.max(bytes, Math.min(capacity, total));
    const isBlock = capacity >= BLOCK_BYTES_MIN && capacity <= BLOCK_BYTES;
    const grown = isBlock ? this.#block() : Buffer.allocUnsafeSlow(capacity);
    this.bytes.copy(grown, 0, 0, this.length);
    this.#keepSpare();
    this.bytes = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }

  #block(): Buffer {
    const block = this.#ring.spareBlock ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#ring.spareBlock = undefined;
    return block;
  }

  #keepSpare(): void {
    if (this.bytes.length === BLOCK_BYTES) this.#ring.spareBlock = this.bytes;
  }
}
