/**
 * Everything that waits to leave on one connection. What is sent within one tick leaves together at its end; full slabs leave at
 * once, so the other side can begin to read. Above the soft mark `added` says false and a drain follows; what happens above the hard
 * mark is the policy's choice: the message goes, or the peer, or messages that have waited longer.
 *
 * Invariant: `pendingBytes` are all bytes that were accepted and whose write has not been confirmed.
 */
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import { SLAB_BYTES, type SlabPool } from '../bytes/slab-pool.ts';
import { RingwireError } from '../errors.ts';
import type { Limits, SlowConsumerPolicy } from '../limits.ts';
import type { Counters } from './counters.ts';
import { HeldMessages } from './held-messages.ts';
import { SendWindow, type WindowMemory } from './send-window.ts';
import { tooMuchWaits } from './too-much-waits.ts';
import type { SharedMessage } from './shared-message.ts';

export type OutboxLimits = Pick<Limits, 'pendingBytesSoft' | 'pendingBytesMax'>;

/** What the outboxes of an endpoint share. */
export interface OutboxContext {
  readonly slowConsumer: SlowConsumerPolicy;
  readonly counters: Pick<Counters, 'refused' | 'dropped'>;
  readonly memory: WindowMemory & { readonly isOver: boolean; check(): void };
}

export interface OutboxHandlers {
  /** Takes the segments over until `outbox.written` was called for each. */
  write(segments: readonly Segment[]): void;
  /** A message that was held goes to `outbox.writer`. @throws when it cannot be sent any more */
  release(message: SharedMessage): void;
  refused(error: Error): void;
  /** The hard mark was reached: told once, until the next drain. With the policy 'disconnect' the error says `closed`. */
  overflowed(error: RingwireError): void;
  /** Fewer bytes than half of the soft mark are pending, after `added` had said false. */
  drained(): void;
}

export class Outbox {
  /** Messages are encoded straight into this. */
  readonly writer: ByteWriter;
  drainCount = 0;
  /** No message is accepted any more. */
  isClosed = false;
  readonly #limits: OutboxLimits;
  readonly #context: OutboxContext;
  readonly #handlers: OutboxHandlers;
  readonly #window: SendWindow;
  /** The soft mark without what is sealed: kept here because it is looked at for each message. */
  #roomBytes: number;
  /** Set when the policy gives up older messages: above the soft mark each waits on its own. */
  readonly #held: HeldMessages | undefined;
  #releasing = false;
  /** Accepted, and given up by `cut` or by the transport. */
  #lostBytes = 0;
  #flushing = false;
  #full = false;
  #refusing = false;
  /** Segments are being handed over, perhaps in the middle of a message, or before `added` has returned: nobody is told of room then. */
  #handing = false;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.flush();
    this.#checkMemory();
  };

  constructor(pool: SlabPool, limits: OutboxLimits, context: OutboxContext, handlers: OutboxHandlers) {
    this.#limits = limits;
    this.#context = context;
    this.#handlers = handlers;
    // Programs that wait for the drain never fill twice the soft mark.
    const windowBytes = 2 * Math.max(limits.pendingBytesSoft, SLAB_BYTES);
    this.#window = new SendWindow(windowBytes, context.memory, (segments) => handlers.write(segments));
    this.#roomBytes = limits.pendingBytesSoft;
    this.writer = new ByteWriter(pool, (segment) => this.#sealed(segment));
    const isLatest = context.slowConsumer === 'latest';
    if (isLatest || context.slowConsumer === 'drop-oldest') this.#held = new HeldMessages(isLatest);
  }

  get pendingBytes(): number {
    return this.#window.bytes + this.writer.unsealedBytes + (this.#held?.bytes ?? 0);
  }

  /** Bytes whose write has been confirmed. */
  get confirmedBytes(): number {
    return this.#window.confirmedBytes;
  }

  /** `added` has said false, and a drain will follow. */
  get isFull(): boolean {
    return this.#full && !this.isClosed;
  }

  /** After `admit` has said false: messages go to `hold`. */
  get holds(): boolean {
    return this.#held !== undefined && !this.isClosed;
  }

  /** The transport takes bytes from now on. */
  open(): void {
    this.#window.open();
    this.flush();
  }

  /** @returns false when nothing may be encoded: the message was refused, or the outbox `holds` */
  admit(): boolean {
    return !this.#full || this.#admitFull();
  }

  /** `admit` for what no policy drops. @param isOwed small, and bounded by what has come: the hard mark does not stop it */
  admitKept(isOwed = false): boolean {
    return !this.#full || (!this.isClosed && (isOwed || this.pendingBytes < this.#limits.pendingBytesMax));
  }

  /** Something was encoded. @returns false when the caller should wait for the drain */
  added(): boolean {
    if (!this.#flushing) {
      this.#flushing = true;
      process.nextTick(this.#flush);
    }
    const { writer } = this;
    if (writer.unsealedBytes < this.#roomBytes) {
      if (writer.openEnd > 0 || this.#full) return true;
      writer.open(this.#roomBytes);
      // Once for each slab; it may be this peer that is cut.
      this.#checkMemory();
      return !this.#full;
    }
    this.#full = true;
    writer.openEnd = 0;
    // A large message is accounted for at once; small ones with their slab.
    if (writer.unsealedBytes > SLAB_BYTES) writer.seal();
    this.#checkMemory();
    return false;
  }

  /** Keeps a message until the peer has room, in the place of older ones if need be. */
  hold(message: SharedMessage): void {
    const held = this.#held as HeldMessages;
    const { counters, memory } = this.#context;
    const before = held.bytes;
    if (held.add(message)) counters.dropped('replaced');
    while (held.size > 1 && this.pendingBytes > this.#limits.pendingBytesMax) {
      held.dropOldest(message);
      counters.dropped('oldest');
    }
    memory.bytes += held.bytes - before;
    this.#checkMemory();
  }

  #checkMemory(): void {
    const { memory } = this.#context;
    if (!memory.isOver) return;
    // For what the system takes at once nobody is cut.
    this.#handing = true;
    this.#window.flush();
    this.#handing = false;
    if (memory.isOver) memory.check();
  }

  /** Hands what was encoded to the transport now; nothing waits behind an end. */
  flush(): void {
    if (this.#window.isOpen) this.writer.seal();
    else if (this.isClosed) this.writer.discard();
    this.#window.flush();
  }

  /** What is held goes on now, whatever is under way already. */
  releaseAll(): void {
    this.#releaseHeld(Infinity);
  }

  /** Closes behind all that waits: nothing follows it, bytes of the wire neither. @param handed is called when the transport has all of it, perhaps at once, or never */
  finish(handed: () => void): void {
    if (!this.#window.isOpen) return;
    this.releaseAll();
    this.flush();
    this.close();
    this.#window.finish(handed);
  }

  /** The transport has written a segment, or is gone: with room for more, a program that sends at each drain would never hear of the end. */
  written(segment: Segment, isLost = false): void {
    const { length } = segment;
    if (isLost) this.close();
    if (isLost) this.#lostBytes += length;
    this.writer.written(segment);
    this.#window.confirmed(length);
    this.#roomBytes = this.#limits.pendingBytesSoft - this.#window.bytes;
    if (this.#full && this.#handing) process.nextTick(() => this.#makeRoom());
    else if (this.#full) this.#makeRoom();
  }

  /** Refuses all further messages. Bytes of the wire itself may still be added. */
  close(): void {
    this.isClosed = true;
    this.#full = true;
    this.writer.openEnd = 0;
  }

  /**
   * Closes, and gives up what the transport has not got.
   * @returns whether the transport stands between two messages, so that one more may follow
   */
  cut(): boolean {
    const pending = this.pendingBytes;
    this.close();
    this.#context.memory.bytes -= this.#held?.bytes ?? 0;
    this.#held?.clear();
    const isClean = this.#window.drop(this.writer);
    this.writer.discard();
    this.#lostBytes += pending - this.pendingBytes;
    return isClean;
  }

  /** The connection is over. @returns bytes that were accepted and may not have arrived */
  abandon(): number {
    const pending = this.pendingBytes + this.#lostBytes;
    this.cut();
    this.#window.close();
    return pending;
  }

  #sealed(segment: Segment): void {
    this.#handing = true;
    this.#window.put(segment, this.writer, this.#full);
    this.#handing = false;
    this.#roomBytes = this.#limits.pendingBytesSoft - this.#window.bytes;
  }

  #admitFull(): boolean {
    const { counters } = this.#context;
    if (this.isClosed) counters.refused('ERR_RINGWIRE_NOT_CONNECTED');
    if (this.isClosed || this.#held !== undefined) return false;
    if (this.pendingBytes < this.#limits.pendingBytesMax) return true;
    const error = this.#refusal();
    if (!error.closed) {
      counters.dropped('newest');
      counters.refused(error.code);
    }
    this.#overflow(error);
    return false;
  }

  /** What the caller of a message that `admitKept` has refused is told; the policy 'disconnect' ends the connection as well. */
  refuseKept(): RingwireError {
    if (this.isClosed) return new RingwireError('ERR_RINGWIRE_NOT_CONNECTED', 'the connection is closing');
    const error = this.#refusal();
    if (error.closed) this.#overflow(error);
    return error;
  }

  #overflow(error: RingwireError): void {
    if (this.#refusing) return;
    this.#refusing = true;
    this.#handlers.overflowed(error);
  }

  #refusal(): RingwireError {
    const { slowConsumer } = this.#context;
    return tooMuchWaits(this.pendingBytes, this.#limits.pendingBytesMax, slowConsumer === 'disconnect');
  }

  /** After a confirmation: what is held goes on, and when little is left the program may. */
  #makeRoom(): void {
    if (this.isClosed) return;
    this.#releaseHeld(this.#limits.pendingBytesSoft);
    if (!this.#full || this.pendingBytes > this.#limits.pendingBytesSoft / 2) return;
    this.#full = false;
    this.#refusing = false;
    this.drainCount++;
    this.#handlers.drained();
  }

  /** Moves held messages on while fewer than `bytesMax` bytes are under way. */
  #releaseHeld(bytesMax: number): void {
    const held = this.#held;
    // A transport that takes all at once comes back here for each segment.
    if (held === undefined || this.#releasing) return;
    this.#releasing = true;
    while (held.size > 0 && this.#window.bytes < bytesMax) {
      while (held.size > 0 && this.#window.bytes + this.writer.unsealedBytes < bytesMax) {
        const message = held.shift() as SharedMessage;
        this.#context.memory.bytes -= message.bytes;
        this.#release(message);
      }
      this.flush();
    }
    this.#releasing = false;
  }

  #release(message: SharedMessage): void {
    try {
      this.#handlers.release(message);
    } catch (error) {
      // The peer has said meanwhile that it accepts less.
      this.#handlers.refused(error as Error);
    }
  }
}
