/**
 * The figures of a datagram endpoint: of each peer that is remembered, and of all together, those included that are not any more.
 *
 * Invariant: the totals never lose what was counted for a peer that was forgotten.
 */
import { addFigures, type DatagramFigures, PeerFigures } from '../connection/datagram-figures.ts';
import type { DatagramLink } from './datagram-link.ts';

export interface PeerStats extends DatagramFigures {
  readonly address: string;
  readonly port: number;
  /** It has echoed a token. */
  readonly isProven: boolean;
  /** Bytes that wait to leave. */
  readonly pendingBytes: number;
}

export interface DatagramStats extends DatagramFigures {
  readonly peers: readonly PeerStats[];
  /** Refused datagrams, rests of datagrams and messages, and datagrams that could not be sent, by error code. */
  readonly faultsByCode: Readonly<Record<string, number>>;
  /** Peers that were forgotten: silent for too long, or the table was full. */
  readonly forgottenPeers: number;
  /** What the system granted. */
  readonly recvBufferBytes: number;
  readonly sendBufferBytes: number;
}

export function peerStats({ info, figures, isProven, pendingBytes }: DatagramLink): PeerStats {
  const { address, port } = info;
  return { ...figures.read(), address, port, isProven, pendingBytes };
}

export class DatagramCounts {
  #past: DatagramFigures = new PeerFigures().read();
  #forgottenPeers = 0;

  forgotten(link: DatagramLink): void {
    this.#past = { ...addFigures(this.#past, link.figures.read()), jitterMs: 0 };
    this.#forgottenPeers++;
  }

  read(
    links: Iterable<DatagramLink>,
    faults: ReadonlyMap<string, number>,
    recvBufferBytes: number,
    sendBufferBytes: number,
  ): DatagramStats {
    let total = this.#past;
    const peers: PeerStats[] = [];
    for (const link of links) {
      const own = peerStats(link);
      total = addFigures(total, link.figures.read());
      peers.push(own);
    }
    const faultsByCode = Object.fromEntries(faults);
    const forgottenPeers = this.#forgottenPeers;
    return { ...total, peers, faultsByCode, forgottenPeers, recvBufferBytes, sendBufferBytes };
  }
}
