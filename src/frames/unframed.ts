/**
 * node-ipc's `rawBuffer` mode: no frames, every chunk that the operating system delivers is handed on as it came.
 *
 * Invariant: bytes are handed out once, in order, and never held back.
 */
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { POISON } from '../bytes/receive-ring.ts';
import { blankFrame, deliverEach, type Frame, type FrameParser, type FrameReceiver } from './frame.ts';

export class UnframedParser implements FrameParser {
  readonly unfinishedBytes = 0;
  readonly carriedBytes = 0;
  readonly #ring: ReceiveRing;
  readonly #frame: Frame;
  #unread = false;
  #dead = false;

  constructor(ring: ReceiveRing) {
    this.#ring = ring;
    this.#frame = blankFrame(ring.bytes);
  }

  writable(): Buffer {
    return this.#ring.lap();
  }

  advance(bytes: number): void {
    this.#hold(this.#ring.bytes, bytes);
  }

  feed(chunk: Buffer): void {
    this.#hold(chunk, chunk.length);
  }

  next(): Frame | undefined {
    const frame = this.#frame;
    if (this.#unread) {
      this.#unread = false;
      return frame;
    }
    if (this.#ring.poison) frame.bytes.fill(POISON, frame.start, frame.end);
    // Of memory that somebody lent nothing is kept.
    frame.bytes = this.#ring.bytes;
    frame.end = frame.start;
    return undefined;
  }

  deliver(receiver: FrameReceiver, countMax: number): number {
    return deliverEach(this, receiver, countMax);
  }

  park(): void {
    if (this.#unread) this.feed(Buffer.from(this.#frame.bytes.subarray(this.#frame.start, this.#frame.end)));
  }

  abandon(): void {
    this.#dead = true;
    this.#unread = false;
    this.next();
  }

  #hold(bytes: Buffer, end: number): void {
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.start = 0;
    frame.end = end;
    this.#unread = end > 0 && !this.#dead;
  }
}
