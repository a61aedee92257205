/**
 * Buffers over places of one memory, made once and lent again: equal messages come to lie at the same places lap after lap,
 * and to make a Buffer costs more than all else that is done for a small message.
 *
 * Invariant: at most one Buffer for every 8 bytes of the memory is kept, and a Buffer is lent only for exactly its place.
 */

export class LentViews {
  readonly #memory: Buffer;
  readonly #views: (Buffer | undefined)[];
  /** Lengths of the views: to ask a Buffer costs more. */
  readonly #lengths: Uint32Array;

  constructor(memory: Buffer) {
    const places = Math.ceil(memory.length / 8);
    this.#memory = memory;
    this.#views = Array.from({ length: places }, () => undefined);
    this.#lengths = new Uint32Array(places);
  }

  /** A view of `memory[start]` to `memory[end - 1]`; of another memory than ours, or of an odd place, it is a new one. */
  of(memory: Buffer, start: number, end: number): Buffer {
    if (memory !== this.#memory || (start & 7) !== 0) return memory.subarray(start, end);
    const place = start >>> 3;
    const known = this.#views[place];
    if (known !== undefined && this.#lengths[place] === end - start) return known;
    const view = memory.subarray(start, end);
    this.#views[place] = view;
    this.#lengths[place] = end - start;
    return view;
  }
}
