/**
 * Sealed segments on their way to the transport, in order. A transport that is far behind is given no more: what it has not got can
 * still be dropped, and the last word said to a peer that is cut need not stand behind everything else.
 *
 * Invariant: `bytes` are those of all segments that were added and neither confirmed nor dropped; `memory` accounts for the same.
 */
import type { ByteWriter, Segment } from '../bytes/byte-writer.ts';
import { pack } from '../bytes/packing.ts';
import { SLAB_BYTES } from '../bytes/slab-pool.ts';

/** Never changed: what is ready next gets a list of its own, as long as it is. */
const NOTHING: Segment[] = [];

export class SendWindow {
  bytes = 0;
  /** Bytes whose write has been confirmed. */
  confirmedBytes = 0;
  readonly #write: (segments: readonly Segment[]) => void;
  #memory: { bytes: number };
  /** What the transport may have unconfirmed. */
  #bytesMax: number;
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

  /** @param write takes the segments over until each is `confirmed` */
  constructor(bytesMax: number, memory: { bytes: number }, write: (segments: readonly Segment[]) => void) {
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

  /** From now on the transport may have everything. */
  widen(): void {
    this.#bytesMax = Infinity;
  }

  add(segment: Segment): void {
    const bytes = segment.bytes.length;
    if (this.#ready.length === 0) this.#ready = [segment];
    else this.#ready.push(segment);
    this.#readyBytes += bytes;
    this.bytes += bytes;
    this.#memory.bytes += bytes;
    if (this.#readyBytes >= SLAB_BYTES / 2) this.flush();
  }

  /** Adds a copy that leaves no memory idle. @param writer is given back what it has sealed */
  pack(segment: Segment, writer: ByteWriter): void {
    this.#packer ??= writer.another((part) => this.add(part));
    pack(segment, this.#packer);
    writer.written(segment);
  }

  /** Hands over what the transport may have. */
  flush(): void {
    const ready = this.#ready;
    if (ready.length === 0 || !this.#isOpen) return;
    if (this.bytes > this.#bytesMax) {
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
   * @returns whether the transport stands between two messages, so that one more may follow
   */
  drop(writer: ByteWriter): boolean {
    for (const segment of this.#ready) writer.written(segment);
    this.#ready = NOTHING;
    this.#memory.bytes -= this.bytes;
    this.#memory = { bytes: 0 };
    this.bytes -= this.#readyBytes;
    this.#readyBytes = 0;
    this.#waiting = false;
    return this.#atBoundary;
  }

  close(): void {
    this.#isOpen = false;
  }

  #hand(segments: readonly Segment[]): void {
    this.#atBoundary = segments.at(-1)?.isPart !== true;
    this.#write(segments);
  }

  #handSome(): void {
    // The transport may confirm before `write` returns.
    if (this.#handing) return;
    this.#handing = true;
    while (this.#ready.length > 0 && this.bytes - this.#readyBytes < this.#bytesMax) {
      const next = this.#ready.shift() as Segment;
      this.#readyBytes -= next.bytes.length;
      this.#hand([next]);
    }
    this.#handing = false;
    this.#waiting = this.#ready.length > 0;
  }
}
