/**
 * All that is on its way to one destination: the open datagram, newest values that wait to be sent, and datagrams that the system does
 * not take yet. A datagram gets its number when it leaves, so what is given up here is not taken for loss by the other side.
 *
 * Invariant: `pendingBytes` are the bytes of closed datagrams that have not left; they leave in order, or are given up and counted.
 */
import { crypto } from '../loading.ts';
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import type { Codec } from '../codecs/codec.ts';
import {
  datagramHeaderBytes,
  type DatagramStamp,
  TOKEN_FRAME_BYTES,
  writeDatagramHeader,
  writeTokenFrame,
} from '../frames/datagram.ts';
import type { PeerFigures } from './datagram-figures.ts';
import type { DatagramNames } from './datagram-names.ts';
import { DatagramPacker, type PackerOptions } from './datagram-packer.ts';

export interface SenderOptions extends PackerOptions {
  readonly queueBytesSoft: number;
  readonly queueBytesMax: number;
}

/** Where datagrams go. */
export interface DatagramRoute {
  /** Whether a datagram of that size may leave now. */
  ready(bytes: number): boolean;
  /** Takes a datagram; `written` is called when its memory is free again. */
  transmit(segment: Segment): void;
  /** Datagrams wait: `dispatch` is to be called when the route is ready again. */
  blocked(): void;
  /** Fewer bytes than half of the soft mark wait, after `send` had said false. */
  drained(): void;
}

/** A datagram that waits until the system takes it. */
interface Waiting {
  readonly segment: Segment;
  readonly flags: number | undefined;
  readonly messages: number;
  readonly maxAgeMs: number;
  readonly sinceMs: number;
}

interface Latest {
  send: () => void;
  maxAgeMs: number;
  sinceMs: number;
}

const SESSION_RANGE = 2 ** 32;

export class DatagramSender {
  pendingBytes = 0;
  readonly #packer: DatagramPacker;
  readonly #pool: SlabPool;
  #control: ByteWriter | undefined = undefined;
  #token: Segment | undefined = undefined;
  readonly #options: SenderOptions;
  readonly #route: DatagramRoute;
  readonly #figures: PeerFigures;
  /** Kept, because asking for the global costs half as much again as asking for the time. */
  readonly #clock: typeof performance = performance;
  readonly #stamp: DatagramStamp = { sequence: 0, session: crypto().randomInt(1, SESSION_RANGE), sentUs: 0 };
  #queue: Waiting[] = [];
  /** Newest values by key; made when there is one. */
  #latest: Map<string, Latest> | undefined = undefined;
  #full = false;

  constructor(
    names: DatagramNames,
    options: SenderOptions,
    pool: SlabPool,
    figures: PeerFigures,
    route: DatagramRoute,
  ) {
    this.#options = options;
    this.#route = route;
    this.#figures = figures;
    this.#pool = pool;
    this.#packer = new DatagramPacker(names, options, pool, (segment, flags, messages, maxAgeMs) =>
      this.#closed(segment, flags, messages, maxAgeMs),
    );
  }

  /** Something waits for the end of the tick. */
  get isOpen(): boolean {
    return this.#packer.isOpen || this.#latest !== undefined;
  }

  /** `send` has said false, and a drain will follow. */
  get isFull(): boolean {
    return this.#full;
  }

  get isBlocked(): boolean {
    return this.#queue.length > 0;
  }

  /** @returns false when a message would be refused: too much waits already */
  admit(): boolean {
    if (this.pendingBytes < this.#options.queueBytesMax) return true;
    this.#figures.refused++;
    return false;
  }

  /** Appends a message to the open datagram. @returns false when the caller should wait for the drain @throws what the packer throws */
  send(event: string, data: unknown, codec: Codec, maxAgeMs: number): boolean {
    this.#packer.append(event, data, codec, maxAgeMs);
    return this.#added();
  }

  /** A datagram of bytes that are no frames. @throws what the packer throws */
  sendWhole(write: (out: ByteWriter) => void, maxAgeMs: number): boolean {
    this.#packer.whole(write, maxAgeMs);
    return this.#added();
  }

  /** `send` is called at the end of the tick, unless a newer one with the same key takes its place. */
  sendLatest(key: string, maxAgeMs: number, send: () => void): void {
    const latest = (this.#latest ??= new Map());
    if (latest.delete(key)) this.#figures.replaced++;
    latest.set(key, { send, maxAgeMs, sinceMs: performance.now() });
  }

  /** The end of the tick: what was sent leaves. @throws what the packer throws for a newest value that cannot be sent */
  flush(): void {
    this.#packer.close();
    // While datagrams wait, newer values may still come.
    if (this.#latest !== undefined && !this.isBlocked) this.#flushLatest(this.#latest);
  }

  /** A datagram with one ping or pong; it overtakes what waits. */
  sendToken(kind: number, token: number): void {
    const { flags } = this.#options;
    const out = (this.#control ??= new ByteWriter(this.#pool, (segment) => (this.#token = segment)));
    const at = out.reserve(this.tokenBytes);
    writeTokenFrame(out.view, at + datagramHeaderBytes(flags), kind, token);
    out.seal();
    out.discard();
    this.#transmit(this.#token as Segment, flags, 0);
  }

  /** Bytes of a datagram with a ping or a pong. */
  get tokenBytes(): number {
    return datagramHeaderBytes(this.#options.flags) + TOKEN_FRAME_BYTES;
  }

  /** Sends what waits, as far as the route is ready. */
  dispatch(): void {
    let at = 0;
    for (; at < this.#queue.length; at++) {
      const datagram = this.#queue[at] as Waiting;
      const { segment, maxAgeMs, sinceMs } = datagram;
      const isOld = performance.now() - sinceMs > maxAgeMs;
      if (!isOld && !this.#route.ready(segment.length)) break;
      this.pendingBytes -= segment.length;
      if (isOld) this.#giveUp(datagram);
      else this.#transmit(segment, datagram.flags, datagram.messages);
    }
    this.#queue = this.#queue.slice(at);
    if (this.isBlocked) this.#route.blocked();
    else if (this.#latest !== undefined) this.flush();
    if (this.#full && this.pendingBytes <= this.#options.queueBytesSoft / 2) {
      this.#full = false;
      this.#route.drained();
    }
  }

  /** Gives up what has waited longer than `ms`. @returns how many datagrams that were */
  expire(ms: number): number {
    const since = performance.now() - ms;
    const kept = this.#queue.findIndex(({ sinceMs }) => sinceMs >= since);
    const count = kept < 0 ? this.#queue.length : kept;
    for (const datagram of this.#queue.splice(0, count)) {
      this.pendingBytes -= datagram.segment.length;
      this.#packer.written(datagram.segment);
    }
    return count;
  }

  /** The destination is given up. */
  discard(): void {
    this.#packer.close();
    this.#latest = undefined;
    this.expire(-1);
  }

  #flushLatest(latest: Map<string, Latest>): void {
    this.#latest = undefined;
    const nowMs = performance.now();
    let failure: { readonly error: unknown } | undefined;
    for (const { send, maxAgeMs, sinceMs } of latest.values()) {
      if (nowMs - sinceMs > maxAgeMs) this.#figures.expired++;
      else {
        try {
          send();
        } catch (error) {
          failure = { error };
        }
      }
    }
    this.#packer.close();
    if (failure !== undefined) throw failure.error;
  }

  #added(): boolean {
    if (this.pendingBytes < this.#options.queueBytesSoft) return true;
    this.#full = true;
    return false;
  }

  #closed(segment: Segment, flags: number | undefined, messages: number, maxAgeMs: number): void {
    const { length } = segment.bytes;
    if (this.#queue.length === 0 && this.#route.ready(length)) {
      this.#transmit(segment, flags, messages);
      return;
    }
    this.#queue.push({ segment, flags, messages, maxAgeMs, sinceMs: performance.now() });
    this.pendingBytes += length;
    this.#route.blocked();
  }

  #giveUp({ segment, messages }: Waiting): void {
    this.#figures.expired += messages;
    this.#packer.written(segment);
  }

  #transmit(segment: Segment, flags: number | undefined, messages: number): void {
    const { bytes, slab } = segment;
    if (flags !== undefined && slab !== undefined) {
      const at = bytes.byteOffset - slab.bytes.byteOffset;
      const stamp = this.#stamp;
      // Converted to 32 bits: modulo 2^32.
      stamp.sentUs = (this.#clock.now() * 1_000) | 0;
      writeDatagramHeader(slab.bytes, slab.view, at, at + bytes.length, flags, stamp);
      stamp.sequence = (stamp.sequence + 1) >>> 0;
    }
    const figures = this.#figures;
    figures.sent++;
    figures.sentMessages += messages;
    figures.sentBytes += bytes.length;
    this.#route.transmit(segment);
  }
}
