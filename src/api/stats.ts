/**
 * What can be seen of an endpoint or a peer from inside, as plain data. Counting costs an addition for each message; everything else is worked
 * out when somebody asks.
 *
 * Invariant: totals only grow, also over reconnects and over peers that are gone.
 */
import type { Traffic } from '../connection/contracts.ts';
import type { Dropped } from '../connection/counters.ts';
import type { Unacknowledged } from '../connection/link.ts';
import { Histogram, type RoundTrips } from './histogram.ts';

/** What has passed in one direction. */
export interface Flow {
  readonly messages: number;
  readonly bytes: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What `stats()` of a peer tells. */
export interface Stats {
  /** When they were taken, on the clock of `performance.now()`. */
  readonly atMs: number;
  /** How long there has been something to count. */
  readonly openMs: number;
  readonly sent: Flow;
  readonly received: Flow;
  /** Bytes that wait to leave. */
  readonly pendingBytes: number;
  /** With `ack`: accepted and not acknowledged. */
  readonly unacknowledged: Unacknowledged;
  readonly requests: {
    /** Of this side, without an answer. */
    readonly open: number;
    /** Of this side, waiting for their turn. */
    readonly queued: number;
    /** Of the other side, in the hands of handlers. */
    readonly handled: number;
  };
  /** What was refused in either direction, by error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Of requests that were answered, in microseconds. */
  readonly roundTripUs: RoundTrips;
}

/** Of a whole endpoint. */
export interface EndpointStats extends Stats {
  /** Messages that the policy for slow peers did not let leave: refused, older ones given up, replaced by newer ones. */
  readonly dropped: Readonly<Record<Dropped, number>>;
}

export interface ServerStats extends EndpointStats {
  /** Connected now. */
  readonly peers: number;
  /** Ever connected. */
  readonly peersTotal: number;
  /** With `ack`: clients that are gone and may come back. */
  readonly peersAway: number;
}

/** What is counted for one peer, or for those that are gone. */
export class Tally {
  readonly startMs: number;
  readonly roundTrips: Histogram = new Histogram();
  readonly refused: Map<string, number> = new Map();
  traffic: Traffic = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

  constructor(startMs: number = performance.now()) {
    this.startMs = startMs;
  }

  refuse(error: Error, count = 1): void {
    const code = String((error as { code?: unknown }).code ?? error.name);
    this.refused.set(code, (this.refused.get(code) ?? 0) + count);
  }

  addTraffic(more: Traffic): void {
    this.traffic = sum(this.traffic, more);
  }

  addTo(other: Tally): void {
    other.addTraffic(this.traffic);
    this.roundTrips.addTo(other.roundTrips);
    for (const [code, count] of this.refused) other.refused.set(code, (other.refused.get(code) ?? 0) + count);
  }
}

export function sum(a: Traffic, b: Traffic): Traffic {
  return {
    sentMessages: a.sentMessages + b.sentMessages,
    sentBytes: a.sentBytes + b.sentBytes,
    receivedMessages: a.receivedMessages + b.receivedMessages,
    receivedBytes: a.receivedBytes + b.receivedBytes,
  };
}

/** What is so at the moment, beside the tally. */
export type Present = Pick<Stats, 'pendingBytes' | 'unacknowledged' | 'requests'>;

/** @param previous rates count since then, otherwise since the start */
export function statsOf(tally: Tally, present: Present, previous: Stats | undefined): Stats {
  const atMs = performance.now();
  const { traffic } = tally;
  const seconds = (atMs - (previous?.atMs ?? tally.startMs)) / 1_000;
  return {
    atMs,
    openMs: atMs - tally.startMs,
    sent: flow(traffic.sentMessages, traffic.sentBytes, previous?.sent, seconds),
    received: flow(traffic.receivedMessages, traffic.receivedBytes, previous?.received, seconds),
    ...present,
    refused: Object.fromEntries(tally.refused),
    roundTripUs: tally.roundTrips.roundTrips,
  };
}

function flow(messages: number, bytes: number, previous: Flow | undefined, seconds: number): Flow {
  return {
    messages,
    bytes,
    messagesPerSecond: perSecond(messages - (previous?.messages ?? 0), seconds),
    bytesPerSecond: perSecond(bytes - (previous?.bytes ?? 0), seconds),
  };
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
