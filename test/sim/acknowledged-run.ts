/**
 * One run with `ack`: connections break in every way, processes die and come back, and what was accepted is handled exactly once as long as both
 * processes live, in both directions. After the storm everything has come and is acknowledged, and nothing is kept.
 *
 * Bits do not flip here: nothing on a stream notices that for the payload.
 *
 * Invariant: a run depends on its seed alone.
 */
import { PeerClient } from '../../src/api/client.ts';
import type { ConnectOptions, ListenOptions } from '../../src/api/options.ts';
import { PeerServer } from '../../src/api/server.ts';
import type { ServerPeer } from '../../src/api/server-peer.ts';
import type { ConnectionContext } from '../../src/connection/contracts.ts';
import { Actor, optionsOf, PLACE } from './actors.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts';
import type { Chance } from './faults.ts';
import { simulate } from './simulate.ts';
import { draw, read, write } from './messages.ts';
import { Once } from './once.ts';
import type { Outcome } from './simulate.ts';
import { planStorm, revive, settled } from './storm.ts';
import { EVENTS, insidesOf, type World } from './world.ts';

/** Longer than any run: a session ends with one of its processes. */
const SESSION_MS = 3_600_000;

/** Small enough to be reached. */
function drawLimits({ random }: Chance): Partial<Limits> {
  return {
    ackBytesMax: random.pick([20_000, 1_000_000, DEFAULT_LIMITS.ackBytesMax]),
    ackCountMax: random.pick([5, 200, DEFAULT_LIMITS.ackCountMax]),
    sessionTtlMs: SESSION_MS,
    totalPendingBytesMax: DEFAULT_LIMITS.totalPendingBytesMax,
  };
}

/** What is sent to whom, of the lives that there were. */
class Deliveries {
  readonly all: Once[] = [];
  readonly #byName = new Map<string, Once>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  between(sender: string, receiver: string): Once {
    const name = `${sender} to ${receiver}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const once = new Once(name, this.all.length, this.#world.broken);
    this.all.push(once);
    this.#byName.set(name, once);
    return once;
  }

  arrived(receiver: string, data: unknown): void {
    const { series = -1 } = read(data) ?? {};
    const once = this.all[series];
    if (once === undefined) this.#world.broken('corruption', `${receiver} got no message of ours`);
    else once.arrived(receiver, data);
  }
}

/** What has a session: a client, or a server's peer. */
interface Sending {
  send(event: string, data: unknown): boolean;
  stats(): { readonly unacknowledged: { readonly messages: number } };
}

abstract class AcknowledgedActor extends Actor {
  protected readonly deliveries: Deliveries;

  constructor(world: World, name: string, deliveries: Deliveries) {
    super(world, name);
    this.deliveries = deliveries;
  }

  abstract get context(): ConnectionContext | undefined;
  abstract get unacknowledged(): number;
  abstract end(): Promise<void>;

  close(): void {
    this.isClosing = true;
    const { world, host } = this;
    world.clock.as(host, () =>
      world.await(host, 'close', this.end(), (error) => world.reported(host, error, undefined)),
    );
  }

  protected burstTo(peer: Sending, once: Once): void {
    const { chance, settings } = this.world;
    const count = chance.between(1, settings.burst);
    for (let n = 0; n < count; n++) {
      const message = draw(chance, once.series, once.sentCount, settings.heavy);
      const before = peer.stats().unacknowledged.messages;
      peer.send(chance.random.pick(EVENTS), write(message, settings.codec));
      const { messages } = peer.stats().unacknowledged;
      if (messages > before) once.sent(message);
      if (messages > settings.limits.ackCountMax)
        this.world.broken('bounds', `${messages} messages are kept`);
    }
  }

  protected heard(error: Error): void {
    const { world, host } = this;
    const { code } = error as { code?: unknown };
    if (code === 'ERR_RINGWIRE_UNACKNOWLEDGED' && !this.isClosing)
      world.broken('exactly once', `${host.name}: ${error.message}`);
    world.reported(host, error, undefined);
  }
}

class Serving extends AcknowledgedActor {
  server!: PeerServer;
  /** Of each client's life the last connection. */
  readonly peers = new Map<string, ServerPeer>();

  get context(): ConnectionContext | undefined {
    const [peer] = this.peers.values();
    return peer && insidesOf(peer).endpoint.context;
  }

  override end(): Promise<void> {
    return this.server.close();
  }

  get unacknowledged(): number {
    return this.server.stats().unacknowledged.messages;
  }

  sendTo(client: string): void {
    const peer = this.peers.get(client);
    if (peer !== undefined) this.burstTo(peer, this.deliveries.between(this.host.name, client));
  }

  protected override begin(): void {
    const { world, host, peers } = this;
    peers.clear();
    const server = (this.server = new PeerServer(PLACE, acknowledged(world) as ListenOptions, {}));
    for (const event of EVENTS) server.on(event, (data) => this.deliveries.arrived(host.name, data));
    server.lifecycle.on('connect', (peer) => void peers.set(String(peer.id), peer));
    server.lifecycle.on('error', (error) => this.heard(error));
    world.await(host, 'listen', server.start(), (error) => world.reported(host, error, undefined));
  }

  /** Also to those who are away. */
  protected override act(): void {
    const clients = [...this.peers.keys()];
    if (clients.length > 0) this.sendTo(this.world.chance.random.pick(clients));
  }
}

class Asking extends AcknowledgedActor {
  client!: PeerClient;

  get context(): ConnectionContext {
    return insidesOf(this.client).endpoint.context;
  }

  override end(): Promise<void> {
    return this.client.close();
  }

  get unacknowledged(): number {
    return this.client.stats().unacknowledged.messages;
  }

  /** Also while it is not connected. */
  override act(): void {
    this.burstTo(this.client, this.deliveries.between(this.host.name, 'server'));
  }

  protected override begin(): void {
    const { world, host } = this;
    const { reconnect } = world.settings;
    const options = { ...acknowledged(world), id: host.name, wait: true, timeout: 0, reconnect };
    const client = (this.client = new PeerClient(PLACE, options as ConnectOptions, {}));
    for (const event of EVENTS) client.on(event, (data) => this.deliveries.arrived(host.name, data));
    client.lifecycle.on('error', (error) => this.heard(error));
    world.await(host, 'connect', client.start(), (error) => world.reported(host, error, undefined));
  }
}

function acknowledged(world: World): object {
  return { ...optionsOf(world), ack: true, slowConsumer: 'drop-newest' };
}

export function runAcknowledged(seed: number): Promise<Outcome> {
  return simulate(seed, async (world) => {
    world.network.faults = { ...world.network.faults, corruption: 0 };
    Object.assign(world.settings.limits, drawLimits(world.chance));
    const deliveries = new Deliveries(world);
    await go(world, deliveries);
    return deliveries.all.reduce((sum, { deliveredCount }) => sum + deliveredCount, 0);
  });
}

async function go(world: World, deliveries: Deliveries): Promise<void> {
  const { clock, chance, network, settings } = world;
  const server = new Serving(world, 'server', deliveries);
  const clients = Array.from(
    { length: settings.clients },
    (_, n) => new Asking(world, `client${n}`, deliveries),
  );
  const actors = [server, ...clients];
  server.start();
  for (const client of clients) clock.after(chance.pause(20), undefined, () => client.start());
  planStorm(world, server, clients, () => {
    const open = network.links.filter(
      ({ ends, isSilent }) => !isSilent && ends.every((end) => !end.isClosed),
    );
    if (open.length > 0) network.silence(chance.random.pick(open));
  });
  await clock.run(settings.stormMs, () => world.violations.length > 0);
  world.isCalm = true;
  world.trace.add('calm');
  network.heal();
  for (const actor of actors) {
    actor.host.stoppedUntilMs = 0;
    revive(world, actor);
  }
  const live = (): Once[] =>
    clients.flatMap(({ host }) => [
      deliveries.between(host.name, 'server'),
      deliveries.between(server.host.name, host.name),
    ]);
  const left = (): string | undefined =>
    clients.find(({ host }) => !server.peers.has(host.name))?.name ??
    live().find(({ missing }) => missing !== undefined)?.missing;
  if (!(await settled(world, 'everything that was accepted comes', left))) return;
  for (const client of clients) {
    clock.as(client.host, () => client.act());
    clock.as(server.host, () => server.sendTo(client.host.name));
  }
  if (!(await settled(world, 'messages each way arrive', left))) return;
  const kept = (): string | undefined =>
    clients.find(({ unacknowledged }) => unacknowledged > 0)?.name ?? world.awaited.keys().next().value;
  if (!(await settled(world, 'everything is acknowledged', kept))) return;
  for (const client of clients) client.close();
  const open = (): string | undefined => world.awaited.keys().next().value;
  if (!(await settled(world, 'clients close', open))) return;
  server.close();
  if (!(await settled(world, 'the server closes', open))) return;
  await clock.run(clock.nowMs + 1_000, () => false);
  for (const { name, context } of actors) {
    const { kept: bytes, keptPool } = context?.sessions ?? {};
    if (bytes !== undefined && bytes.bytes !== 0)
      world.broken('memory', `${name} keeps ${bytes.bytes} bytes`);
    if (keptPool !== undefined && keptPool.inUseCount !== 0)
      world.broken('memory', `${name} holds ${keptPool.inUseCount} slabs`);
  }
}
