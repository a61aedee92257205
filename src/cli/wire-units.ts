/**
 * Cuts one direction of a connection into its units as they are on the wire: the preamble, frames with their padding, messages of node-ipc's wire with
 * their delimiter. It judges nothing: from the first unit that cannot be one, chunks are told as they come.
 *
 * Invariant: of a unit no more is kept than `bytesMax`; its length is told all the same.
 */
import { MAGIC, PREAMBLE_BYTES, STREAM_KIND } from '../frames/control.ts';
import { OPENING_BRACE } from '../frames/delimited.ts';
import { unitBytes } from '../frames/header.ts';
import { FRAME_BYTES_CEILING } from '../limits.ts';

/** Preamble and header have as many bytes. */
const HEAD_BYTES: number = PREAMBLE_BYTES;
const FORM_FEED = 0x0c;

export class WireUnits {
  readonly #tell: (bytes: Buffer, length: number) => void;
  readonly #bytesMax: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Of the present unit, as far as it has come. */
  #length = 0;
  /** Of the present unit as a whole; 0 while that is not known. */
  #total = 0;
  #isText = false;
  #preambleSeen = false;
  #isLost = false;

  /** @param tell is given the first bytes of each unit, its own, and the unit's length */
  constructor(bytesMax: number, tell: (bytes: Buffer, length: number) => void) {
    this.#bytesMax = bytesMax;
    this.#tell = tell;
  }

  /** @param chunk read, never kept */
  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.#isLost ? this.#pass(chunk, at) : this.#take(chunk, at);
  }

  /** The connection has ended: what there is of a unit. */
  end(): void {
    if (this.#length > 0) this.#finish();
  }

  #take(chunk: Buffer, at: number): number {
    if (this.#length === 0) this.#isText = !this.#preambleSeen && chunk[at] === OPENING_BRACE;
    if (this.#isText) {
      const found = chunk.indexOf(FORM_FEED, at);
      const end = found < 0 ? chunk.length : found + 1;
      this.#keep(chunk.subarray(at, end));
      if (found >= 0) this.#finish();
      return end;
    }
    const wanted = this.#total === 0 ? HEAD_BYTES : this.#total;
    const end = Math.min(chunk.length, at + wanted - this.#length);
    this.#keep(chunk.subarray(at, end));
    if (this.#length === HEAD_BYTES && this.#total === 0) this.#total = this.#measure();
    if (this.#length === this.#total) this.#finish();
    return end;
  }

  /** @returns the bytes of the unit that begins with the 8 bytes that are kept, 8 for what cannot be one */
  #measure(): number {
    const head = Buffer.concat(this.#kept);
    if (!this.#preambleSeen) {
      this.#preambleSeen = true;
      this.#isLost = head[0] !== MAGIC || head[1] !== STREAM_KIND;
      return HEAD_BYTES;
    }
    try {
      return unitBytes(new DataView(head.buffer, head.byteOffset, HEAD_BYTES), 0, FRAME_BYTES_CEILING);
    } catch {
      this.#isLost = true;
      return HEAD_BYTES;
    }
  }

  #keep(bytes: Buffer): void {
    this.#length += bytes.length;
    const room = this.#bytesMax - this.#keptBytes;
    if (room <= 0) return;
    const part = Buffer.from(bytes.subarray(0, room));
    this.#kept.push(part);
    this.#keptBytes += part.length;
  }

  #finish(): void {
    const [bytes, length] = [Buffer.concat(this.#kept), this.#length];
    this.#kept = [];
    this.#keptBytes = 0;
    this.#length = 0;
    this.#total = 0;
    this.#tell(bytes, length);
  }

  #pass(chunk: Buffer, at: number): number {
    this.#keep(chunk.subarray(at));
    this.#finish();
    return chunk.length;
  }
}
