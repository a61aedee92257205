/**
 * Peers under a name: what is sent to them is encoded once. A peer leaves its groups when it disconnects.
 *
 * Invariant: only connected peers are members.
 */
import type { ServerPeer } from './server-peer.ts';
import type { AnyContract, Contract, DataArguments, NameIn } from './types.ts';

export class Group<C extends Contract = AnyContract> {
  readonly name: string;
  readonly #peers = new Set<ServerPeer<C>>();
  readonly #send: (peers: Iterable<ServerPeer<C>>, event: string, data: unknown) => boolean;

  /** Made by `server.group`. */
  constructor(name: string, send: (peers: Iterable<ServerPeer<C>>, event: string, data: unknown) => boolean) {
    this.name = name;
    this.#send = send;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** A peer that is not connected any more is not added. */
  add(peer: ServerPeer<C>): this {
    if (peer.isConnected) this.#peers.add(peer);
    return this;
  }

  delete(peer: ServerPeer<C>): boolean {
    return this.#peers.delete(peer);
  }

  has(peer: ServerPeer<C>): boolean {
    return this.#peers.has(peer);
  }

  [Symbol.iterator](): Iterator<ServerPeer<C>> {
    return this.#peers.values();
  }

  /** Sends to every member. @returns false when any of them is slow. @throws what `peer.send` throws; nothing is sent then */
  send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  send(event: string, data?: unknown): boolean {
    return this.#send(this.#peers, event, data);
  }
}
