/**
 * `connect` to a udp: address: a socket with one peer. Nothing is said when it opens: whether somebody is there shows when an answer comes, or when
 * the system says that nobody is.
 *
 * Invariant: messages go to the one address. Others are not heard, unless the address is a group or everybody: then answers come from anywhere.
 */
import { Emitter } from '../../emitter.ts';
import type { DatagramOptions } from '../../endpoints/datagram-options.ts';
import type { DatagramTarget } from '../../endpoints/datagram-peers.ts';
import { addressOf } from '../address.ts';
import { type DatagramClientLifecycle, Lifecycle } from '../lifecycle.ts';
import { logLifecycle } from '../log.ts';
import type { Protocol } from '../protocol.ts';
import type { AnyContract, Contract } from '../types.ts';
import { DatagramHub } from './hub.ts';
import { noRequests } from './no-requests.ts';
import { engineOptions, isMany, resolved, type UdpOptions, type UdpPlace } from './options.ts';
import { DatagramParty } from './party.ts';
import type { UdpStats } from './stats.ts';

/** A socket with one peer, which `connect` opens for a udp: address. */
export class DatagramClient<C extends Contract = AnyContract> extends DatagramParty<C> {
  /** What happens to the socket. */
  readonly lifecycle: Lifecycle<DatagramClientLifecycle>;
  protected override readonly hub: DatagramHub;
  /** With the address as numbers once it is open. */
  protected override target: DatagramTarget;
  readonly #emitter = new Emitter();
  readonly #place: UdpPlace;
  readonly #options: UdpOptions;
  readonly #protocol: Protocol;
  #lastStats: UdpStats | undefined = undefined;

  /** Made by `connect`. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
  constructor(place: UdpPlace, options: UdpOptions, protocol: Protocol) {
    super();
    this.#place = place;
    this.#options = options;
    this.#protocol = protocol;
    this.target = { address: place.host, port: place.port };
    this.hub = new DatagramHub(place, options, protocol, {
      deliver: (source, slot, data) => this.#emitter.publishTo(slot, data, source),
      drained: () => {
        this.release();
        this.hub.lifecycle.publish('drain');
      },
      forgotten: () => {},
      stats: () => {
        this.#lastStats = this.stats(this.#lastStats);
        this.hub.lifecycle.publish('stats', this.#lastStats);
      },
      closed: () => this.finish(),
    });
    this.lifecycle = new Lifecycle(this.hub.lifecycle);
    logLifecycle(this.hub.lifecycle, options.logger, 'client', () => this.address);
  }

  /** Where it sends to. */
  get address(): string {
    return addressOf(this.#place);
  }

  /** The same, as a name for the peer: datagrams bring no other. */
  get id(): string {
    return this.address;
  }

  /** The socket is open. Nobody knows whether the other side is there. */
  get isConnected(): boolean {
    return this.hub.isOpen;
  }

  /** What has passed, what was lost and what was refused. @param previous an earlier result: rates count from there, otherwise from the start */
  stats(previous?: UdpStats): UdpStats {
    return this.hub.stats(previous);
  }

  /** @throws RingwireError ERR_RINGWIRE_UDP_UNSUPPORTED: requests need a stream */
  handle(request: string, ..._handler: unknown[]): never {
    throw noRequests(`a handler of ${request}`);
  }

  /** The socket keeps the process alive, until `unref`. */
  ref(): this {
    this.hub.keepAlive(true);
    return this;
  }

  /** The process may end although the socket is open. */
  unref(): this {
    this.hub.keepAlive(false);
    return this;
  }

  /** Sends what was sent in this tick, then closes. What the system does not take at once is lost. */
  close(): Promise<void> {
    return this.hub.close();
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Called by `connect`. */
  async start(): Promise<void> {
    await this.hub.start(() => this.#plan(), 'ERR_RINGWIRE_CONNECT_TIMEOUT');
  }

  protected override listeners(): Emitter {
    return this.#emitter;
  }

  async #plan(): Promise<DatagramOptions> {
    const { host, port } = this.#place;
    const { address, isIpv6 } = await resolved(host);
    this.target = { address, port };
    const bind = { address: isIpv6 ? '::' : '0.0.0.0', isIpv6, port: 0 };
    const only = isMany(address, this.#options.udp?.broadcast) ? undefined : this.target;
    return engineOptions(bind, this.#options, this.#protocol, only);
  }
}
