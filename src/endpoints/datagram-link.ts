/**
 * One peer of a datagram endpoint: where it is, what is known of it, what is on its way to it. It limits what goes to a source that has
 * not proved that it is where its datagrams say it is.
 *
 * Invariant: a source that has not echoed a token is sent at most `replyFactor` times the bytes that came from it.
 */
import { crypto } from '../loading.ts';
import type { Segment } from '../bytes/byte-writer.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import { PeerFigures } from '../connection/datagram-figures.ts';
import type { InboxPeer } from '../connection/datagram-inbox.ts';
import type { DatagramNames } from '../connection/datagram-names.ts';
import { DatagramOrder } from '../connection/datagram-order.ts';
import { type DatagramRoute, DatagramSender, type SenderOptions } from '../connection/datagram-sender.ts';
import type { Slot } from '../emitter.ts';
import { Control } from '../frames/control.ts';
import { STRANGER_DATAGRAMS_MAX, VALIDATION_MS } from '../limits.ts';
import { Rank, type TableEntry } from './peer-table.ts';

/** The source of a message, as handlers get it and `emit` takes it: one object for all messages of a peer. */
export class RemoteInfo {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  /** Bytes of the datagram that came last. */
  size = 0;
  /** What the peer calls itself in a message; proves nothing. */
  declare id?: string | number;

  constructor(address: string, family: 'IPv4' | 'IPv6', port: number) {
    this.address = address;
    this.family = family;
    this.port = port;
  }
}

export type DatagramWire = 'binary' | 'delimited' | 'unframed';

/** What the links of an endpoint share. */
export interface LinkHost {
  readonly names: DatagramNames;
  readonly pool: SlabPool;
  readonly senderOptions: SenderOptions;
  /** Whether the socket takes a datagram now. */
  readonly ready: boolean;
  transmit(segment: Segment, link: DatagramLink): void;
  blocked(link: DatagramLink): void;
  drained(link: DatagramLink): void;
  deliver(link: DatagramLink, slot: Slot, data: unknown): void;
  /** The link has newest values to deliver at the end of the turn. */
  latestWaits(link: DatagramLink): void;
  proven(link: DatagramLink): void;
  /** The limit on answers has cost something. */
  limited(): void;
  failed(error: Error): void;
}

/** A source that does not answer a token is asked again after this long. */
const ASK_AGAIN_MS = 250;
/** What may wait until a source has proved itself. */
const HELD_BYTES_MAX: number = 4 * 1024;
const TOKEN_RANGE = 2 ** 32;

export class DatagramLink implements TableEntry, DatagramRoute, InboxPeer {
  readonly name: string;
  readonly info: RemoteInfo;
  readonly figures: PeerFigures = new PeerFigures();
  rank: Rank;
  activeMs = 0;
  /** Whether anything came from it, and did so before this side sent: then the limit applies. */
  isHeard: boolean;
  readonly #answers: boolean;
  wire: DatagramWire;
  codecId: number;
  /** 0: no limit. */
  replyFactor = 0;
  /** It is in the list of those that have something to send at the end of the tick. */
  isDirty = false;
  readonly #host: LinkHost;
  #order: DatagramOrder | undefined = undefined;
  #sender: DatagramSender | undefined = undefined;
  #latest: Map<string, { slot: Slot; data: unknown }> | undefined = undefined;
  #token = 0;
  #askedMs = -Infinity;

  /** @param isSource a datagram has come from it; otherwise the program has named it */
  constructor(host: LinkHost, info: RemoteInfo, isSource: boolean, wire: DatagramWire, codecId: number) {
    this.#host = host;
    this.name = linkName(info.address, info.port);
    this.info = info;
    this.isHeard = isSource;
    this.#answers = isSource;
    this.rank = isSource ? Rank.stranger : Rank.talker;
    this.wire = wire;
    this.codecId = codecId;
  }

  get sender(): DatagramSender {
    return this.#sender ?? this.#openSender();
  }

  get order(): DatagramOrder {
    return (this.#order ??= new DatagramOrder());
  }

  /** A datagram came. @returns the rank that it deserves now */
  received(bytes: number): Rank {
    const { figures } = this;
    figures.received++;
    figures.receivedBytes += bytes;
    this.info.size = bytes;
    this.isHeard = true;
    return figures.received > STRANGER_DATAGRAMS_MAX ? Rank.talker : Rank.stranger;
  }

  /** @returns false when a message must not be encoded: too much waits */
  admit(): boolean {
    const { sender } = this;
    if (this.#isLimited && sender.pendingBytes >= HELD_BYTES_MAX) {
      this.figures.limited++;
      this.#host.limited();
      return false;
    }
    return sender.admit();
  }

  /** Sends what waits, if anything does. */
  dispatch(): void {
    if (this.#sender?.isBlocked === true) this.#sender.dispatch();
  }

  /** Once in a while: gives up what waits for a proof that does not come, and asks a silent peer whether it is there. */
  sweep(silentMs: number, keepaliveMs: number): void {
    if (this.#isLimited) {
      const given = this.#sender?.expire(VALIDATION_MS) ?? 0;
      this.figures.limited += given;
      for (let count = 0; count < given; count++) this.#host.limited();
    }
    if (this.rank === Rank.proven && silentMs > keepaliveMs) this.#ask();
    this.dispatch();
  }

  discard(): void {
    this.#sender?.discard();
    this.#latest = undefined;
  }

  /** Bytes that wait to leave. */
  get pendingBytes(): number {
    return this.#sender?.pendingBytes ?? 0;
  }

  /** `send` has said false, and a drain will follow. */
  get isFull(): boolean {
    return this.#sender?.isFull === true;
  }

  /** It has echoed a token. */
  get isProven(): boolean {
    return this.rank === Rank.proven;
  }

  ready(bytes: number): boolean {
    if (!this.#host.ready) return false;
    if (!this.#isLimited) return true;
    this.#ask();
    return bytes <= this.#allowance;
  }

  transmit(segment: Segment): void {
    this.#host.transmit(segment, this);
  }

  blocked(): void {
    this.#host.blocked(this);
  }

  drained(): void {
    this.#host.drained(this);
  }

  deliver(slot: Slot, data: unknown): void {
    this.#host.deliver(this, slot, data);
  }

  deliverLatest(key: string, slot: Slot, data: unknown): void {
    if (this.#latest === undefined) {
      this.#latest = new Map();
      this.#host.latestWaits(this);
    }
    const waiting = this.#latest.get(key);
    if (waiting === undefined) this.#latest.set(key, { slot, data });
    else {
      waiting.data = data;
      this.figures.replaced++;
    }
  }

  /** Hands over the newest values of this turn. */
  flushLatest(): void {
    const latest = this.#latest;
    this.#latest = undefined;
    for (const { slot, data } of latest?.values() ?? []) this.#host.deliver(this, slot, data);
  }

  pinged(token: number): void {
    this.#sendToken(Control.pong, token);
  }

  ponged(token: number): void {
    if (this.#token === 0 || token !== this.#token) return;
    this.#host.proven(this);
    this.dispatch();
  }

  keyFailed(error: unknown): void {
    this.#host.failed(error as Error);
  }

  get #isLimited(): boolean {
    return this.#answers && this.replyFactor > 0 && this.rank !== Rank.proven;
  }

  get #allowance(): number {
    return this.replyFactor * this.figures.receivedBytes - this.figures.sentBytes;
  }

  #openSender(): DatagramSender {
    const { names, senderOptions, pool } = this.#host;
    return (this.#sender = new DatagramSender(names, senderOptions, pool, this.figures, this));
  }

  #ask(): void {
    if (this.wire !== 'binary' || performance.now() - this.#askedMs < ASK_AGAIN_MS) return;
    this.#askedMs = performance.now();
    if (this.#token === 0) this.#token = crypto().randomInt(1, TOKEN_RANGE);
    this.#sendToken(Control.ping, this.#token);
  }

  #sendToken(kind: number, token: number): void {
    const { sender } = this;
    if (this.#host.ready && (!this.#isLimited || sender.tokenBytes <= this.#allowance)) {
      sender.sendToken(kind, token);
    }
  }
}

export function linkName(address: string, port: number): string {
  return `${address} ${port}`;
}
