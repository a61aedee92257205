/**
 * How messages go to and fro, written once for all contestants. A shape gives each side the events of its endpoint and the moment to begin.
 *
 * Invariant: both sides count every message; the side that measures ends only when all of them have arrived.
 */
import type { Contestant, Endpoint, Events, Job, Peer } from '../contestant.ts';
import type { Latencies } from '../latencies.ts';
import { type Costs, type Measured, Window } from '../window.ts';

/** What a side prints when it is done. */
export interface SideReport {
  /** Messages that this side sent or received, whichever the shape counts. */
  readonly counted: number;
  /** Absent where nobody can tell. */
  readonly costs?: Costs | undefined;
  /** Of the side that measures. */
  readonly perSecond?: number | undefined;
  readonly latencies?: Latencies;
  /** Share of what was sent that did not arrive, over a transport that loses. */
  readonly lost?: number;
}

export interface Side {
  readonly contestant: Contestant;
  readonly job: Job;
  /** Messages of the whole measurement, over all peers. */
  readonly count: number;
  /** So many of them come before the clock runs. */
  readonly warm: number;
  /** Connections of the client side. */
  readonly peers: number;
  /** Questions in flight, of an echo. */
  readonly inFlight: number;
  /** Of an open loop. */
  readonly perSecond: number;
  /** The server listens. */
  readonly ready: (address: string | number) => void;
  readonly done: (report: SideReport) => void;
}

export interface Shape {
  /** Which side's figures are the result. */
  readonly measuring: 'server' | 'client';
  serve(side: Side): Promise<void>;
  connect(side: Side): Promise<void>;
}

/** A client's connection, once it is open. */
export async function openClient(
  { contestant, job }: Side,
  events: Omit<Events, 'opened'>,
): Promise<{ readonly endpoint: Endpoint; readonly peer: Peer }> {
  let opened: (peer: Peer) => void;
  const peer = new Promise<Peer>((resolve) => (opened = resolve));
  const endpoint = await contestant.connect(job, { ...events, opened: (own) => opened(own) });
  return { endpoint, peer: await peer };
}

export function ignore(): void {}

/** Counts up to a total, and opens the window when all is warm. */
export class Counter {
  readonly total: number;
  counted = 0;
  readonly #first: number;
  readonly #window = new Window();
  readonly #done: (measured: Measured, counted: number) => void;
  #next: number;
  #began = 0;

  constructor(
    { count, warm }: Pick<Side, 'count' | 'warm'>,
    done: (measured: Measured, counted: number) => void,
  ) {
    this.total = count;
    this.#first = this.#next = warm;
    this.#done = done;
  }

  add(messages: number): void {
    this.counted += messages;
    if (this.counted >= this.#next) this.#passed();
  }

  #passed(): void {
    if (this.#next === this.#first) {
      this.#next = this.total;
      this.#began = this.counted;
      this.#window.begin();
      if (this.counted < this.total) return;
    }
    if (this.counted > this.total) throw new Error(`${this.counted} messages where there are ${this.total}`);
    this.#done(this.#window.end(this.counted - this.#began), this.counted);
  }
}
