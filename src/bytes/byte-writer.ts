/**
 * Writes into pooled slabs and hands out what was written as segments. A caller reserves the most it may need, writes in
 * place through `bytes` and `view`, and rewinds to what it really used; nothing is visible to the transport before `seal`.
 * It knows no frames and no sockets.
 *
 * Invariant: a reserved range is contiguous, and stays where it is until the next `reserve`, `append`, `attach` or `seal`.
 */
import { Slab, type SlabPool } from './slab-pool.ts';

/**
 * Bytes ready to be written, in order. With a slab they are *borrowed* from the pool: whoever writes them calls
 * `writer.written(segment)` afterwards, also when the transport is gone. Without a slab they are the user's own memory.
 */
export interface Segment {
  readonly bytes: Uint8Array;
  /** Of `bytes`, also when they have gone back to the allocator meanwhile: an acknowledgement may overtake the word that they were written. */
  readonly length: number;
  readonly slab: Slab | undefined;
  /** The rest of its last message follows in the next segment. */
  readonly isPart: boolean;
}

const NOTHING: Buffer = Buffer.alloc(0);
const NO_VIEW: DataView = new DataView(new ArrayBuffer(0));
const NO_WORDS: BigUint64Array = new BigUint64Array(0);

export class ByteWriter {
  /** The slab that is being filled, three views of the same memory; they change with `reserve`. */
  bytes: Buffer = NOTHING;
  view: DataView = NO_VIEW;
  words: BigUint64Array = NO_WORDS;
  /** Where the next byte goes. */
  end = 0;
  /** Up to here whoever writes short messages need not ask the owner of the writer first. */
  openEnd = 0;
  /** Length of `bytes`, kept here because asking the Buffer costs more. */
  #capacity = 0;
  #sealedEnd = 0;
  #slab: Slab | undefined = undefined;
  readonly #pool: SlabPool;
  readonly #onSegment: (segment: Segment) => void;

  /** @param onSegment is handed each segment as it is sealed */
  constructor(pool: SlabPool, onSegment: (segment: Segment) => void) {
    this.#pool = pool;
    this.#onSegment = onSegment;
  }

  /** Another writer into slabs of the same pool. */
  another(onSegment: (segment: Segment) => void): ByteWriter {
    return new ByteWriter(this.#pool, onSegment);
  }

  /** Bytes written and not yet sealed. */
  get unsealedBytes(): number {
    return this.end - this.#sealedEnd;
  }

  /** Bytes that fit into one slab, this one or the next. */
  get room(): number {
    return this.#capacity - this.end || this.#pool.slabBytes;
  }

  /** Lets short messages in without asking, `bytes` behind what is sealed, until the next seal. */
  open(bytes: number): void {
    this.openEnd = Math.min(this.#capacity, this.#sealedEnd + bytes);
  }

  /** Makes `bytes` contiguous bytes the caller's to write, moves `end` behind them and returns where they start. */
  reserve(bytes: number): number {
    const start = this.end;
    const end = start + bytes;
    if (end <= this.#capacity) {
      this.end = end;
      return start;
    }
    this.#turnTo(bytes);
    this.end = bytes;
    return 0;
  }

  /** Takes back what lies behind `end`: the unused rest of a reservation, or all of it when the message failed. */
  rewind(end: number): void {
    this.end = end;
  }

  /** Copies `source`, which stays the caller's. */
  append(source: Uint8Array): void {
    const start = this.reserve(source.length);
    this.bytes.set(source, start);
  }

  /** Puts `source` in line without copying it. It must not change until it has been written. */
  attach(source: Uint8Array): void {
    this.seal(true);
    this.#onSegment({ bytes: source, length: source.length, slab: undefined, isPart: true });
  }

  /** Hands out what has been written since the last seal. The rest of the slab stays in use. @param isPart what follows ends the message */
  seal(isPart = false): void {
    this.openEnd = 0;
    const slab = this.#slab;
    if (slab === undefined || this.end === this.#sealedEnd) return;
    const start = this.#sealedEnd;
    const { end } = this;
    const bytes = start === 0 ? slab.head(end) : this.bytes.subarray(start, end);
    this.#sealedEnd = end;
    slab.inFlight++;
    this.#onSegment({ bytes, length: end - start, slab, isPart });
  }

  /** The transport is done with a segment, of this writer or another one of the same pool. An idle writer holds no slab. */
  written(segment: Segment): void {
    const slab = segment.slab;
    if (slab === undefined || --slab.inFlight > 0) return;
    const { writer } = slab;
    if (writer === undefined) this.#release(slab);
    else if (writer.end === writer.#sealedEnd) writer.#leave();
  }

  /** Drops what is not sealed and lets go of the slab. */
  discard(): void {
    this.end = this.#sealedEnd;
    this.#leave();
  }

  #turnTo(bytesMin: number): void {
    this.seal();
    this.#leave();
    const slab = bytesMin <= this.#pool.slabBytes ? this.#pool.acquire() : new Slab(bytesMin);
    slab.writer = this;
    this.#slab = slab;
    this.bytes = slab.bytes;
    this.view = slab.view;
    this.words = slab.words;
    this.#capacity = slab.bytes.length;
  }

  #leave(): void {
    this.openEnd = 0;
    const slab = this.#slab;
    this.#slab = undefined;
    this.bytes = NOTHING;
    this.view = NO_VIEW;
    this.words = NO_WORDS;
    this.#capacity = 0;
    this.end = 0;
    this.#sealedEnd = 0;
    if (slab === undefined) return;
    slab.writer = undefined;
    if (slab.inFlight === 0) this.#release(slab);
  }

  #release(slab: Slab): void {
    if (slab.bytes.length === this.#pool.slabBytes) this.#pool.release(slab);
  }
}
