/**
 * What happens to an endpoint, apart from what its peers say: a peer may send a message named 'error' or 'connect', and it is a message.
 *
 * Invariant: only the endpoint itself publishes here. An error without a handler is counted in `stats()` and otherwise ignored.
 */
import type { Emitter, Handler } from '../emitter.ts';
import type { DatagramPeer } from './datagram/peer.ts';
import type { UdpServerStats, UdpStats } from './datagram/stats.ts';
import type { ServerPeer } from './server-peer.ts';
import type { Contract } from './types.ts';

/** The events of `client.lifecycle` with their arguments. */
export interface ClientLifecycle {
  /** Connected, the first time or again. */
  connect: [];
  /** The connection was lost, or a try to restore it failed. `unsentBytes` were accepted, and may not have arrived. */
  disconnect: [error: Error | undefined, unsentBytes: number];
  /** Something was refused or failed. */
  error: [error: Error];
  /** There is room again after `send` had said false. */
  drain: [];
  /** It is over for good. */
  close: [];
}

/** The events of `server.lifecycle` with their arguments. */
export interface ServerLifecycle<C extends Contract> {
  connect: [peer: ServerPeer<C>];
  /** `unsentBytes` were accepted, and may not have arrived. */
  disconnect: [peer: ServerPeer<C>, error: Error | undefined, unsentBytes: number];
  error: [error: Error, peer: ServerPeer<C> | undefined];
  drain: [peer: ServerPeer<C>];
  close: [];
}

/** Of a client over UDP: there are no connections that could be lost. */
export interface DatagramClientLifecycle extends Pick<ClientLifecycle, 'error' | 'drain' | 'close'> {
  /** Every `udp.statsMs`; rates count from the one before. */
  stats: [stats: UdpStats];
}

/** Of a server over UDP. */
export interface DatagramLifecycle<C extends Contract> {
  /** The first message of a source, before its handlers. */
  connect: [peer: DatagramPeer<C>];
  /** It is forgotten. If it comes again it is a new one. */
  disconnect: [peer: DatagramPeer<C>];
  /** A datagram could not be sent, or the socket failed. What is wrong with received ones is counted only. */
  error: [error: Error];
  /** There is room again after `send` had said false. */
  drain: [peer: DatagramPeer<C>];
  /** Every `udp.statsMs`; rates count from the one before. */
  stats: [stats: UdpServerStats];
  close: [];
}

/** Tells what happens to connections. Messages of peers never come here, whatever they are called. */
export class Lifecycle<L extends Readonly<Record<keyof L, unknown[]>>> {
  readonly #emitter: Emitter;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  /** Calls the handler each time. */
  on<K extends keyof L & string>(event: K, handler: (...args: L[K]) => void): this {
    this.#emitter.on(event, handler as unknown as Handler);
    return this;
  }

  /** Calls the handler the next time. */
  once<K extends keyof L & string>(event: K, handler: (...args: L[K]) => void): this {
    this.#emitter.once(event, handler as unknown as Handler);
    return this;
  }

  /** Takes a handler of `on` or `once` away. */
  off<K extends keyof L & string>(event: K, handler: (...args: L[K]) => void): this {
    this.#emitter.off(event, handler as unknown as Handler);
    return this;
  }
}
