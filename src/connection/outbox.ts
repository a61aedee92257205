/**
 * Everything that waits to leave on one connection. What is sent within one tick leaves together at its end; full slabs leave at
 * once, so the other side can begin to read. Above the soft mark `added` says false and a drain follows; above the hard mark `admit` refuses.
 *
 * Invariant: `pendingBytes` are all bytes that were accepted and whose write has not been confirmed.
 */
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import { SLAB_BYTES, type SlabPool } from '../bytes/slab-pool.ts';
import { RingwireError } from '../errors.ts';
import type { Limits } from '../limits.ts';

export type OutboxLimits = Pick<Limits, 'pendingBytesSoft' | 'pendingBytesMax'>;

export interface OutboxHandlers {
  /** Takes the segments over until `outbox.written` was called for each. */
  write(segments: readonly Segment[]): void;
  /** `admit` has refused: told once, until the next drain. */
  refused(error: RingwireError): void;
  /** Fewer bytes than half of the soft mark are pending, after `added` had said false. */
  drained(): void;
}

export class Outbox {
  /** Messages are encoded straight into this. */
  readonly writer: ByteWriter;
  readonly #limits: OutboxLimits;
  readonly #handlers: OutboxHandlers;
  /** Sealed segments that the transport has not got yet. */
  #ready: Segment[] = [];
  #readyBytes = 0;
  #sealedBytes = 0;
  #open = false;
  #flushing = false;
  #full = false;
  #refusing = false;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.flush();
  };

  constructor(pool: SlabPool, limits: OutboxLimits, handlers: OutboxHandlers) {
    this.writer = new ByteWriter(pool, (segment) => this.#sealed(segment));
    this.#limits = limits;
    this.#handlers = handlers;
  }

  get pendingBytes(): number {
    return this.#sealedBytes + this.writer.unsealedBytes;
  }

  /** `added` has said false, and a drain will follow. */
  get isFull(): boolean {
    return this.#full;
  }

  /** The transport takes bytes from now on. */
  open(): void {
    this.#open = true;
    this.flush();
  }

  /** @returns false above the hard mark: nothing may be encoded then */
  admit(): boolean {
    return !this.#full || this.#admitFull();
  }

  /** Something was encoded. @returns false when the caller should wait for the drain */
  added(): boolean {
    if (!this.#flushing) this.#schedule();
    if (this.#sealedBytes + this.writer.unsealedBytes < this.#limits.pendingBytesSoft) return true;
    this.#full = true;
    return false;
  }

  #schedule(): void {
    this.#flushing = true;
    process.nextTick(this.#flush);
  }

  /** Hands all that was encoded to the transport now. */
  flush(): void {
    if (!this.#open) return;
    this.writer.seal();
    this.#writeReady();
  }

  /** The transport has written a segment, or never will. */
  written(segment: Segment): void {
    this.#sealedBytes -= segment.bytes.length;
    this.writer.written(segment);
    if (this.#full && this.pendingBytes <= this.#limits.pendingBytesSoft / 2) {
      this.#full = false;
      this.#refusing = false;
      this.#handlers.drained();
    }
  }

  /** Gives up what the transport has not got. @returns bytes that were accepted and may not have arrived */
  abandon(): number {
    const pending = this.pendingBytes;
    this.#open = false;
    this.#full = false;
    this.#refusing = false;
    for (const segment of this.#ready) this.writer.written(segment);
    this.#ready = [];
    this.#sealedBytes -= this.#readyBytes;
    this.#readyBytes = 0;
    this.writer.discard();
    return pending;
  }

  #admitFull(): boolean {
    if (this.pendingBytes < this.#limits.pendingBytesMax) return true;
    if (!this.#refusing) {
      this.#refusing = true;
      this.#handlers.refused(this.refusal());
    }
    return false;
  }

  /** Why `admit` said false. */
  refusal(): RingwireError {
    const limit = this.#limits.pendingBytesMax;
    const actual = this.pendingBytes;
    const message = `${actual} bytes wait for the peer, ${limit} are allowed: the message was not queued; wait for 'drain'`;
    return new RingwireError('ERR_RINGWIRE_BACKPRESSURE', message, { limit, actual });
  }

  #sealed(segment: Segment): void {
    this.#ready.push(segment);
    this.#readyBytes += segment.bytes.length;
    this.#sealedBytes += segment.bytes.length;
    if (this.#open && this.#readyBytes >= SLAB_BYTES / 2) this.#writeReady();
  }

  #writeReady(): void {
    const ready = this.#ready;
    if (ready.length === 0) return;
    this.#ready = [];
    this.#readyBytes = 0;
    this.#handlers.write(ready);
  }
}
