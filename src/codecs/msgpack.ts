/**
 * Plain msgpack that any language reads: no records, no shared references, no extension types but the timestamp. The work is
 * msgpackr's; every frame passes our own check first. An empty payload is `undefined`.
 *
 * Invariant: a decoded value owns all its memory, and the decoder never sees bytes behind the frame.
 */
import { loadPackage } from '../loading.ts';
import type { Packr } from 'msgpackr';
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { MessageError } from '../errors.ts';
import type { Frame } from '../frames/frame.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Codec } from './codec.ts';
import { checkMsgpack, familiarBytesMax } from './msgpack-check.ts';
import { Draft, wholeWords } from './shapes/draft.ts';
import { FamiliarEvents } from './shapes/familiar.ts';
import { MsgpackReader } from './shapes/msgpack-reader.ts';
import { encodeMsgpackKey, MsgpackWriter } from './shapes/msgpack-writer.ts';
import { UNREAD } from './shapes/shape.ts';
import type { ValueLimits } from './value-limits.ts';

/** With the reuse mode msgpackr returns its own arena and tells where in it the value lies. */
type Packed = Buffer & { start: number; end: number };

/** Payloads up to this size are decoded from a scratch buffer: msgpackr is slower deep inside a large one (measured: 1.5 times). */
const SCRATCH_BYTES = 128;

export class MsgpackCodec implements Codec {
  readonly name = 'msgpack';
  readonly id = 2;
  attachment: Uint8Array | undefined = undefined;
  #general: General | undefined = undefined;
  readonly #limits: ValueLimits;
  readonly #familiarBytesMax: number;
  readonly #familiar: FamiliarEvents = new FamiliarEvents(encodeMsgpackKey);
  readonly #reader: MsgpackReader = new MsgpackReader();
  readonly #draft: Draft = new Draft();
  readonly #writer: MsgpackWriter;
  /** What was prepared: so many bytes of the draft, or what msgpackr made. */
  #drafted = -1;
  #packed: Packed | undefined = undefined;
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  constructor(limits: ValueLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#familiarBytesMax = familiarBytesMax(limits);
    this.#writer = new MsgpackWriter(this.#draft, limits.depthMax);
  }

  prepare(data: unknown): number {
    this.#drafted = data === undefined ? 0 : this.#writer.write(data, 0);
    // What is larger may be more than the limits allow, and is checked.
    if (this.#drafted <= this.#familiarBytesMax && this.#drafted >= 0) return wholeWords(this.#drafted);
    let packed = this.#pack(data);
    try {
      checkMsgpack(packed, packed.start, packed.end, this.#limits);
    } catch {
      // A type that plain msgpack does not have is somewhere inside. What is still refused would be refused by the receiver.
      packed = this.#pack(plain(data));
      checkMsgpack(packed, packed.start, packed.end, this.#limits);
    }
    // What a getter of the value has sent meanwhile is gone.
    this.#drafted = -1;
    this.#packed = packed;
    return packed.end - packed.start;
  }

  #pack(data: unknown): Packed {
    const { packr, modes } = (this.#general ??= loadGeneral());
    return packr.pack(data, modes) as Packed;
  }

  write(out: ByteWriter, at: number): number {
    if (this.#drafted >= 0) return this.#draft.copyTo(out, at, this.#drafted);
    const packed = this.#packed as Packed;
    this.#packed = undefined;
    return at + packed.copy(out.bytes, at, packed.start, packed.end);
  }

  decode(frame: Frame): unknown {
    const { start, end } = frame;
    if (end === start) return undefined;
    const familiar = this.#familiar.of(frame.event);
    const { shape } = familiar;
    if (shape !== undefined && end - start <= this.#familiarBytesMax) {
      const value = this.#reader.read(frame.bytes, start, end, shape);
      if (value !== UNREAD && this.#reader.end === end) {
        familiar.confirmed();
        return value;
      }
    }
    const value = this.#decode(frame);
    if (end - start <= this.#familiarBytesMax) familiar.surprised(value);
    return value;
  }

  #decode(frame: Frame): unknown {
    checkMsgpack(frame.bytes, frame.start, frame.end, this.#limits);
    const { packr } = (this.#general ??= loadGeneral());
    try {
      const length = frame.end - frame.start;
      if (length <= SCRATCH_BYTES) {
        frame.bytes.copy(this.#scratch, 0, frame.start, frame.end);
        return packr.unpack(this.#scratch, length);
      }
      return packr.unpack(frame.bytes, { start: frame.start, end: frame.end });
    } catch {
      // The decoder's own message may quote the value, which may be secret.
      throw new MessageError(
        'ERR_RINGWIRE_INVALID_MSGPACK',
        `${frame.end - frame.start} bytes that are not msgpack`,
      );
    }
  }
}

/** What does the work that the short ways leave. */
interface General {
  readonly packr: Packr;
  readonly modes: number;
}

/** msgpackr with its native part takes as long to load as the rest of ringwire: programs that need it wait for it, others do not. */
function loadGeneral(): General {
  const msgpackr = loadPackage('msgpackr') as typeof import('msgpackr');
  const options = {
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    copyBuffers: true,
    structuredClone: false,
    // Types that plain msgpack does not have become extensions, which the check finds: without this option msgpackr writes the
    // header of a Float64Array for all its bytes and then only one byte for each number.
    moreTypes: true,
    encodeUndefinedAsNil: true,
    useFloat32: msgpackr.FLOAT32_OPTIONS.NEVER,
    // Integers of C peers arrive as numbers while they are safe integers. The types do not know 'auto' yet.
    int64AsType: 'auto' as unknown as 'number',
  };
  return {
    packr: new msgpackr.Packr(options),
    modes: msgpackr.REUSE_BUFFER_MODE | msgpackr.RESET_BUFFER_MODE,
  };
}

/** The same data with every typed array as its bytes and every Set as an array. */
function plain(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return Buffer.from(data);
  if (Array.isArray(data)) return data.map(plain);
  if (data instanceof Set) return [...data].map(plain);
  if (data instanceof Map) return new Map([...data].map(([key, value]) => [key, plain(value)]));
  if (data instanceof Date || data instanceof RegExp || data instanceof Error) return data;
  if ('toJSON' in data && typeof data.toJSON === 'function') return plain(data.toJSON());
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, plain(value)]));
}
