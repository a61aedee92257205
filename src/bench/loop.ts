/**
 * Both ends of a scenario in one process, over a real socket and in step: a burst of messages leaves, arrives, the next one leaves. Nothing
 * depends on how two processes are scheduled, so what a message costs is the same on a busy machine: that is what the gate counts.
 *
 * Invariant: `send` resolves only when every message has arrived and was looked at.
 */
import type { Contestant, Endpoint, Job, Peer } from './contestant.ts';
import type { Scenario } from './scenarios.ts';

/** A burst is about what one slab holds, and no more messages than this. */
const BURST_BYTES: number = 64 * 1024;
const BURST_MAX = 1_000;

export class Loop {
  readonly scenario: Scenario;
  readonly #server: Endpoint;
  readonly #client: Endpoint;
  readonly #peer: Peer;
  readonly #arrivals: Arrivals;
  readonly #burst: number;

  private constructor(
    scenario: Scenario,
    server: Endpoint,
    client: Endpoint,
    peer: Peer,
    arrivals: Arrivals,
  ) {
    this.scenario = scenario;
    this.#server = server;
    this.#client = client;
    this.#peer = peer;
    this.#arrivals = arrivals;
    this.#burst = burstOf(scenario);
  }

  static async open(scenario: Scenario, contestant: Contestant, job: Job): Promise<Loop> {
    const arrivals: Arrivals = { count: 0, awaited: 0, arrived: ignore };
    const count = (_peer: Peer, messages: number): void => {
      arrivals.count += messages;
      if (arrivals.count >= arrivals.awaited) arrivals.arrived();
    };
    const echoes = scenario.shape === 'echo';
    const server: Endpoint = await contestant.serve(job, {
      opened: ignore,
      received: echoes ? (peer) => void server.send(peer) : count,
      drained: ignore,
    });
    let opened: (peer: Peer) => void;
    const peer = new Promise<Peer>((resolve) => (opened = resolve));
    const client = await contestant.connect(
      { ...job, address: server.address },
      { opened: (own) => opened(own), received: echoes ? count : ignore, drained: ignore },
    );
    return new Loop(scenario, server, client, await peer, arrivals);
  }

  /** Sends at least so many messages, in whole bursts. @returns how many */
  async send(messages: number): Promise<number> {
    const bursts = Math.ceil(messages / this.#burst);
    for (let burst = 0; burst < bursts; burst++) await this.#sendBurst();
    return bursts * this.#burst;
  }

  close(): void {
    this.#client.close();
    this.#server.close();
  }

  #sendBurst(): Promise<void> {
    const arrivals = this.#arrivals;
    arrivals.awaited = arrivals.count + this.#burst;
    return new Promise((resolve) => {
      arrivals.arrived = resolve;
      for (let index = 0; index < this.#burst; index++) this.#client.send(this.#peer);
    });
  }
}

interface Arrivals {
  count: number;
  awaited: number;
  arrived: () => void;
}

function burstOf({ shape, data }: Scenario): number {
  if (shape === 'echo') return 1;
  const bytes = typeof data === 'number' ? data : JSON.stringify(data).length;
  return Math.max(1, Math.min(BURST_MAX, Math.floor(BURST_BYTES / bytes)));
}

function ignore(): void {}
