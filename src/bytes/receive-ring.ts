/**
 * The memory that the kernel reads into: one ring for all connections of an endpoint. A lap is one read; every lap starts
 * at the front again, so the hot bytes stay in the processor's cache and an idle connection owns no receive memory at all.
 * It does not keep what a lap leaves over: the parser carries an unfinished frame in memory of its own.
 *
 * Invariant: `lap(phase)` starts `phase` bytes behind a multiple of 8, so that a frame continued at `phase` keeps the
 * alignment of its payload.
 */

/** As much as a local socket holds, so that one read can take it all (measured with 64 KiB frames: a quarter over 128 KiB). */
export const RING_BYTES: number = 256 * 1024;

/** What consumed bytes are overwritten with in poison mode: a view that was kept too long shows it. */
export const POISON = 0xdb;

export class ReceiveRing {
  /** The whole ring. Borrowed by a connection for the length of one read callback. */
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Debug switch: parsers overwrite each frame when the next one is asked for. */
  readonly poison: boolean;
  /** A block that a carry has let go, for the next one that needs it. */
  spareBlock: Buffer | undefined = undefined;
  readonly #laps: Buffer[] = [];

  constructor(bytes: number = RING_BYTES, poison = false) {
    this.bytes = Buffer.allocUnsafeSlow(bytes + 8);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    this.poison = poison;
    for (let phase = 0; phase < 8; phase++) this.#laps.push(this.bytes.subarray(phase, bytes + phase));
  }

  /** Where the next read lands: `bytes` from `phase` (0 to 7) on. Borrowed. */
  lap(phase: number): Buffer {
    return this.#laps[phase] as Buffer;
  }
}
