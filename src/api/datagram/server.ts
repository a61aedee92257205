/**
 * `listen` on a udp: address: one socket, and whoever sends to it. A source is a peer from its first message on.
 *
 * Invariant: `peers` are those who have sent a message and are remembered; their number is bounded by `udp.peersMax`, whatever comes.
 */
import { callSafely } from '../../connection/safely.ts';
import { Emitter, type Handler, type Slot } from '../../emitter.ts';
import type { RemoteInfo } from '../../endpoints/datagram-link.ts';
import type { DatagramTarget } from '../../endpoints/datagram-peers.ts';
import { addressOf } from '../address.ts';
import { type DatagramLifecycle, Lifecycle } from '../lifecycle.ts';
import { logLifecycle } from '../log.ts';
import type { Protocol } from '../protocol.ts';
import type { AnyContract, Contract, DataArguments, HandlerOf, NameIn } from '../types.ts';
import { DatagramHub } from './hub.ts';
import { noRequests } from './no-requests.ts';
import { engineOptions, resolved, type UdpOptions, type UdpPlace } from './options.ts';
import { DatagramPeer } from './peer.ts';
import type { UdpServerStats } from './stats.ts';

/** A socket that everybody may send to, which `listen` opens for a udp: address. */
export class DatagramServer<C extends Contract = AnyContract> {
  /** What happens to peers and to the socket. */
  readonly lifecycle: Lifecycle<DatagramLifecycle<C>>;
  readonly #hub: DatagramHub;
  readonly #place: UdpPlace;
  readonly #options: UdpOptions;
  readonly #protocol: Protocol;
  readonly #emitter = new Emitter();
  readonly #bySource = new Map<RemoteInfo, DatagramPeer<C>>();
  readonly #peers = new Set<DatagramPeer<C>>();
  #port: number;
  #peersTotal = 0;
  #lastStats: UdpServerStats | undefined = undefined;

  /** Made by `listen`. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
  constructor(place: UdpPlace, options: UdpOptions, protocol: Protocol) {
    this.#place = place;
    this.#port = place.port;
    this.#options = options;
    this.#protocol = protocol;
    this.#hub = new DatagramHub(place, options, protocol, {
      deliver: (source, slot, data) => this.#deliver(source, slot, data),
      drained: (target) => this.#drained(target),
      forgotten: (source) => this.#forgotten(source),
      stats: () => this.#tellStats(),
      closed: () => {},
    });
    this.lifecycle = new Lifecycle(this.#hub.lifecycle);
    logLifecycle(this.#hub.lifecycle, options.logger, 'server', () => this.address);
  }

  /** Where to send to, with the port that was really taken. */
  get address(): string {
    return addressOf({ ...this.#place, port: this.#port });
  }

  /** Those who have sent a message and are remembered, in the order of their first one. */
  get peers(): ReadonlySet<DatagramPeer<C>> {
    return this.#peers;
  }

  /** Hears messages of every peer. */
  on<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: DatagramPeer<C>]>,
  ): this {
    this.#emitter.on(event, handler as Handler);
    return this;
  }

  /** `on` for the next message alone. */
  once<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: DatagramPeer<C>]>,
  ): this {
    this.#emitter.once(event, handler as Handler);
    return this;
  }

  /** Takes a handler away. */
  off<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: DatagramPeer<C>]>,
  ): this {
    this.#emitter.off(event, handler as Handler);
    return this;
  }

  /**
   * Sends to an address: a multicast group, or somebody who has said nothing yet.
   * @returns and throws as `peer.send` does
   */
  sendTo<K extends NameIn<C['sent']>>(
    target: DatagramTarget,
    event: K,
    ...data: DataArguments<C['sent'][K]>
  ): boolean;
  sendTo(target: DatagramTarget, event: string, data?: unknown): boolean {
    return this.#hub.send(target, event, data);
  }

  /**
   * Sends to every peer. One that cannot be sent it, in the codec that it uses, is told by `lifecycle`'s `error` and keeps it from nobody.
   * @returns false when much waits for one of them, or one could not be sent it
   * @throws what `peer.send` throws for every one of them
   */
  broadcast<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  broadcast(event: string, data?: unknown): boolean {
    return this.#hub.broadcast(this.#bySource.keys(), event, data);
  }

  /** Hears a multicast group too. @throws an error of the system, ERR_RINGWIRE_NOT_CONNECTED */
  join(group: string, multicastInterface?: string): this {
    this.#hub.engine.join(group, multicastInterface);
    return this;
  }

  /** Hears a multicast group no more. @throws as `join` does */
  leave(group: string, multicastInterface?: string): this {
    this.#hub.engine.leave(group, multicastInterface);
    return this;
  }

  /** @throws RingwireError ERR_RINGWIRE_UDP_UNSUPPORTED: requests need a stream */
  handle(request: string, ..._handler: unknown[]): never {
    throw noRequests(`a handler of ${request}`);
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.#hub.flush();
  }

  /** What has passed, what was lost and what was refused. @param previous an earlier result: rates count from there, otherwise from the start */
  stats(previous?: UdpServerStats): UdpServerStats {
    return { ...this.#hub.stats(previous), peers: this.#peers.size, peersTotal: this.#peersTotal };
  }

  /** The socket keeps the process alive, until `unref`. */
  ref(): this {
    this.#hub.keepAlive(true);
    return this;
  }

  /** The process may end although the socket is open. */
  unref(): this {
    this.#hub.keepAlive(false);
    return this;
  }

  /** Sends what was sent in this tick, then closes. What the system does not take at once is lost. */
  close(): Promise<void> {
    return this.#hub.close();
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Called by `listen`. */
  async start(): Promise<void> {
    await this.#hub.start(async () => {
      const bind = { ...(await resolved(this.#place.host)), port: this.#place.port };
      return engineOptions(bind, this.#options, this.#protocol);
    }, 'ERR_RINGWIRE_LISTEN_TIMEOUT');
    this.#port = this.#hub.port ?? this.#port;
  }

  #deliver(source: RemoteInfo, slot: Slot, data: unknown): void {
    const peer = this.#bySource.get(source) ?? this.#met(source);
    peer.received(slot, data, source);
    this.#emitter.publishTo(slot, data, peer);
  }

  #met(source: RemoteInfo): DatagramPeer<C> {
    const peer = new DatagramPeer<C>(this.#hub, source);
    this.#bySource.set(source, peer);
    this.#peers.add(peer);
    this.#peersTotal++;
    callSafely(() => void this.#hub.lifecycle.publish('connect', peer));
    return peer;
  }

  #forgotten(source: RemoteInfo): void {
    const peer = this.#bySource.get(source);
    if (peer === undefined) return;
    this.#bySource.delete(source);
    this.#peers.delete(peer);
    peer.gone();
    callSafely(() => void this.#hub.lifecycle.publish('disconnect', peer));
  }

  #drained(target: RemoteInfo): void {
    const peer = this.#bySource.get(target);
    peer?.hasRoom();
    if (peer !== undefined) this.#hub.lifecycle.publish('drain', peer);
  }

  #tellStats(): void {
    this.#lastStats = this.stats(this.#lastStats);
    this.#hub.lifecycle.publish('stats', this.#lastStats);
  }
}
