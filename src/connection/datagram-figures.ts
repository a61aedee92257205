/**
 * What is counted for one peer, on every datagram: cheap enough to be always on.
 *
 * Invariant: counters only grow, but for `lost`, which shrinks when a datagram that was missing comes after all.
 */
import { SequenceWindow } from './sequence-window.ts';

/** The figures of one peer, or of several added up. */
export interface DatagramFigures {
  /** Datagrams, messages and bytes (of datagrams, without the headers of IP and UDP) in each direction. */
  readonly sent: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  /** Datagrams from the peer that have not come. */
  readonly lost: number;
  /** Came behind one that was sent later. */
  readonly reordered: number;
  /** Came twice; the second one was not delivered. */
  readonly duplicated: number;
  /** Came more than the window late, and were not delivered. */
  readonly late: number;
  /** Messages that were not delivered because a newer one had been, in the modes 'sequenced' and 'latest'. */
  readonly stale: number;
  /** Messages that were replaced by a newer value before they were sent or delivered, in the mode 'latest'. */
  readonly replaced: number;
  /** Messages or datagrams that were given up before they were sent: older than maxAgeMs, or the queue was full. */
  readonly expired: number;
  readonly refused: number;
  /** Datagrams that the limit on answers to unproven sources kept back for good. */
  readonly limited: number;
  /** Datagrams, or what followed in them, and messages that were refused: see `faults` of the endpoint. */
  readonly faults: number;
  /** Interarrival jitter in milliseconds (RFC 3550); 0 without timing. */
  readonly jitterMs: number;
}

/** Weight of a new difference in the jitter, RFC 3550 section 6.4.1. */
const JITTER_SHARE: number = 1 / 16;

export class PeerFigures {
  sent = 0;
  sentMessages = 0;
  sentBytes = 0;
  received = 0;
  receivedMessages = 0;
  receivedBytes = 0;
  stale = 0;
  replaced = 0;
  expired = 0;
  refused = 0;
  limited = 0;
  faults = 0;
  jitterMs = 0;
  /** Made with the first datagram that has a sequence. */
  #window: SequenceWindow | undefined = undefined;
  /** Transit time of the last datagram by both clocks, whose zeros differ. */
  #transitUs = 0;
  #hasTransit = false;

  get window(): SequenceWindow {
    return (this.#window ??= new SequenceWindow());
  }

  /** Adds one datagram's times, as 32 bits, to the jitter. Both clocks run modulo 2^32 microseconds. */
  timed(sentUs: number, nowUs: number): void {
    const transit = (nowUs - sentUs) | 0;
    if (this.#hasTransit) {
      const difference = Math.abs((transit - this.#transitUs) | 0) / 1_000;
      this.jitterMs += (difference - this.jitterMs) * JITTER_SHARE;
    }
    this.#hasTransit = true;
    this.#transitUs = transit;
  }

  read(): DatagramFigures {
    const { lost = 0, reordered = 0, duplicated = 0, late = 0 } = this.#window ?? {};
    return {
      sent: this.sent,
      sentMessages: this.sentMessages,
      sentBytes: this.sentBytes,
      received: this.received,
      receivedMessages: this.receivedMessages,
      receivedBytes: this.receivedBytes,
      lost,
      reordered,
      duplicated,
      late,
      stale: this.stale,
      replaced: this.replaced,
      expired: this.expired,
      refused: this.refused,
      limited: this.limited,
      faults: this.faults,
      jitterMs: this.jitterMs,
    };
  }
}

/** The sum of both; of the jitter the larger one. */
export function addFigures(a: DatagramFigures, b: DatagramFigures): DatagramFigures {
  const sum: Record<string, number> = {};
  for (const key of Object.keys(a) as (keyof DatagramFigures)[]) sum[key] = a[key] + b[key];
  return { ...(sum as unknown as DatagramFigures), jitterMs: Math.max(a.jitterMs, b.jitterMs) };
}
