/**
 * How a server is looked at from outside, by `ringwire top`: one reserved request, answered with the server's stats and those of its peers. Only
 * where the program said `inspect: true`, because it tells whoever may connect who else is there.
 *
 * Invariant: an answer is bounded, whatever number of peers is connected. Nothing is counted for it that is not counted anyway.
 */
import os from 'node:os';
import { INSPECTED_PEERS_MAX } from '../limits.ts';
import type { PeerServer } from './server.ts';
import type { ServerPeer } from './server-peer.ts';
import type { ServerStats, Stats } from './stats.ts';

/** Names of requests that begin with `ringwire.` are ringwire's own. */
export const INSPECT_REQUEST = 'ringwire.inspect';

export interface InspectedPeer {
  /** Its number among the peers that were inspected; ids of peers need not differ. */
  readonly number: number;
  readonly id: string;
  /** Where it connects from, over a network. */
  readonly from?: string;
  readonly stats: Stats;
}

export interface Inspection {
  readonly id: string;
  readonly pid: number;
  readonly address: string;
  readonly stats: ServerStats;
  /** In the order of their arrival, at most INSPECTED_PEERS_MAX of them. */
  readonly peers: readonly InspectedPeer[];
}

/** Lets peers ask. @param id what the server calls itself */
export function allowInspection(server: PeerServer, id: string = os.hostname()): void {
  const numbers = new WeakMap<ServerPeer, number>();
  let count = 0;
  const inspected = (peer: ServerPeer): InspectedPeer => {
    const number = numbers.get(peer) ?? ++count;
    numbers.set(peer, number);
    const { remoteAddress: host, remotePort: port } = peer.socket;
    const found = { number, id: peer.id, stats: peer.stats() };
    return host === undefined
      ? found
      : { ...found, from: `${host.includes(':') ? `[${host}]` : host}:${port}` };
  };
  server.handle(INSPECT_REQUEST, (): Inspection => {
    const peers = [...server.peers].slice(0, INSPECTED_PEERS_MAX).map(inspected);
    return { id, pid: process.pid, address: server.address, stats: server.stats(), peers };
  });
}
