/**
 * What happened at an endpoint, in numbers: every refusal by its code, what the policy for slow peers dropped, and what has passed. It
 * counts what is told and looks at nothing by itself.
 *
 * Invariant: what an endpoint counts its instance counts too, so the instance knows the endpoints that are gone.
 */
import type { Traffic } from './contracts.ts';

/** A snapshot. Counts start when the endpoint (or instance) was made and never go back; `connections` and `pendingBytes` are of now. */
export interface Stats extends Traffic {
  /** Open connections, those in their handshake included. */
  readonly connections: number;
  /** Connections that were ever open. */
  readonly connectionsTotal: number;
  /** Accepted and not yet taken by the system. */
  readonly pendingBytes: number;
  /** Accepted and given up when a connection ended. */
  readonly unsentBytes: number;
  /** What the policy for slow peers dropped: messages refused, older ones given up, values replaced by newer ones. */
  readonly dropped: Readonly<Record<Dropped, number>>;
  /** How often each code was the reason to refuse a message, a connection or a peer. Codes of the system stand among them. */
  readonly refusals: Readonly<Record<string, number>>;
}

export type Dropped = 'newest' | 'oldest' | 'replaced';

/** What is asked of a connection for a snapshot. */
export interface Counted {
  readonly pendingBytes: number;
  readonly traffic: Traffic;
}

export class Counters {
  readonly #parent: Counters | undefined;
  readonly #refusals = new Map<string, number>();
  readonly #dropped: Record<Dropped, number> = { newest: 0, oldest: 0, replaced: 0 };
  #connectionsTotal = 0;
  #unsentBytes = 0;
  /** Of connections that are closed. */
  #traffic: Traffic = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

  /** @param parent counts everything too */
  constructor(parent?: Counters) {
    this.#parent = parent;
  }

  refused(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    this.#parent?.refused(code);
  }

  failed(error: unknown): void {
    const { code } = error as { code?: unknown };
    this.refused(typeof code === 'string' ? code : 'ERR_UNKNOWN');
  }

  dropped(which: Dropped): void {
    this.#dropped[which]++;
    this.#parent?.dropped(which);
  }

  opened(): void {
    this.#connectionsTotal++;
    this.#parent?.opened();
  }

  closed(traffic: Traffic, unsentBytes: number): void {
    this.#traffic = sum(this.#traffic, traffic);
    this.#unsentBytes += unsentBytes;
    this.#parent?.closed(traffic, unsentBytes);
  }

  /** @param open the connections that are open now */
  snapshot(open: Iterable<Counted>): Stats {
    let connections = 0;
    let pendingBytes = 0;
    let traffic = this.#traffic;
    for (const connection of open) {
      connections++;
      pendingBytes += connection.pendingBytes;
      traffic = sum(traffic, connection.traffic);
    }
    return {
      connections,
      connectionsTotal: this.#connectionsTotal,
      ...traffic,
      pendingBytes,
      unsentBytes: this.#unsentBytes,
      dropped: { ...this.#dropped },
      refusals: Object.assign(Object.create(null), Object.fromEntries(this.#refusals)) as Stats['refusals'],
    };
  }
}

function sum(one: Traffic, other: Traffic): Traffic {
  return {
    sentMessages: one.sentMessages + other.sentMessages,
    sentBytes: one.sentBytes + other.sentBytes,
    receivedMessages: one.receivedMessages + other.receivedMessages,
    receivedBytes: one.receivedBytes + other.receivedBytes,
  };
}
