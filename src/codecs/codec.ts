/**
 * What the bytes of a message mean. A codec works in two steps, so that a value it cannot express leaves nothing on the wire:
 * `prepare` may throw and touches no output, `write` cannot fail.
 *
 * Invariant: `write` follows its `prepare` at once, with no user code between them; a codec keeps nothing afterwards.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { Frame } from '../frames/frame.ts';

/** The codecs that a connection can have. */
export type CodecName = 'json' | 'msgpack' | 'raw';
/** Structs need to know the events beforehand: only where a program can name them. */
export type AnyCodecName = CodecName | 'struct';

export interface Codec {
  readonly name: AnyCodecName;
  /** The codec's number on the wire, PROTOCOL.md section 1.2. */
  readonly id: number;
  /**
   * Gets `data` ready to be written.
   * @returns the most bytes that `write` will need
   * @throws what the data deserves: a TypeError for a value that the codec does not know, whatever a `toJSON` throws
   */
  prepare(data: unknown): number;
  /**
   * Prepared bytes that are better sent from where they are than copied; `write` is not called then. Borrowed from the
   * user until they have been written.
   */
  attachment: Uint8Array | undefined;
  /** Writes what was prepared at `at`, which has been reserved in `out`. @returns where it ends */
  write(out: ByteWriter, at: number): number;
  /**
   * The value in a frame. What it returns belongs to the user unless the codec says otherwise.
   * @throws MessageError when the payload is not what the codec expects
   */
  decode(frame: Frame): unknown;
  /**
   * The codec of one event, where messages mean nothing without it.
   * @throws MessageError ERR_RINGWIRE_NO_STRUCT
   */
  forEvent?(event: string): Codec;
}
