/**
 * Sealed segments on their way to the transport, in order. A transport that is far behind is given no more: what it has not got can
 * still be dropped, and the last word said to a peer that is cut need not stand behind everything else. Where memory is short it gets one slab
 * at a time: what it has is in use until the socket of a peer that was cut is gone.
 *
 * Invariant: `bytes` are those of all segments that were added and neither confirmed nor dropped; `memory` accounts for the same.
 */
import type { ByteWriter, Segment } from '../bytes/byte-writer.ts';
import { isLarge, isWasteful, pack } from '../bytes/packing.ts';
import { SLAB_BYTES } from '../bytes/slab-pool.ts';

/** Never changed: what is ready next gets a list of its own, as long as it is. */
const NOTHING: Segment[] = [];

/** Where waiting bytes are accounted for. */
export interface WindowMemory {
  bytes: number;
  isShort(more?: number): boolean;
}

export class SendWindow {
  bytes = 0;
  /** Bytes whose write has been confirmed. */
  confirmedBytes = 0;
  readonly #write: (segments: readonly Segment[]) => void;
  #memory: WindowMemory;
  readonly #bytesMax: number;
  #ready: Segment[] = NOTHING;
  #readyBytes = 0;
  #isOpen = false;
  /** The transport has all it may have; more follows when it confirms. */
  #waiting = false;
  #handing = false;
  /** The last segment that the transport got ends a message. */
  #atBoundary = true;
  /** None for a peer that keeps up. */
  #packer: ByteWriter | undefined = undefined;
  /** Set at the end: hears that the transport has everything. */
  #handed: (() => void) | undefined = undefined;

  /**
   * @param bytesMax what the transport may have unconfirmed
   * @param write takes the segments over until each is `confirmed`
   */
  constructor(bytesMax: number, memory: WindowMemory, write: (segments: readonly Segment[]) => void) {
    this.#bytesMax = bytesMax;
    this.#memory = memory;
    this.#write = write;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#isOpen = true;
  }

  add(segment: Segment): void {
    const bytes = segment.length;
    if (this.#ready.length === 0) this.#ready = [segment];
    else this.#ready.push(segment);
    this.#readyBytes += bytes;
    this.bytes += bytes;
    this.#memory.bytes += bytes;
    if (this.#readyBytes >= SLAB_BYTES / 2) this.flush();
  }

  /**
   * Adds it, cut to measure where nobody knows when it leaves, here or where all peers together wait: then it holds no more memory than is accounted for.
   * @param writer is given back what it has sealed and was copied
   * @param isFull much waits here
   */
  put(segment: Segment, writer: ByteWriter, isFull: boolean): void {
    const isShort = this.#memory.isShort(segment.length);
    if (isShort ? isWasteful(segment) || isLarge(segment) : isFull && isWasteful(segment))
      this.#pack(segment, writer);
    else this.add(segment);
  }

  #pack(segment: Segment, writer: ByteWriter): void {
    this.#packer ??= writer.another((part) => this.add(part));
    pack(segment, this.#packer);
    writer.written(segment);
    // A slab of its own, which has been copied: nobody else has it, and V8 would collect it much later.
    if (isLarge(segment) && segment.slab?.inFlight === 0) segment.slab.free();
  }

  /** Hands over what the transport may have. */
  flush(): void {
    const ready = this.#ready;
    if (ready.length === 0 || !this.#isOpen) return;
    if (this.bytes > this.#limit) {
      this.#handSome();
      return;
    }
    this.#ready = NOTHING;
    this.#readyBytes = 0;
    this.#hand(ready);
  }

  /** The transport is done with so many bytes. */
  confirmed(bytes: number): void {
    this.bytes -= bytes;
    this.#memory.bytes -= bytes;
    this.confirmedBytes += bytes;
    if (this.#waiting) this.#handSome();
  }

  /**
   * Gives up what the transport has not got, and accounts for nothing any more; slabs go back to the writer.
   * @returns whether the transport stands between two messages and takes one more
   */
  drop(writer: ByteWriter): boolean {
    for (const segment of this.#ready) writer.written(segment);
    this.#ready = NOTHING;
    this.#memory.bytes -= this.bytes;
    this.#memory = { bytes: 0, isShort: () => false };
    this.bytes -= this.#readyBytes;
    this.#readyBytes = 0;
    this.#waiting = false;
    this.#handed = undefined;
    return this.#atBoundary && this.#isOpen;
  }

  /** Nothing more goes. */
  close(): void {
    this.#isOpen = false;
  }

  /** Behind what was flushed nothing more goes. @param handed is called when the transport has all of it, perhaps at once, or never if it is dropped */
  finish(handed: () => void): void {
    this.#isOpen = false;
    if (this.#ready.length === 0) handed();
    else this.#handed = handed;
  }

  get #limit(): number {
    return this.#memory.isShort() ? Math.min(SLAB_BYTES, this.#bytesMax) : this.#bytesMax;
  }

  #hand(segments: readonly Segment[]): void {
    this.#atBoundary = segments.at(-1)?.isPart !== true;
    this.#write(segments);
  }

  #handSome(): void {
    // The transport may confirm before `write` returns.
    if (this.#handing) return;
    this.#handing = true;
    for (let some = this.#takeSome(); some.length > 0; some = this.#takeSome()) this.#hand(some);
    this.#handing = false;
    this.#waiting = this.#ready.length > 0;
    if (!this.#waiting) this.#handed?.();
  }

  /** What the transport may have now, together: it costs one system call, and many small ones are not moved up one by one. One that is larger than it all goes alone. */
  #takeSome(): Segment[] {
    const limit = this.#limit;
    let underWay = this.bytes - this.#readyBytes;
    let count = 0;
    for (const { length } of this.#ready) {
      if (underWay > 0 && underWay + length > limit) break;
      underWay += length;
      this.#readyBytes -= length;
      count++;
    }
    return this.#ready.splice(0, count);
  }
}
