/**
 * Peers under a name: what is sent to them is encoded once. A peer leaves its groups when it disconnects.
 *
 * Invariant: only connected peers are members; a group without members costs nothing.
 */
import type { ServerPeer } from './server-peer.ts';
import type { AnyContract, Contract, DataArguments, NameIn } from './types.ts';

/** The members of every group of a server. */
export class Groups<C extends Contract> {
  readonly #members = new Map<string, Set<ServerPeer<C>>>();

  members(name: string): ReadonlySet<ServerPeer<C>> {
    return this.#members.get(name) ?? new Set();
  }

  add(name: string, peer: ServerPeer<C>): void {
    const members = this.#members.get(name);
    if (members === undefined) this.#members.set(name, new Set([peer]));
    else members.add(peer);
  }

  delete(name: string, peer: ServerPeer<C>): boolean {
    const members = this.#members.get(name);
    if (members === undefined || !members.delete(peer)) return false;
    if (members.size === 0) this.#members.delete(name);
    return true;
  }

  /** A peer is gone. */
  forget(peer: ServerPeer<C>): void {
    for (const name of this.#members.keys()) this.delete(name, peer);
  }
}

/** Peers of a server under a name, for messages to all of them. One that disconnects leaves its groups. */
export class Group<C extends Contract = AnyContract> {
  readonly name: string;
  readonly #groups: Groups<C>;
  readonly #send: (peers: Iterable<ServerPeer<C>>, event: string, data: unknown) => boolean;

  /** Made by `server.group`. */
  constructor(
    name: string,
    groups: Groups<C>,
    send: (peers: Iterable<ServerPeer<C>>, event: string, data: unknown) => boolean,
  ) {
    this.name = name;
    this.#groups = groups;
    this.#send = send;
  }

  /** Members at present. */
  get size(): number {
    return this.#groups.members(this.name).size;
  }

  /** A peer that is not connected any more is not added. */
  add(peer: ServerPeer<C>): this {
    if (peer.isConnected) this.#groups.add(this.name, peer);
    return this;
  }

  /** @returns whether it was a member */
  delete(peer: ServerPeer<C>): boolean {
    return this.#groups.delete(this.name, peer);
  }

  /** Whether it is a member. */
  has(peer: ServerPeer<C>): boolean {
    return this.#groups.members(this.name).has(peer);
  }

  /** The members. */
  [Symbol.iterator](): Iterator<ServerPeer<C>> {
    return this.#groups.members(this.name).values();
  }

  /** Sends to every member. @returns false when any of them is slow. @throws what `peer.send` throws; nothing is sent then */
  send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  send(event: string, data?: unknown): boolean {
    return this.#send(this.#groups.members(this.name), event, data);
  }
}
