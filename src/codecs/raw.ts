/**
 * Exact bytes. What is sent must be bytes or something that stands for bytes; what arrives is handed over in one of three ways,
 * which the receiving side chooses:
 *
 * - `'copy'` (the default): a Buffer of your own.
 * - `'view'`: a Buffer over the memory that was received into, *lent* until the handler returns.
 * - `'frame'`: the parser's one frame object with `bytes`, `start`, `end`, *lent* until the handler returns. Nothing is allocated.
 *
 * `retain` is the way to keep what was lent. Invariant: bytes in equal bytes out, whatever the values.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { CopyPool } from '../bytes/copy-pool.ts';
import { LentViews } from '../bytes/lent-views.ts';
import type { Frame } from '../frames/frame.ts';
import { ATTACH_BYTES_MIN } from '../limits.ts';
import type { Codec } from './codec.ts';

/** How raw messages and structs are received: as your own copy; as a view that is lent until the handler returns; or as the parser's frame, lent as long. */
export type ReceiveMode = 'copy' | 'view' | 'frame';

const NOTHING = new Uint8Array(0);
const EMPTY: Buffer = Buffer.allocUnsafeSlow(0);

export class RawCodec implements Codec {
  readonly name = 'raw';
  readonly id = 3;
  attachment: Uint8Array | undefined = undefined;
  #source: Uint8Array = NOTHING;
  readonly #encoding: BufferEncoding;
  readonly #receive: ReceiveMode;
  readonly #views: LentViews | undefined;
  readonly #copies: CopyPool;

  /**
   * @param encoding of strings that are sent
   * @param memory where most frames lie
   */
  constructor(receive: ReceiveMode = 'copy', encoding: BufferEncoding = 'utf8', memory: Buffer = EMPTY) {
    this.#receive = receive;
    this.#encoding = encoding;
    this.#views = receive === 'view' ? new LentViews(memory) : undefined;
    this.#copies = new CopyPool(memory);
  }

  prepare(data: unknown): number {
    const source = data instanceof Uint8Array ? data : toBytes(data, this.#encoding);
    if (source.length === 0) checkAttached(source);
    this.#source = source;
    this.attachment = source.length >= ATTACH_BYTES_MIN ? source : undefined;
    return source.length;
  }

  write(out: ByteWriter, at: number): number {
    const source = this.#source;
    this.#source = NOTHING;
    out.bytes.set(source, at);
    return at + source.length;
  }

  decode(frame: Frame): Buffer | Frame {
    if (this.#receive === 'frame') return frame;
    if (this.#views !== undefined) return this.#views.of(frame.bytes, frame.start, frame.end);
    return this.#copies.copy(frame.bytes, frame.start, frame.end);
  }
}

/** Memory that was transferred away looks empty and cannot be copied from: that has to show before anything is written. @throws TypeError */
function checkAttached(source: Uint8Array): void {
  // Any view of such memory is refused.
  void new Uint8Array(source.buffer);
}

/** Bytes of your own from what a handler was lent: a view, or a frame. */
export function retain(lent: Uint8Array | Pick<Frame, 'bytes' | 'start' | 'end'>): Buffer {
  return Buffer.from(lent instanceof Uint8Array ? lent : lent.bytes.subarray(lent.start, lent.end));
}

/** What node-ipc accepts as raw data: bytes, a string in `encoding`, or an array of byte values. */
export function toBytes(data: unknown, encoding: BufferEncoding): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (Array.isArray(data)) return Buffer.from(data as number[]);
  const what = data === null ? 'null' : typeof data;
  throw Object.assign(
    new TypeError(
      `raw messages are bytes: give a Buffer, a typed array, a string or an array of byte values, not ${what}. ` +
        "For other values connect with the codec 'json' or 'msgpack'.",
    ),
    { code: 'ERR_INVALID_ARG_TYPE' },
  );
}

/** One byte for each element: what can be copied as it is. */
export function isBytes(data: unknown): data is Uint8Array {
  return ArrayBuffer.isView(data) && (data as Uint8Array).BYTES_PER_ELEMENT === 1;
}
