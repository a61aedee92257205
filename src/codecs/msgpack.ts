/**
 * Plain msgpack that any language reads: no records, no shared references, no extension types but the timestamp. The work is
 * msgpackr's; every frame passes our own check first. An empty payload is `undefined`.
 *
 * Invariant: a decoded value owns all its memory, and the decoder never sees bytes behind the frame.
 */
import { FLOAT32_OPTIONS, Packr, REUSE_BUFFER_MODE, RESET_BUFFER_MODE } from 'msgpackr';
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { MessageError } from '../errors.ts';
import type { Frame } from '../frames/frame.ts';
import type { Codec } from './codec.ts';
import { checkMsgpack } from './msgpack-check.ts';

/** With the reuse mode msgpackr returns its own arena and tells where in it the value lies. */
type Packed = Buffer & { start: number; end: number };

/** Payloads up to this size are decoded from a scratch buffer: msgpackr is slower deep inside a large one (measured: 1.5 times). */
const SCRATCH_BYTES = 128;

export class MsgpackCodec implements Codec {
  readonly name = 'msgpack';
  readonly id = 2;
  attachment: Uint8Array | undefined = undefined;
  readonly #packr: Packr;
  #packed: Packed | undefined = undefined;
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  constructor() {
    const options = {
      useRecords: false,
      mapsAsObjects: true,
      variableMapSize: true,
      copyBuffers: true,
      structuredClone: false,
      moreTypes: false,
      useFloat32: FLOAT32_OPTIONS.NEVER,
      // Integers of C peers arrive as numbers while they are safe integers. The types do not know 'auto' yet.
      int64AsType: 'auto' as unknown as 'number',
    };
    this.#packr = new Packr(options);
  }

  prepare(data: unknown): number {
    if (data === undefined) {
      this.#packed = undefined;
      return 0;
    }
    const packed = this.#packr.pack(data, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as Packed;
    this.#packed = packed;
    return packed.end - packed.start;
  }

  write(out: ByteWriter, at: number): number {
    const packed = this.#packed;
    if (packed === undefined) return at;
    this.#packed = undefined;
    return at + packed.copy(out.bytes, at, packed.start, packed.end);
  }

  decode(frame: Frame): unknown {
    if (frame.end === frame.start) return undefined;
    checkMsgpack(frame.bytes, frame.start, frame.end);
    try {
      const length = frame.end - frame.start;
      if (length <= SCRATCH_BYTES) {
        frame.bytes.copy(this.#scratch, 0, frame.start, frame.end);
        return this.#packr.unpack(this.#scratch, length);
      }
      return this.#packr.unpack(frame.bytes, { start: frame.start, end: frame.end });
    } catch {
      // The decoder's own message may quote the value, which may be secret.
      throw new MessageError(
        'ERR_RINGWIRE_INVALID_MSGPACK',
        `${frame.end - frame.start} bytes that are not msgpack`,
      );
    }
  }
}
