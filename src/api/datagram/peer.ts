/**
 * One source of datagrams, from its first message until it is forgotten: silent for too long, or driven out by others.
 *
 * Invariant: its messages reach its own handlers first, then those of the server. Where it is proves nothing until `isProven`.
 */
import { Emitter, type Slot } from '../../emitter.ts';
import type { RemoteInfo } from '../../endpoints/datagram-link.ts';
import { peerStats } from '../../endpoints/datagram-stats.ts';
import type { Stats } from '../stats.ts';
import type { AnyContract, Contract } from '../types.ts';
import type { DatagramHub } from './hub.ts';
import { DatagramParty } from './party.ts';
import { type UdpPeerStats, udpStatsOf } from './stats.ts';

/** One source of datagrams at a server. */
export class DatagramPeer<C extends Contract = AnyContract> extends DatagramParty<C> {
  /** Where its datagrams come from: the address. */
  readonly address: string;
  /** And the port. */
  readonly port: number;
  protected override readonly hub: DatagramHub;
  protected override readonly target: RemoteInfo;
  readonly #startMs: number = performance.now();
  #emitter: Emitter | undefined = undefined;

  constructor(hub: DatagramHub, source: RemoteInfo) {
    super();
    this.hub = hub;
    this.target = source;
    this.address = source.address;
    this.port = source.port;
  }

  /** Where it is, as text: `address:port`. */
  get id(): string {
    return this.address.includes(':') ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`;
  }

  /** It is remembered. Nobody knows whether it is still there. */
  get isConnected(): boolean {
    return !this.isClosed;
  }

  /** It has answered from the address that its datagrams name. */
  get isProven(): boolean {
    return this.hub.isOpen && this.hub.engine.known(this.target)?.isProven === true;
  }

  /** What has passed, what was lost and what was refused. @param previous an earlier result: rates count from there, otherwise from the first message */
  stats(previous?: Stats): UdpPeerStats {
    const link = this.hub.isOpen ? this.hub.engine.known(this.target) : undefined;
    const datagrams = link && peerStats(link);
    const pendingBytes = datagrams?.pendingBytes ?? 0;
    return { ...udpStatsOf(this.#startMs, datagrams, pendingBytes, {}, previous), datagrams };
  }

  /** @internal A message of this peer, before the server's handlers. */
  received(slot: Slot, data: unknown, source: RemoteInfo): void {
    this.#emitter?.publish(slot.name, data, source);
  }

  /** @internal */
  hasRoom(): void {
    this.release();
  }

  /** @internal It is forgotten. */
  gone(): void {
    this.finish();
  }

  protected override listeners(): Emitter {
    return (this.#emitter ??= new Emitter());
  }
}
