/**
 * Messages into datagrams for one destination: frames are appended to the open datagram until the next one does not fit. A slab is a
 * datagram, so that a message is written once, where it will be sent from. It knows no socket and no queue.
 *
 * Invariant: a datagram is handed out whole and never longer than `bytesMax`; room for its header is left at its front.
 */
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import { RepeatCopy } from '../bytes/repeat-copy.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import type { Codec } from '../codecs/codec.ts';
import { RingwireError } from '../errors.ts';
import { HEADER_BYTES } from '../frames/control.ts';
import { DatagramFlag, datagramHeaderBytes, FRAGMENT_COUNT_MAX, writeFragment } from '../frames/datagram.ts';
import { writeHeader } from '../frames/header.ts';
import { DATAGRAM_BYTES_MAX } from '../limits.ts';
import type { DatagramNames, FrameName } from './datagram-names.ts';

/**
 * Takes a datagram that is complete but for its header, and calls `written` when its memory is free again.
 * @param flags of its header; undefined for bytes that go as they are
 * @param maxAgeMs it is not to be sent when it is older; Infinity for none
 */
export type TakeDatagram = (
  segment: Segment,
  flags: number | undefined,
  messages: number,
  maxAgeMs: number,
) => void;

export interface PackerOptions {
  readonly bytesMax: number;
  /** Of every datagram's header. */
  readonly flags: number;
  /** Largest frame that is split; 0: none is. */
  readonly fragmentedBytesMax: number;
}

const NO_NAME: FrameName = { id: 0, block: Buffer.alloc(0) };

export class DatagramPacker {
  readonly #names: DatagramNames;
  readonly #options: PackerOptions;
  readonly #out: ByteWriter;
  readonly #take: TakeDatagram;
  readonly #headerBytes: number;
  /** Where a datagram ends at the latest. */
  readonly #limit: number;
  readonly #copy: RepeatCopy = new RepeatCopy();
  #segment: Segment | undefined = undefined;
  #isOpen = false;
  #flags: number | undefined = undefined;
  #messages = 0;
  #maxAgeMs: number = Infinity;
  #event: string | undefined = undefined;
  #name: FrameName = NO_NAME;
  #frameNumber = 0;

  constructor(names: DatagramNames, options: PackerOptions, pool: SlabPool, take: TakeDatagram) {
    this.#names = names;
    this.#options = options;
    this.#headerBytes = datagramHeaderBytes(options.flags);
    this.#limit = options.bytesMax & ~7;
    this.#take = take;
    this.#out = new ByteWriter(pool, (segment) => (this.#segment = segment));
  }

  /** Something waits for `close`. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Appends one message. It shares a datagram only with messages of the same `maxAgeMs`.
   * @throws RingwireError ERR_RINGWIRE_UDP_TOO_LARGE, or what the codec throws; nothing is written then
   */
  append(event: string, data: unknown, codec: Codec, maxAgeMs: number): void {
    const bytesMax = codec.prepare(data);
    codec.attachment = undefined;
    if (event !== this.#event) {
      this.#name = this.#names.of(event);
      this.#event = event;
    }
    const { id, block } = this.#name;
    const frameBytes = HEADER_BYTES + ((block.length + bytesMax + 7) & ~7);
    if (this.#headerBytes + frameBytes > this.#limit) {
      this.#split(codec, frameBytes, maxAgeMs);
      return;
    }
    const at = this.#room(frameBytes, maxAgeMs);
    const out = this.#out;
    const dataAt = at + HEADER_BYTES + block.length;
    if (block.length > 0) out.bytes.set(block, at + HEADER_BYTES);
    let end: number;
    if (codec.id === 3 && data instanceof Uint8Array) {
      this.#copy.copy(data, out, dataAt);
      end = dataAt + bytesMax;
    } else end = codec.write(out, dataAt);
    finish(out, at, end, id, codec.id);
    this.#messages++;
  }

  /** A datagram with bytes that are no frames: `write` puts them into the writer. @throws what `write` throws, and ERR_RINGWIRE_UDP_TOO_LARGE */
  whole(write: (out: ByteWriter) => void, maxAgeMs: number): void {
    this.close();
    const out = this.#out;
    try {
      write(out);
      if (out.unsealedBytes > DATAGRAM_BYTES_MAX) throw tooLarge(out.unsealedBytes, DATAGRAM_BYTES_MAX);
    } catch (error) {
      out.discard();
      throw error;
    }
    this.#flags = undefined;
    this.#messages = 1;
    this.#maxAgeMs = maxAgeMs;
    this.#seal();
  }

  /** Hands out the open datagram. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#seal();
  }

  /** The memory of a datagram is free again. */
  written(segment: Segment): void {
    this.#out.written(segment);
  }

  #room(frameBytes: number, maxAgeMs: number): number {
    const out = this.#out;
    if (this.#isOpen) {
      if (out.end + frameBytes <= this.#limit && maxAgeMs === this.#maxAgeMs) return out.reserve(frameBytes);
      this.close();
    }
    this.#isOpen = true;
    this.#flags = this.#options.flags;
    this.#maxAgeMs = maxAgeMs;
    return out.reserve(this.#headerBytes + frameBytes) + this.#headerBytes;
  }

  #seal(): void {
    this.#out.seal();
    // What follows goes into a slab of its own: this one is the datagram, and its memory may be free before the call returns.
    this.#out.discard();
    const messages = this.#messages;
    this.#messages = 0;
    this.#take(this.#segment as Segment, this.#flags, messages, this.#maxAgeMs);
  }

  /** A frame that no datagram holds, in parts. */
  #split(codec: Codec, frameBytes: number, maxAgeMs: number): void {
    const { flags, fragmentedBytesMax } = this.#options;
    const headerBytes = datagramHeaderBytes(flags | DatagramFlag.fragment);
    const partBytes = (this.#limit - headerBytes) & ~7;
    const count = Math.ceil(frameBytes / partBytes);
    if (fragmentedBytesMax === 0) throw tooLarge(this.#headerBytes + frameBytes, this.#options.bytesMax);
    if (frameBytes > fragmentedBytesMax || count > FRAGMENT_COUNT_MAX)
      throw tooLarge(frameBytes, Math.min(fragmentedBytesMax, partBytes * FRAGMENT_COUNT_MAX));
    this.close();
    const frame = this.#encodeAlone(codec, frameBytes);
    const number = this.#frameNumber;
    this.#frameNumber = (this.#frameNumber + 1) >>> 0;
    for (let index = 0; index < count; index++) {
      const part = frame.subarray(index * partBytes, (index + 1) * partBytes);
      const at = this.#out.reserve(headerBytes + part.length);
      writeFragment(this.#out.view, at + headerBytes - 16, { number, bytes: frame.length, index, count });
      this.#out.bytes.set(part, at + headerBytes);
      this.#flags = flags | DatagramFlag.fragment;
      this.#messages = index === 0 ? 1 : 0;
      this.#maxAgeMs = maxAgeMs;
      this.#seal();
    }
  }

  #encodeAlone(codec: Codec, frameBytes: number): Buffer {
    const out = this.#out;
    const { id, block } = this.#name;
    const at = out.reserve(frameBytes);
    out.bytes.set(block, at + HEADER_BYTES);
    finish(out, at, codec.write(out, at + HEADER_BYTES + block.length), id, codec.id);
    const frame = Buffer.from(out.bytes.subarray(at, out.end));
    out.discard();
    return frame;
  }
}

/** Header, zeros behind the payload, and the unused rest of the reservation given back. */
function finish(out: ByteWriter, at: number, end: number, id: number, codec: number): void {
  const payloadBytes = end - at - HEADER_BYTES;
  const padded = end + (-payloadBytes & 7);
  writeHeader(out.view, at, payloadBytes, id, codec);
  if (padded > end) out.bytes.fill(0, end, padded);
  out.rewind(padded);
}

function tooLarge(actual: number, limit: number): RingwireError {
  return new RingwireError(
    'ERR_RINGWIRE_UDP_TOO_LARGE',
    `a message that needs a datagram of ${actual} bytes, ${limit} are allowed; raise datagramBytesMax or set fragment`,
    { limit, actual },
  );
}
