/**
 * What can be seen of datagrams from inside: the figures that streams have too, and beside them those of the datagrams.
 *
 * Invariant: what streams alone have (requests, round trips) is there and zero, so that one reader does for both.
 */
import type { DatagramFigures } from '../../connection/datagram-figures.ts';
import { NOTHING_KEPT } from '../../connection/link.ts';
import type { DatagramStats, PeerStats } from '../../endpoints/datagram-stats.ts';
import { type Stats, statsOf, Tally } from '../stats.ts';

/** Of a client over UDP. */
export interface UdpStats extends Stats {
  /** Datagrams of all peers together and of each: loss, order, jitter. */
  readonly datagrams: DatagramStats;
}

/** Of a server over UDP. */
export interface UdpServerStats extends UdpStats {
  /** Known now. */
  readonly peers: number;
  /** Ever known. */
  readonly peersTotal: number;
}

/** Of one peer over UDP. */
export interface UdpPeerStats extends Stats {
  /** Undefined when the peer is not remembered any more. */
  readonly datagrams: PeerStats | undefined;
}

const NO_REQUESTS: Stats['requests'] = { open: 0, queued: 0, handled: 0 };

/** @param refused by error code */
export function udpStatsOf(
  startMs: number,
  figures: DatagramFigures | undefined,
  pendingBytes: number,
  refused: Readonly<Record<string, number>>,
  previous: Stats | undefined,
): Stats {
  const tally = new Tally(startMs);
  if (figures !== undefined) tally.addTraffic(figures);
  for (const [code, count] of Object.entries(refused)) tally.refused.set(code, count);
  // Messages that were dropped because too much waited.
  const dropped = figures?.refused ?? 0;
  if (dropped > 0) tally.refused.set('ERR_RINGWIRE_BACKPRESSURE', dropped);
  const present = { pendingBytes, unacknowledged: NOTHING_KEPT, requests: NO_REQUESTS };
  return statsOf(tally, present, previous);
}
