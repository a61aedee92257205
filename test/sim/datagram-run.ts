/**
 * One run over datagrams: endpoints that send to each other while datagrams are lost, doubled, delayed past each other and damaged. No message arrives
 * damaged or twice, none that a mode calls late arrives at all, and the figures of loss are exact.
 *
 * Invariant: a run depends on its seed alone.
 */
import type { DatagramStats } from '../../src/endpoints/datagram-stats.ts';
import { IPC } from '../../src/ipc/ipc.ts';
import type { Server } from '../../src/ipc/server.ts';
import { seeded } from '../support/seeded.ts';
import { Clock, type Host } from './clock.ts';
import { Chance, drawFaults } from './faults.ts';
import { install } from './globals.ts';
import { draw, type Message, read, write } from './messages.ts';
import { Network } from './network.ts';
import type { Outcome } from './simulate.ts';
import { Trace } from './trace.ts';
import type { Violation } from './world.ts';

const ADDRESS = '127.0.0.1';
const FIRST_PORT = 9_000;
/** By the order that they promise. */
const EVENTS: readonly string[] = ['any', 'ordered', 'value'];
const STORM_MS = 1_000;
const CALM_MS = 5_000;
const LINES = 60;

interface End {
  readonly port: number;
  readonly host: Host;
  readonly server: Server;
  /** What was sent to each port, by series. */
  readonly sent: Map<number, Message[]>;
  /** Series and places that came. */
  readonly seen: Set<string>;
  readonly newest: Map<number, number>;
}

class DatagramRun {
  readonly violations: Violation[] = [];
  readonly clock: Clock;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly network: Network;
  readonly settings: object;
  delivered = 0;
  readonly #ends: End[];
  readonly #sizeMax: number;

  constructor(seed: number) {
    const random = seeded(seed);
    this.chance = new Chance(random);
    this.clock = new Clock({ failed: (error) => this.broken('uncaught', String((error as Error)?.stack)) });
    this.trace = new Trace(this.clock);
    const faults = { ...drawFaults(this.chance), latencyMs: random.pick([0.1, 20]) };
    this.network = new Network(this.clock, this.chance, faults, this.trace);
    const fragment = this.chance.hits(1 / 2);
    this.#sizeMax = fragment ? 6_000 : 900;
    const udp = {
      checksum: true,
      fragment,
      coalesce: this.chance.hits(0.7),
      coalesceMs: random.pick([0, 5]),
      replyFactor: 0,
      events: { ordered: { mode: 'sequenced' }, value: { mode: 'latest' } },
    };
    this.settings = { udp, faults };
    this.#ends = Array.from({ length: this.chance.between(2, 3) }, (_, index) => this.#open(index, udp));
  }

  readonly broken = (check: string, what: string): void => {
    this.trace.add(`BROKEN ${check}: ${what}`);
    this.violations.push({ check, what });
  };

  async go(): Promise<void> {
    const { clock, network } = this;
    for (const end of this.#ends) {
      clock.as(end.host, () => end.server.start());
      this.#plan(end);
    }
    const isOver = (): boolean => this.violations.length > 0;
    await clock.run(STORM_MS, isOver);
    network.heal();
    await clock.run(clock.nowMs + CALM_MS, isOver);
    // Behind these nothing is missing that will still come.
    const before = this.delivered;
    this.#each((from, to) => this.#send(from, to, 'any'));
    await clock.run(clock.nowMs + CALM_MS, isOver);
    const pairs = this.#ends.length * (this.#ends.length - 1);
    if (this.delivered < before + pairs)
      this.broken('liveness', `${this.delivered - before} of ${pairs} messages came`);
    this.#each((from, to) => this.#checkFigures(from, to));
    for (const { host, server } of this.#ends) clock.as(host, () => server.stop());
    await clock.run(clock.nowMs + CALM_MS, isOver);
    for (const { host } of this.#ends) {
      const left = clock.pendingOf(host);
      if (left > 0)
        this.broken('timers', `${host.name} is closed, and ${left} timers keep its process alive`);
    }
  }

  #open(index: number, udp: object): End {
    const host = { name: `end${index}`, isAlive: true, stoppedUntilMs: 0 };
    const port = FIRST_PORT + index;
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, codec: 'msgpack', udp });
    ipc.serveNet(ADDRESS, port, 'udp4');
    const server = ipc.server as Server;
    const end: End = { port, host, server, sent: new Map(), seen: new Set(), newest: new Map() };
    for (const event of EVENTS) server.on(event, (data: unknown) => this.#arrived(end, event, data));
    server.on('error', (error: Error) => this.broken('errors', `${host.name}: ${String(error.stack)}`));
    return end;
  }

  #plan(end: End): void {
    const { clock, chance } = this;
    clock.after(chance.pause(40), end.host, () => {
      if (clock.nowMs > STORM_MS) return;
      const others = this.#ends.filter((each) => each !== end);
      for (let count = chance.between(1, 20); count > 0; count--) {
        this.#send(end, chance.random.pick(others), chance.random.pick(EVENTS));
      }
      this.#plan(end);
    });
  }

  #send(from: End, to: End, event: string): void {
    const series = this.#series(from, to, event);
    const sent = from.sent.get(series) ?? [];
    from.sent.set(series, sent);
    const message = draw(this.chance, series, sent.length);
    const size = Math.min(message.size, this.chance.between(0, this.#sizeMax));
    sent.push({ ...message, size });
    this.clock.as(from.host, () => {
      from.server.emit({ address: ADDRESS, port: to.port }, event, write({ ...message, size }, 'msgpack'));
    });
  }

  #series(from: End, to: End, event: string): number {
    return (from.port - FIRST_PORT) * 100 + (to.port - FIRST_PORT) * 10 + EVENTS.indexOf(event);
  }

  #arrived(end: End, event: string, data: unknown): void {
    const message = read(data);
    const from = this.#ends.find((each) => message && this.#series(each, end, event) === message.series);
    const sent = message && from?.sent.get(message.series)?.[message.place];
    if (message === undefined || sent?.offset !== message.offset || sent.size !== message.size) {
      this.broken('corruption', `${end.host.name} got a message for ${event} that nobody has sent`);
      return;
    }
    this.delivered++;
    const { series, place } = message;
    const key = `${series}/${place}`;
    if (end.seen.has(key)) this.broken('at most once', `${end.host.name} got ${event} ${key} twice`);
    end.seen.add(key);
    const newest = end.newest.get(series) ?? -1;
    if (event !== 'any' && place < newest)
      this.broken('order', `${end.host.name} got ${event} ${key} behind ${newest}`);
    end.newest.set(series, Math.max(newest, place));
  }

  #each(visit: (from: End, to: End) => void): void {
    for (const from of this.#ends) for (const to of this.#ends) if (from !== to) visit(from, to);
  }

  /** What one side has sent is what the other has received or misses; of a damaged one nobody knows whose it was. */
  #checkFigures(from: End, to: End): void {
    if (this.network.damagedDatagrams > 0) return;
    const of = (end: End, other: End): DatagramStats['peers'][number] | undefined =>
      (end.server.stats() as DatagramStats).peers.find(({ port }) => port === other.port);
    const { sent = 0 } = of(from, to) ?? {};
    const { received = 0, duplicated = 0, late = 0, lost = 0 } = of(to, from) ?? {};
    if (sent !== received - duplicated - late + lost) {
      const what = `${received} received, ${duplicated} of them double, ${late} late, ${lost} lost`;
      this.broken('figures', `${from.host.name} to ${to.host.name}: ${sent} sent; ${what}`);
    }
  }
}

export async function runDatagrams(seed: number): Promise<Outcome> {
  const run = new DatagramRun(seed);
  const { clock, network, chance } = run;
  const restore = install(clock, network, chance.random);
  try {
    await run.go();
  } finally {
    restore();
  }
  return {
    seed,
    violations: run.violations,
    trace: run.trace.last(LINES),
    settings: run.settings,
    eventCount: clock.eventCount,
    deliveredCount: run.delivered,
    simulatedMs: clock.nowMs,
  };
}
