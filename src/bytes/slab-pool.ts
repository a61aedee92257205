/**
 * Pooled memory for bytes on their way out. A slab goes back to the pool when the last segment cut from it has been
 * written, never before: the kernel may still read from it. The pool never grows beyond what is in flight plus a few free slabs.
 *
 * Invariant: `acquired - released` slabs are in flight; a slab is in exactly one of the two places.
 */
import { FREE_SLABS_MAX } from '../limits.ts';

/** 128 KiB: writes so large that the price of one does not show (measured: 7 percent over 64 KiB), and still in a second-level cache. */
export const SLAB_BYTES: number = 128 * 1024;

/** One piece of memory and the number of its segments that the transport still holds. A message larger than a slab gets one of its own. */
export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly words: BigUint64Array;
  inFlight = 0;
  #head: Buffer | undefined = undefined;

  constructor(bytes: number = SLAB_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, bytes);
    this.words = new BigUint64Array(this.bytes.buffer, this.bytes.byteOffset, bytes >>> 3);
  }

  /** The first bytes; what is sent is often as long as what was sent before, and making a Buffer costs more than keeping one. */
  head(bytes: number): Buffer {
    const head = this.#head;
    if (head !== undefined && head.length === bytes) return head;
    return (this.#head = this.bytes.subarray(0, bytes));
  }
}

export class SlabPool {
  readonly #free: Slab[] = [];
  readonly #freeMax: number;
  #inUse = 0;

  /** Size of the pool's slabs. */
  readonly slabBytes: number;

  /** @param freeMax how many unused slabs are kept for the next burst */
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
    this.#inUse--;
    if (this.#free.length < this.#freeMax) this.#free.push(slab);
  }
}
