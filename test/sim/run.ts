/**
 * One run: a storm in which everything that the seed draws goes wrong, then calm. Afterwards everybody has to be connected, everything has to have
 * arrived, and when all is closed nothing may be left.
 *
 * Invariant: a run depends on its seed alone; two runs of one seed have the same trace.
 */
import { seeded } from '../support/seeded.ts';
import { ClientActor, ServerActor } from './actors.ts';
import { install } from './globals.ts';
import { type Violation, World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The last steps. */
  readonly trace: readonly string[];
  readonly settings: object;
  readonly eventCount: number;
  readonly deliveredCount: number;
  readonly simulatedMs: number;
}

/** After the storm: three heartbeats of 15 s, pauses between tries, a machine that does not answer. */
const SETTLE_MS = 200_000;
const LINES = 60;
const DARK_MS_MAX = 3_000;
/** An event that asks for another one at the same time for ever would never end. */
const EVENTS_MAX = 3_000_000;

export async function runSeed(seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const run = new Run(new World(random));
  const { world } = run;
  const caught = (error: unknown): void => world.broken('uncaught', String((error as Error)?.stack ?? error));
  process.on('uncaughtException', caught);
  process.on('unhandledRejection', caught);
  const restore = install(world.clock, world.network, random);
  try {
    await run.go();
  } finally {
    restore();
    process.off('uncaughtException', caught);
    process.off('unhandledRejection', caught);
  }
  let deliveredCount = 0;
  for (const { up, down } of world.flows.values()) deliveredCount += up.deliveredCount + down.deliveredCount;
  const { clock, violations, settings, network } = world;
  return {
    seed,
    violations,
    trace: world.trace.last(LINES),
    settings: { ...settings, faults: run.faults, now: network.faults },
    eventCount: clock.eventCount,
    deliveredCount,
    simulatedMs: clock.nowMs,
  };
}

class Run {
  readonly world: World;
  readonly faults: object;
  readonly #server: ServerActor;
  readonly #clients: readonly ClientActor[];

  constructor(world: World) {
    this.world = world;
    this.faults = world.network.faults;
    this.#server = new ServerActor(world, 'server');
    this.#clients = Array.from(
      { length: world.settings.clients },
      (_, index) => new ClientActor(world, `client${index}`),
    );
  }

  async go(): Promise<void> {
    const { world } = this;
    const { clock, chance, network, settings } = world;
    network.onConnect = (host) => this.#clients.find((client) => client.host === host)?.tries();
    network.rewrap = settings.rewrap;
    this.#server.start();
    for (const client of this.#clients) clock.after(chance.pause(20), undefined, () => client.start());
    this.#planStorm();
    await clock.run(settings.stormMs, () => this.#isOver);
    this.#calm();
    if (!(await this.#until('everybody is connected and everything has come', () => this.#unsettled))) return;
    this.#server.greetAll();
    for (const client of this.#clients) clock.as(client.host, () => client.greet());
    if (!(await this.#until('a message each way arrives', () => this.#unsettled))) return;
    if (!(await this.#until('nothing waits any more', () => this.#unaccounted))) return;
    for (const client of this.#clients) client.close();
    this.#server.close();
    if (!(await this.#until('everything closes', () => this.#unclosed))) return;
    // Handlers that were at work when the connection went come to their end.
    await clock.run(clock.nowMs + 1_000, () => this.#isOver);
    this.#checkGone();
  }

  get #isOver(): boolean {
    const { clock, violations } = this.world;
    if (clock.eventCount > EVENTS_MAX && violations.length === 0)
      this.world.broken('endless', 'events without end');
    return violations.length > 0;
  }

  /** @param missing what is not as it should be, undefined when all is */
  async #until(goal: string, missing: () => string | undefined): Promise<boolean> {
    const { clock } = this.world;
    const deadline = clock.nowMs + SETTLE_MS;
    let lookMs = 0;
    const isDone = (): boolean => {
      if (this.#isOver) return true;
      if (clock.nowMs < lookMs) return false;
      lookMs = clock.nowMs + 10;
      return missing() === undefined;
    };
    await clock.run(deadline, isDone);
    if (this.#isOver) return false;
    const found = missing();
    if (found === undefined) return true;
    this.world.broken('liveness', `${goal}: not within ${SETTLE_MS} ms: ${found}`);
    return false;
  }

  #planStorm(): void {
    const { network, chance } = this.world;
    const { clientCrashMs, serverCrashMs, stopMs, silenceMs } = network.faults;
    const actors = [this.#server, ...this.#clients];
    this.#every(serverCrashMs, () => this.#crash(this.#server));
    this.#every(clientCrashMs, () => this.#crash(chance.random.pick(this.#clients)));
    this.#every(stopMs, () => {
      const { host } = chance.random.pick(actors);
      host.stoppedUntilMs = this.world.clock.nowMs + 3_000 * chance.fraction();
      this.world.trace.add(`${host.name} is stopped until ${host.stoppedUntilMs.toFixed(0)} ms`);
    });
    this.#every(silenceMs, () => this.#silence());
  }

  #every(meanMs: number, happen: () => void): void {
    if (meanMs === Infinity) return;
    const { clock, chance } = this.world;
    clock.after(chance.pause(meanMs), undefined, () => {
      if (this.world.isCalm) return;
      happen();
      this.#every(meanMs, happen);
    });
  }

  #crash(actor: ServerActor | ClientActor): void {
    const { clock, chance, network } = this.world;
    if (!actor.isAlive) return;
    actor.crash(chance.hits(network.faults.powerLoss));
    clock.after(DARK_MS_MAX * chance.fraction() ** 2, undefined, () => this.#revive(actor));
  }

  #revive(actor: ServerActor | ClientActor): void {
    if (actor.isAlive) return;
    this.world.network.reboot(actor.host);
    actor.start();
  }

  /** A connection carries nothing for a while: who waits for signs of life has to notice. */
  #silence(): void {
    const { clock, chance, network, settings } = this.world;
    const client = chance.random.pick(this.#clients);
    const { link } = client;
    if (link === undefined || link.isSilent || ![...this.#server.peers.values()].includes(link)) return;
    this.world.trace.add(`link ${link.id} goes silent`);
    network.silence(link);
    const { heartbeatMs, heartbeatMissesMax, closeTimeoutMs } = settings.limits;
    const noticeMs = Math.max(heartbeatMs * heartbeatMissesMax, closeTimeoutMs) + 3_000;
    const forMs = chance.hits(1 / 2) ? Infinity : 5_000 * chance.fraction();
    if (forMs < Infinity) clock.after(forMs, undefined, () => network.speakAgain(link));
    clock.after(noticeMs, undefined, () => {
      const isFair = link.isSilent && this.world.isSteady;
      for (const end of link.ends) {
        if (isFair && !end.isClosed && end.host.isAlive && !end.isDark) {
          this.world.broken('detection', `${end.name}: silent for ${noticeMs} ms, and nobody has noticed`);
        }
      }
    });
  }

  #calm(): void {
    const { world } = this;
    world.isCalm = true;
    world.trace.add('calm');
    world.network.heal();
    for (const actor of [this.#server, ...this.#clients]) {
      actor.host.stoppedUntilMs = 0;
      this.#revive(actor);
      if (actor instanceof ClientActor) actor.open();
    }
  }

  get #unsettled(): string | undefined {
    const { world } = this;
    const links = new Set(this.#server.peers.values());
    for (const { name, link } of this.#clients) {
      if (link === undefined) return `${name} is not connected`;
      if (!links.has(link)) return `the server does not know link ${link.id}`;
      const { up, down } = world.flowsOf(link);
      for (const flow of [up, down]) if (!flow.isComplete) return `${flow.name}: ${flow.missing}`;
    }
    if (links.size > this.#clients.length) return 'the server has connections that are gone';
    for (const name of world.awaited.keys()) return `${name} does not settle`;
    return undefined;
  }

  get #unclosed(): string | undefined {
    for (const name of this.world.awaited.keys()) return `${name} does not settle`;
    for (const { ends } of this.world.network.links) {
      for (const end of ends) if (!end.isClosed && end.host.isAlive) return `${end.name} is open`;
    }
    return undefined;
  }

  /** Nothing is under way: nothing may be accounted for, and no memory held. */
  get #unaccounted(): string | undefined {
    for (const { name, context } of [this.#server, ...this.#clients]) {
      const { memory, pool } = context ?? {};
      if (memory !== undefined && memory.bytes !== 0) return `${name} accounts for ${memory.bytes} bytes`;
      if (pool !== undefined && pool.inUseCount !== 0) return `${name} holds ${pool.inUseCount} slabs`;
    }
    return undefined;
  }

  #checkGone(): void {
    const { world } = this;
    for (const { link, flow } of world.closed) {
      if (link.fault === undefined && !flow.isComplete && !flow.isCorrupted) {
        world.broken('close', `${flow.name}: ${flow.missing}, and it was closed without a fault`);
      }
    }
    for (const { name, host } of [this.#server, ...this.#clients]) {
      const left = world.clock.pendingOf(host);
      if (left > 0) world.broken('timers', `${name} is closed, and ${left} timers keep its process alive`);
    }
  }
}
