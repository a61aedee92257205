/**
 * The memory that the kernel reads into: one ring for all connections of an endpoint. A lap is one read; every lap starts
 * at the front again, so the hot bytes stay in the processor's cache and an idle connection owns no receive memory at all.
 * It does not keep what a lap leaves over: the parser carries an unfinished frame in memory of its own.
 *
 * Invariant: what follows the unfinished frame always lands at the same place, a multiple of 8: payloads stay aligned, and equal
 * messages come to lie where equal messages lay before.
 */

/** As much as a local socket holds, so that one read can take it all (measured with 64 KiB frames: a quarter over 128 KiB). */
export const RING_BYTES: number = 256 * 1024;

/** Room before the front for the rest of an unfinished frame; a longer rest is read into the frame's own memory. */
export const REST_BYTES_MAX: number = 16 * 1024;

/** What consumed bytes are overwritten with in poison mode: a view that was kept too long shows it. */
export const POISON = 0xdb;

/** Memory that reads land in, and in which a parser finds frames without copying them. */
export class ReceiveRing {
  /** The whole ring. Borrowed by a connection for the length of one read callback. */
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Debug switch: parsers overwrite each frame when the next one is asked for. */
  readonly poison: boolean;
  /** A block that a carry has let go, for the next one that needs it. */
  spareBlock: Buffer | undefined = undefined;
  readonly #lapBytes: number;
  readonly #lap: Buffer;

  constructor(bytes: number = RING_BYTES, poison = false) {
    this.bytes = Buffer.allocUnsafeSlow(REST_BYTES_MAX + bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    this.poison = poison;
    this.#lapBytes = bytes;
    this.#lap = this.bytes.subarray(0, bytes);
  }

  /** Where the next read lands when nothing is unfinished: `bytes` from 0 on. Borrowed. */
  lap(): Buffer {
    return this.#lap;
  }

  /** Where the next read lands when a frame lacks `missing` bytes, at most REST_BYTES_MAX. Borrowed. */
  lapAfter(missing: number): Buffer {
    const start = REST_BYTES_MAX - missing;
    return this.bytes.subarray(start, start + this.#lapBytes);
  }
}
