/**
 * Messages that were sent and are not acknowledged, as the frames that they are on the wire. They are kept one behind the other, so a message
 * costs its bytes and nothing else; where one ends is read from its header, and only when sending starts again in the middle.
 *
 * Invariant: what is kept are the frames with the numbers `first` to `first + count - 1`; the `handed` first of them have been handed on.
 */
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import { plainFrameBytes } from '../frames/header.ts';

/** Frames that are released together. */
interface Entry {
  /** A frame may go on in the next part, its header never does. */
  parts: Uint8Array[];
  /** The pooled memory of the parts. */
  readonly segments: Segment[];
  messages: number;
  bytes: number;
}

/** Whether a frame with so many bytes of payload in that codec may be sent. */
export type FrameTest = (payloadBytes: number, codec: number) => boolean;

export class ResendWindow {
  /** Number of the first frame, modulo 2^32. */
  first: number;
  count = 0;
  handed = 0;
  /** Messages are encoded into this, then `added`. */
  readonly writer: ByteWriter;
  readonly #kept: { bytes: number };
  #entries: Entry[] = [];
  #entryBytes = 0;
  /** Entries whose frames have been handed on. */
  #handedEntries = 0;
  #handedBytes = 0;
  /** Frames of the first entry that are acknowledged. */
  #released = 0;
  /** Frames behind the last entry, in the writer. */
  #unsealed = 0;
  /** The frame that is being encoded has a part that was not copied into a slab. */
  #joining = false;

  /**
   * @param kept accounts for the bytes
   * @param first how many frames came before
   */
  constructor(pool: SlabPool, kept: { bytes: number }, first: number) {
    this.first = first;
    this.#kept = kept;
    this.writer = new ByteWriter(pool, (segment) => this.#sealed(segment));
  }

  get bytes(): number {
    return this.#entryBytes + this.writer.unsealedBytes;
  }

  get unhandedBytes(): number {
    return this.bytes - this.#handedBytes;
  }

  /** Everything that is kept has been handed on. */
  get isHanded(): boolean {
    return this.handed === this.count;
  }

  /** Whether so many frames were received is something that the peer can know. */
  allows(received: number): boolean {
    return (received - this.first) >>> 0 <= this.handed;
  }

  /** A whole frame has been written. */
  added(): void {
    this.count++;
    this.#unsealed++;
    if (this.#joining) this.#join();
  }

  /** A frame that was written before. @param parts never change */
  addParts(parts: readonly Uint8Array[], bytes: number): void {
    if (parts.length === 1) this.writer.append(parts[0] as Uint8Array);
    else {
      this.writer.seal();
      this.#push({ parts: [...parts], segments: [], messages: 0, bytes });
      this.#joining = true;
    }
    this.added();
  }

  /** The frame that is being written failed: it was the only thing behind `end` in the slab `bytes`. */
  failed(bytes: Buffer, end: number): void {
    this.writer.rewind(this.writer.bytes === bytes ? end : 0);
  }

  /** The next frames that were not handed on, as parts in order. Borrowed until they are acknowledged. */
  next(): readonly Uint8Array[] | undefined {
    if (this.isHanded) return undefined;
    this.writer.seal();
    const entry = this.#entries[this.#handedEntries++] as Entry;
    this.handed += entry.messages;
    this.#handedBytes += entry.bytes;
    return entry.parts;
  }

  /** The peer has received the frames before this number, which `allows` has let pass. */
  acknowledge(received: number): void {
    const messages = (received - this.first) >>> 0;
    this.first = received;
    this.count -= messages;
    this.handed -= messages;
    this.#released += messages;
    while (this.#entries.length > 0 && this.#released >= (this.#entries[0] as Entry).messages) {
      const entry = this.#entries.shift() as Entry;
      this.#released -= entry.messages;
      this.#handedEntries--;
      this.#handedBytes -= entry.bytes;
      this.#release(entry);
    }
  }

  /** All that is kept has to be handed on again. */
  rewind(): void {
    const entry = this.#entries[0];
    if (entry !== undefined && this.#released > 0) {
      entry.parts = behind(entry.parts, this.#released);
      entry.messages -= this.#released;
      this.#released = 0;
    }
    this.#handedEntries = 0;
    this.#handedBytes = 0;
    this.handed = 0;
  }

  /** Moves what is kept out of the pooled memory, of which it may fill little. `rewind` follows before anything is handed on. */
  compact(): void {
    const { count, handed } = this;
    this.rewind();
    this.writer.seal();
    this.#replace(
      this.#entries.flatMap((entry) => entry.parts),
      count,
    );
    this.handed = handed;
  }

  /** Whether every frame that is kept fits. */
  areAll(fits: FrameTest): boolean {
    this.writer.seal();
    for (const { parts } of this.#entries) {
      for (const cursor = new Cursor(parts); !cursor.isAtEnd; cursor.pass()) {
        if (!fits(cursor.payloadBytes, cursor.codec)) return false;
      }
    }
    return true;
  }

  /** After `rewind`: gives up the frames that do not fit. @returns how many these were */
  keepOnly(fits: FrameTest): number {
    this.writer.seal();
    const before = this.count;
    const kept: Uint8Array[] = [];
    let messages = 0;
    for (const { parts } of this.#entries) {
      const cursor = new Cursor(parts);
      while (!cursor.isAtEnd) {
        const isKept = fits(cursor.payloadBytes, cursor.codec);
        cursor.pass(isKept ? kept : undefined);
        if (isKept) messages++;
      }
    }
    this.#replace(kept, messages);
    return before - messages;
  }

  /** Gives up everything. */
  clear(): void {
    for (const entry of this.#entries) this.#release(entry);
    this.#entries = [];
    this.writer.discard();
    this.count = 0;
    this.handed = 0;
    this.#handedEntries = 0;
    this.#handedBytes = 0;
    this.#released = 0;
    this.#unsealed = 0;
  }

  #replace(parts: readonly Uint8Array[], messages: number): void {
    const together = Buffer.concat(parts);
    this.clear();
    this.count = messages;
    if (messages === 0) return;
    this.#push({ parts: [together], segments: [], messages, bytes: together.length });
  }

  #sealed(segment: Segment): void {
    const isCopied = segment.slab !== undefined;
    const bytes = isCopied ? segment.bytes : Buffer.from(segment.bytes);
    if (!isCopied) this.#joining = true;
    const last = this.#entries.at(-1);
    if (this.#joining && last !== undefined) {
      last.parts.push(bytes);
      if (isCopied) last.segments.push(segment);
      last.bytes += bytes.length;
      this.#entryBytes += bytes.length;
      this.#kept.bytes += bytes.length;
    } else {
      this.#push({
        parts: [bytes],
        segments: isCopied ? [segment] : [],
        messages: this.#unsealed,
        bytes: bytes.length,
      });
      this.#unsealed = 0;
    }
  }

  /** The frame ends with the entry in which it began. */
  #join(): void {
    this.writer.seal();
    (this.#entries.at(-1) as Entry).messages += this.#unsealed;
    this.#unsealed = 0;
    this.#joining = false;
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.#entryBytes += entry.bytes;
    this.#kept.bytes += entry.bytes;
  }

  #release(entry: Entry): void {
    this.#entryBytes -= entry.bytes;
    this.#kept.bytes -= entry.bytes;
    for (const segment of entry.segments) this.writer.written(segment);
  }
}

/** Walks over frames from header to header. */
class Cursor {
  readonly #parts: readonly Uint8Array[];
  #part = -1;
  #at = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    this.#turn();
  }

  get isAtEnd(): boolean {
    return this.#part === this.#parts.length;
  }

  get payloadBytes(): number {
    return this.#view.getUint32(this.#at, true);
  }

  get codec(): number {
    return this.#view.getUint8(this.#at + 6);
  }

  /** What follows. */
  get rest(): Uint8Array[] {
    const rest = this.#parts.slice(this.#part);
    if (rest.length > 0) rest[0] = (rest[0] as Uint8Array).subarray(this.#at);
    return rest;
  }

  /** Passes a frame. @param pieces takes what it consists of */
  pass(pieces?: Uint8Array[]): void {
    // Messages are kept, requests are not: no frame here has an extension.
    let left = plainFrameBytes(this.payloadBytes);
    while (left > 0) {
      const part = this.#parts[this.#part] as Uint8Array;
      const bytes = Math.min(left, part.length - this.#at);
      pieces?.push(part.subarray(this.#at, this.#at + bytes));
      this.#at += bytes;
      left -= bytes;
      if (this.#at === part.length) this.#turn();
    }
  }

  #turn(): void {
    this.#at = 0;
    const part = this.#parts[++this.#part];
    if (part !== undefined) this.#view = new DataView(part.buffer, part.byteOffset, part.length);
  }
}

/** What follows the first `frames` frames. */
function behind(parts: readonly Uint8Array[], frames: number): Uint8Array[] {
  const cursor = new Cursor(parts);
  for (let passed = 0; passed < frames; passed++) cursor.pass();
  return cursor.rest;
}
