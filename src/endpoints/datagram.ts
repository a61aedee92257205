/**
 * A datagram socket and all its peers: joins socket, peers, inbox and output. Both faces use it.
 *
 * Invariant: whatever a peer sends, nothing is thrown, and what is remembered of peers stays within the settings.
 */
import type dgram from 'node:dgram';
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import { SlabPool } from '../bytes/slab-pool.ts';
import { DatagramInbox } from '../connection/datagram-inbox.ts';
import { DatagramNames } from '../connection/datagram-names.ts';
import type { SenderOptions } from '../connection/datagram-sender.ts';
import { rethrowLater } from '../connection/safely.ts';
import type { Publisher, Slot } from '../emitter.ts';
import type { ErrorCode } from '../errors.ts';
import { DatagramSocket } from '../transports/datagram.ts';
import { sendToEach } from './datagram-fan-out.ts';
import type { DatagramHandlers } from './datagram-handlers.ts';
import { inboxOptions } from './datagram-intake.ts';
import type { DatagramLink, LinkHost, RemoteInfo } from './datagram-link.ts';
import {
  type DatagramOptions,
  datagramSettings,
  type FullSettings,
  senderOptions,
} from './datagram-options.ts';
import { DatagramOutgoing } from './datagram-outgoing.ts';
import { DatagramOutput } from './datagram-output.ts';
import { DatagramPeers, type DatagramTarget } from './datagram-peers.ts';
import { DatagramCounts, type DatagramStats } from './datagram-stats.ts';
import { HostNames } from './host-names.ts';
import { type SendError, SendFailures } from './send-failures.ts';

const SWEEP_MS = 1_000;
const KEEPALIVES_PER_TTL = 3;
/** Memory for datagrams that is kept for the next burst. */
const FREE_BYTES_MAX: number = 4 * 1024 * 1024;

export class DatagramEndpoint implements LinkHost {
  readonly names: DatagramNames;
  readonly pool: SlabPool;
  readonly senderOptions: SenderOptions;
  readonly #publisher: Publisher;
  readonly #handlers: DatagramHandlers;
  readonly #options: DatagramOptions;
  readonly #settings: FullSettings;
  readonly #socket: DatagramSocket;
  readonly #output: DatagramOutput;
  readonly #outgoing: DatagramOutgoing;
  readonly #inbox: DatagramInbox;
  readonly #hosts: HostNames;
  readonly #peers: DatagramPeers;
  readonly #counts = new DatagramCounts();
  /** Gives memory back: no slab is ever this one's own. */
  readonly #releaser: ByteWriter;
  /** Peers with newest values for the end of the turn. */
  #latest: DatagramLink[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #failures = new SendFailures((error) => this.#handlers.error(error));
  #isStopped = false;

  /** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_BAD_DELIMITER */
  constructor(publisher: Publisher, options: DatagramOptions, handlers: DatagramHandlers) {
    const settings = (this.#settings = datagramSettings(options.settings));
    this.#publisher = publisher;
    this.#options = options;
    this.#handlers = handlers;
    this.names = new DatagramNames(options.agreed);
    const slabBytes = (settings.datagramBytesMax + 7) & ~7;
    this.pool = new SlabPool(FREE_BYTES_MAX / slabBytes, slabBytes);
    this.#releaser = new ByteWriter(this.pool, () => {});
    this.senderOptions = senderOptions(settings);
    this.#output = new DatagramOutput(options, settings.events);
    this.#outgoing = new DatagramOutgoing(settings.coalesceMs, (error) => handlers.error(error));
    const isAlone = (): boolean => this.socket.listenerCount('message') === 1;
    this.#inbox = new DatagramInbox(this.names, inboxOptions(this.#output, options, settings, isAlone));
    this.#hosts = new HostNames(options.type === 'udp4' ? 4 : 6, (error) => this.#sendFailed(error));
    this.#peers = new DatagramPeers(this, this.#hosts, options, settings, this.#output.codec.id, (link) =>
      this.#forgotten(link),
    );
    this.#socket = this.#makeSocket();
  }

  get socket(): dgram.Socket {
    return this.#socket.socket;
  }

  get isBound(): boolean {
    return this.#socket.isBound;
  }

  /** Those who have been heard within their time to live. */
  get peers(): RemoteInfo[] {
    return Array.from(this.#peers.audience(), (link) => link.info);
  }

  /** Binds; `started` follows, or `error`. */
  start(): void {
    const { peerTtlMs, statsMs } = this.#settings;
    this.#socket.bind(this.#options.port, this.#options.host);
    this.#timers.push(setInterval(() => this.#sweep(), Math.min(SWEEP_MS, peerTtlMs / 4)));
    if (statsMs > 0) this.#timers.push(setInterval(() => this.#handlers.stats(this.stats()), statsMs));
    for (const timer of this.#timers) timer.unref();
  }

  /**
   * Sends a message in the peer's wire and codec; it leaves at the end of the tick.
   * @returns false when much waits for the peer ('drained' follows), or too much: then the message was dropped and counted
   * @throws RingwireError ERR_RINGWIRE_UDP_TOO_LARGE, or what the codec throws, nothing is sent then; with a codec that the peer chose it is an error instead
   */
  send(target: DatagramTarget, event: string, data: unknown): boolean {
    return this.#send(target, event, data) ?? true;
  }

  #send(target: DatagramTarget, event: string, data: unknown): boolean | undefined {
    const link = this.#peers.named(target);
    return link === undefined ? this.#sendLater(target, event, data) : this.#sendTo(link, event, data);
  }

  /**
   * Sends to all who have been heard within their time to live, or to those that are given.
   * @returns false when much waits for one of them, or one could not be sent it, which is an error
   * @throws what `send` throws for every one of them
   */
  broadcast(event: string, data: unknown, targets?: Iterable<RemoteInfo>): boolean {
    const failed = (info: RemoteInfo, error: Error): void => this.#sendFailed(error, info);
    if (targets !== undefined) return sendToEach(targets, (each) => this.#send(each, event, data), failed);
    const send = (link: DatagramLink): boolean | undefined => this.#sendTo(link, event, data);
    return sendToEach(this.#peers.audience(), send, ({ info }, error) => failed(info, error));
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.#outgoing.flush();
  }

  /** What is remembered of the peer at an address. */
  known(target: DatagramTarget): DatagramLink | undefined {
    return this.#peers.known(target);
  }

  /** Counts a message that does not reach the program. */
  refuse(link: DatagramLink, code: ErrorCode): void {
    link.figures.faults++;
    this.#inbox.fault(code);
  }

  stats(): DatagramStats {
    const { recv, send } = this.#socket.bufferBytes;
    return this.#counts.read(this.#peers.all(), this.#inbox.faults, recv, send);
  }

  join(group: string, multicastInterface?: string): void {
    this.#socket.join(group, multicastInterface);
  }

  leave(group: string, multicastInterface?: string): void {
    this.#socket.leave(group, multicastInterface);
  }

  /** Sends what was sent in this tick, then closes. What the system does not take at once is lost. */
  stop(): void {
    if (this.#isStopped) return;
    this.flush();
    this.#isStopped = true;
    this.#socket.close();
  }

  // What the links ask for.

  get ready(): boolean {
    return !this.#isStopped && this.#socket.ready;
  }

  transmit(segment: Segment, link: DatagramLink): void {
    this.#socket.send(segment, link.info.port, link.info.address);
  }

  blocked(link: DatagramLink): void {
    this.#outgoing.blocked(link);
  }

  drained(link: DatagramLink): void {
    this.#handlers.drained(link.info);
  }

  deliver(link: DatagramLink, slot: Slot, data: unknown): void {
    try {
      const refusal = this.#handlers.received?.(link.info, slot.name, data);
      if (refusal !== undefined) this.refuse(link, refusal.code);
      else {
        this.#handlers.identified(link.info, data);
        this.#publisher.publishTo(slot, data, link.info);
      }
    } catch (error) {
      this.failed(error as Error);
    }
  }

  latestWaits(link: DatagramLink): void {
    if (this.#latest.length === 0) setImmediate(() => this.#flushLatest());
    this.#latest.push(link);
  }

  proven(link: DatagramLink): void {
    this.#peers.proven(link);
  }

  limited(): void {
    this.#inbox.fault('ERR_RINGWIRE_UDP_AMPLIFICATION');
  }

  failed(error: Error): void {
    rethrowLater(error);
  }

  #makeSocket(): DatagramSocket {
    return new DatagramSocket(
      { ...this.#settings, type: this.#options.type },
      {
        bound: () => this.#handlers.started(),
        received: (bytes, { address, port }) => this.#received(bytes, address, port),
        written: (segment) => this.#releaser.written(segment),
        ready: () => this.#outgoing.dispatch(),
        sendFailed: (error) => this.#sendFailed(error),
        failed: (error) => this.#handlers.error(error),
        closed: () => this.#closed(),
      },
    );
  }

  /** @returns undefined when the peer's own choice did not let it through, which has been told */
  #sendTo(link: DatagramLink, event: string, data: unknown): boolean | undefined {
    if (this.#isStopped || !link.admit()) return false;
    try {
      const more = this.#output.send(link, event, data);
      if (!this.#settings.coalesce) link.sender.flush();
      else if (!link.isDirty && link.sender.isOpen) this.#outgoing.opened(link);
      return more;
    } catch (error) {
      if (!this.#output.isPeersDoing(link, event)) throw error;
      return this.#sendFailed(error as Error, link.info);
    }
  }

  /** The name of the target has to be looked up first; what is sent then must not change meanwhile. */
  #sendLater(target: DatagramTarget, event: string, data: unknown): boolean {
    const kept = data instanceof Uint8Array ? Buffer.from(data) : data;
    return this.#hosts.lookup(target.address, () => {
      const link = this.#peers.named(target);
      if (link !== undefined) this.#outgoing.guard(() => this.#sendTo(link, event, kept));
    });
  }

  #received(bytes: Buffer, address: string, port: number): void {
    const link = this.#peers.heard(bytes, address, port);
    if (link === undefined) {
      this.#inbox.fault('ERR_RINGWIRE_UDP_BAD_SOURCE');
      return;
    }
    if (link.wire === 'binary') this.#inbox.receive(bytes, link, this.#peers.heardMs);
    else if (link.wire === 'delimited') this.#inbox.receiveText(bytes, link);
    else this.#inbox.receiveBytes(bytes, link);
    // What waits for a proof may leave for what has come.
    link.dispatch();
  }

  #flushLatest(): void {
    const links = this.#latest;
    this.#latest = [];
    for (const link of links) link.flushLatest();
  }

  #sweep(): void {
    const now = performance.now();
    this.#peers.expire(now);
    this.#inbox.expire();
    const keepaliveMs = this.#settings.peerTtlMs / KEEPALIVES_PER_TTL;
    for (const link of this.#peers.all())
      this.#outgoing.guard(() => link.sweep(now - link.activeMs, keepaliveMs));
  }

  #forgotten(link: DatagramLink): void {
    this.#outgoing.forgotten(link);
    link.discard();
    this.#counts.forgotten(link);
    this.#handlers.forgotten?.(link.info);
  }

  #sendFailed(cause: SendError, to?: RemoteInfo): undefined {
    this.#inbox.fault('ERR_RINGWIRE_SEND_FAILED');
    this.#failures.tell(cause, to);
  }

  #closed(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#peers.clear();
    this.#handlers.closed();
  }
}
