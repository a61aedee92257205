/**
 * Pooled memory for bytes on their way out. A slab goes back to the pool when the last segment cut from it has been
 * written, never before: the kernel may still read from it. The pool never grows beyond what is in flight, half as many free slabs, and a few:
 * many come back at once, when peers are cut, and what the others send needs as many again.
 *
 * Invariant: `acquired - released` slabs are in flight; a slab is in exactly one of the two places.
 */
import { FREE_SLABS_MAX } from '../limits.ts';
import type { ByteWriter } from './byte-writer.ts';

/** 128 KiB: writes so large that the price of one does not show (measured: 7 percent over 64 KiB), and still in a second-level cache. */
export const SLAB_BYTES: number = 128 * 1024;

/** One piece of memory and the number of its segments that the transport still holds. A message larger than a slab gets one of its own. */
export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly words: BigUint64Array;
  inFlight = 0;
  /** Who fills it. */
  writer: ByteWriter | undefined = undefined;
  #head: Buffer | undefined = undefined;

  constructor(bytes: number = SLAB_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, bytes);
    this.words = new BigUint64Array(this.bytes.buffer, this.bytes.byteOffset, bytes >>> 3);
  }

  /** Gives the memory back at once where Node can; otherwise V8 does when it collects the slab. It must not be used any more. */
  free(): void {
    (this.bytes.buffer as Transferable).transfer?.(0);
  }

  /** The first bytes; what is sent is often as long as what was sent before, and making a Buffer costs more than keeping one. */
  head(bytes: number): Buffer {
    const head = this.#head;
    if (head !== undefined && head.length === bytes) return head;
    return (this.#head = this.bytes.subarray(0, bytes));
  }
}

/** Node 20 does not have it. */
type Transferable = ArrayBuffer & { transfer?(bytes: number): ArrayBuffer };

export class SlabPool {
  readonly #free: Slab[] = [];
  readonly #freeMax: number;
  #inUse = 0;

  /** Size of the pool's slabs. */
  readonly slabBytes: number;

  /** @param freeMax how many unused slabs are kept for the next burst, however few are in use */
  constructor(freeMax: number = FREE_SLABS_MAX, slabBytes: number = SLAB_BYTES) {
    this.#freeMax = freeMax;
    this.slabBytes = slabBytes;
  }

  /** Slabs that somebody holds. */
  get inUseCount(): number {
    return this.#inUse;
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** The caller owns the slab until it releases it. Its bytes are whatever was there. */
  acquire(): Slab {
    this.#inUse++;
    return this.#free.pop() ?? new Slab(this.slabBytes);
  }

  release(slab: Slab): void {
    const max = Math.max(this.#freeMax, --this.#inUse / 2);
    this.#free.push(slab);
    while (this.#free.length > max) this.#free.pop()?.free();
  }
}
