/**
 * One run: a storm in which everything that the seed draws goes wrong, then calm. Afterwards everybody has to be connected, everything has to have
 * arrived, and when all is closed nothing may be left.
 *
 * Invariant: a run depends on its seed alone; two runs of one seed have the same trace.
 */
import { ClientActor, ServerActor } from './actors.ts';
import { type Outcome, simulate } from './simulate.ts';
import { isOver, planStorm, revive, settled } from './storm.ts';
import type { World } from './world.ts';

export function runSeed(seed: number): Promise<Outcome> {
  return simulate(seed, async (world) => {
    await new Run(world).go();
    let deliveredCount = 0;
    for (const { up, down } of world.flows.values())
      deliveredCount += up.deliveredCount + down.deliveredCount;
    return deliveredCount;
  });
}

class Run {
  readonly world: World;
  readonly #server: ServerActor;
  readonly #clients: readonly ClientActor[];

  constructor(world: World) {
    this.world = world;
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
    planStorm(world, this.#server, this.#clients, () => this.#silence());
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
    return isOver(this.world);
  }

  /** @param missing what is not as it should be, undefined when all is */
  #until(goal: string, missing: () => string | undefined): Promise<boolean> {
    return settled(this.world, goal, missing);
  }

  /** A connection carries nothing for a while: who waits for signs of life has to notice. */
  #silence(): void {
    const { clock, chance, network, settings } = this.world;
    const client = chance.random.pick(this.#clients);
    const { link } = client;
    if (link === undefined || link.isSilent || ![...this.#server.peers.values()].includes(link)) return;
    this.world.trace.add(`link ${link.id} goes silent`);
    network.silence(link);
    const { silenceCount } = link;
    const { heartbeatMs, heartbeatMissesMax, closeTimeoutMs } = settings.limits;
    const noticeMs = Math.max(heartbeatMs * heartbeatMissesMax, closeTimeoutMs) + 3_000;
    const forMs = chance.hits(1 / 2) ? Infinity : 5_000 * chance.fraction();
    if (forMs < Infinity) clock.after(forMs, undefined, () => network.speakAgain(link));
    clock.after(noticeMs, undefined, () => {
      // It may have spoken meanwhile, and be silent again.
      const isFair = link.isSilent && link.silenceCount === silenceCount && this.world.isSteady;
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
      revive(world, actor);
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
      const bytes = (memory?.bytes ?? 0) + (memory?.receivingBytes ?? 0);
      if (bytes !== 0) return `${name} accounts for ${bytes} bytes`;
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
    for (const { name, host, context } of [this.#server, ...this.#clients]) {
      const watched = context?.watchdog.connections.size ?? 0;
      if (watched > 0) world.broken('watchdog', `${name} is closed, and watches ${watched} connections`);
      const left = world.clock.pendingOf(host);
      if (left > 0) world.broken('timers', `${name} is closed, and ${left} timers keep its process alive`);
    }
  }
}
