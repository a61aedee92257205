/**
 * Copies small sources that come again and again, such as the one buffer that a program fills for each of its messages. Most of
 * the price of a small `set` is the call: a source that keeps coming is copied in words by a plain loop, for half of it.
 *
 * Invariant: what is copied is always the source's present content; at most one source is remembered.
 */
import type { ByteWriter } from './byte-writer.ts';

/** Above this size `set` is the faster one. */
const WORDS_BYTES_MAX = 256;
/** A source keeps all memory that it is a part of alive: more than this is not held for speed. */
const MEMORY_BYTES_MAX: number = 64 * 1024;
/** A view of the words costs as much as some copies: it is made for the source that came this many times in a row. */
const REPEATS_MIN = 8;

const NO_WORDS: BigUint64Array = new BigUint64Array(0);

export class RepeatCopy {
  #source: Uint8Array | undefined = undefined;
  #words: BigUint64Array = NO_WORDS;
  #repeats = 0;

  /** Length of `source` when it is the one that keeps coming: `copyRepeated` copies it. 0 for all others, and when its memory is gone. */
  repeatedBytes(source: unknown): number {
    return source === this.#source ? this.#words.length << 3 : 0;
  }

  /** Copies the source that keeps coming. @param at reserved, a multiple of 8 */
  copyRepeated(out: ByteWriter, at: number): void {
    const from = this.#words;
    const to = out.words;
    const start = at >>> 3;
    const even = from.length & ~1;
    // Two in each round: a quarter less for 64 bytes, and no more is gained with four.
    for (let index = 0; index < even; index += 2) {
      to[start + index] = from[index] as bigint;
      to[start + index + 1] = from[index + 1] as bigint;
    }
    if (even < from.length) to[start + even] = from[even] as bigint;
  }

  /** Copies `source` to `out.bytes[at]` and on. @param at reserved; a multiple of 8 is faster */
  copy(source: Uint8Array, out: ByteWriter, at: number): void {
    // Also when its memory is gone: there is nothing to copy then.
    if (source === this.#source && this.#words.length << 3 === source.length && (at & 7) === 0) {
      this.copyRepeated(out, at);
      return;
    }
    out.bytes.set(source, at);
    if (source === this.#source) this.#repeated(source);
    else this.#first(source);
  }

  #first(source: Uint8Array): void {
    this.#source = source.length <= WORDS_BYTES_MAX ? source : undefined;
    this.#words = NO_WORDS;
    this.#repeats = 0;
  }

  #repeated(source: Uint8Array): void {
    if (++this.#repeats !== REPEATS_MIN) return;
    const { buffer, byteOffset, length } = source;
    if (isFixed(buffer) && ((byteOffset | length) & 7) === 0 && buffer.byteLength <= MEMORY_BYTES_MAX) {
      this.#words = new BigUint64Array(buffer, byteOffset, length >>> 3);
    } else this.#source = undefined;
  }
}

/** The length of what lies in a buffer that can grow may change. The types of ES2023 do not know such buffers. */
function isFixed(
  buffer: ArrayBufferLike & { readonly resizable?: boolean; readonly growable?: boolean },
): boolean {
  return buffer.resizable !== true && buffer.growable !== true;
}
