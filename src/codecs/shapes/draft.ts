/**
 * Memory in which a codec writes a value before it is known whether it can: a getter of the value may throw, or send a message itself.
 * What turns out well is copied to its place in whole words, which is a fraction of the price of a call.
 *
 * Invariant: writing beyond the end does nothing, and `fits` tells.
 */
import type { ByteWriter } from '../../bytes/byte-writer.ts';

export const DRAFT_BYTES: number = 16 * 1024;

/** Bytes that `copyTo` touches: up to 7 behind what it copies. */
export function wholeWords(length: number): number {
  return (length + 7) & ~7;
}

export class Draft {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(DRAFT_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer, this.bytes.byteOffset, DRAFT_BYTES);
  readonly #words = new BigUint64Array(this.bytes.buffer, this.bytes.byteOffset, DRAFT_BYTES >>> 3);

  /** Copies the first `length` bytes to `at`, where there is room for `wholeWords` of it. @returns where they end */
  copyTo(out: ByteWriter, at: number, length: number): number {
    if ((at & 7) === 0) {
      const from = this.#words;
      const to = out.words;
      const first = at >>> 3;
      const count = wholeWords(length) >>> 3;
      for (let index = 0; index < count; index++) to[first + index] = from[index] as bigint;
    } else {
      const from = this.view;
      const to = out.view;
      for (let done = 0; done < length; done += 4) to.setUint32(at + done, from.getUint32(done));
    }
    return at + length;
  }
}
