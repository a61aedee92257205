/**
 * One run of the node-ipc face on node-ipc's wire, in half of the seeds in sync mode. Plain messages come in order, at most once and whole, and without
 * gaps as long as their connection lasts. In sync mode a client has one message under way: none is missing, and only that one may come again, over the
 * next connection.
 *
 * Bits do not flip here: a text with another letter is a message as well. Invariant: a run depends on its seed alone.
 */
import { IPC } from '../../src/ipc/ipc.ts';
import type { Client } from '../../src/ipc/client.ts';
import type { PeerSocket, Server } from '../../src/ipc/server.ts';
import { Actor } from './actors.ts';
import type { Host } from './clock.ts';
import type { Outcome } from './simulate.ts';
import { simulate } from './simulate.ts';
import type { FakeSocket } from './sockets.ts';
import { planStorm, revive, settled } from './storm.ts';
import { EVENTS, PORT, type World } from './world.ts';

const HOST = '127.0.0.1';
const PEER = 'peer';
const NOTICE_MS = 15_000;

interface Wire {
  readonly sync: boolean;
  readonly delimiter: string;
}

interface Text {
  readonly from: string;
  readonly place: number;
  readonly text: string;
}

function textOf(place: number): string {
  return `${'node-ipc '.repeat((place * 37) % 900)}${place}`;
}

/** Nothing damages bytes: nobody may find any that are. */
function heard(world: World, host: Host, error: Error): void {
  const { code } = error as { code?: unknown };
  if (/^ERR_RINGWIRE_(?:INVALID|BAD|FRAME_TOO)_/.test(String(code)))
    world.broken('wire', `${host.name}: ${error.message}`);
  world.reported(host, error, undefined);
}

/** What has come from one life of a client. */
class Arrivals {
  count = 0;
  last = -1;
  readonly #isSync: boolean;
  readonly #broken: (check: string, what: string) => void;
  #link = -1;

  constructor(isSync: boolean, broken: (check: string, what: string) => void) {
    this.#isSync = isSync;
    this.#broken = broken;
  }

  arrived(link: number, { from, place, text }: Text): void {
    this.count++;
    const isNew = link !== this.#link;
    const what = `${from}: ${place} came behind ${this.last}`;
    if (text !== textOf(place)) this.#broken('corruption', `${from}: ${place} is not what was sent`);
    if (place > this.last + 1 && (this.#isSync || !isNew)) this.#broken('loss', what);
    const isAgain = this.#isSync && isNew && place === this.last;
    if (place <= this.last && !isAgain) this.#broken('at most once', what);
    this.#link = link;
    this.last = Math.max(this.last, place);
  }
}

class ServerProgram extends Actor {
  readonly #settings: Wire;
  readonly arrivals = new Map<string, Arrivals>();
  /** Clients whose answer is on its way. */
  readonly #asked = new Set<PeerSocket>();
  server!: Server;

  constructor(world: World, settings: Wire) {
    super(world, 'server');
    this.#settings = settings;
  }

  protected override begin(): void {
    const { world, host } = this;
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, ...this.#settings });
    ipc.serveNet(HOST, PORT);
    this.server = ipc.server as Server;
    this.server.on('error', (error: Error) => heard(world, host, error));
    for (const event of EVENTS) {
      this.server.on(event, (data: Text, socket: PeerSocket) => {
        const { link } = socket as unknown as FakeSocket;
        this.of(data.from).arrived(link?.id ?? -1, data);
        if (this.#settings.sync) this.#answer(socket, data.place);
      });
    }
    this.server.start();
  }

  /** At once or later: what comes meanwhile should have waited. */
  #answer(socket: PeerSocket, place: number): void {
    const { chance, broken } = this.world;
    if (this.#asked.has(socket)) broken('window', 'two messages of one client are under way');
    const answer = (): void => {
      this.#asked.delete(socket);
      this.server.emit(socket, 'answer', place);
    };
    if (chance.hits(1 / 2)) answer();
    else {
      this.#asked.add(socket);
      setTimeout(answer, 20 * chance.fraction());
    }
  }

  of(client: string): Arrivals {
    const known = this.arrivals.get(client) ?? new Arrivals(this.#settings.sync, this.world.broken);
    this.arrivals.set(client, known);
    return known;
  }

  protected override act(): void {}
}

class ClientProgram extends Actor {
  readonly #settings: Wire;
  isConnected = false;
  sent = 0;
  ipc!: IPC;

  constructor(world: World, name: string, settings: Wire) {
    super(world, name);
    this.#settings = settings;
  }

  get client(): Client {
    return this.ipc.of[PEER] as Client;
  }

  protected override begin(): void {
    const { world, host } = this;
    const ipc = (this.ipc = new IPC());
    Object.assign(ipc.config, { silent: true, retry: 50, syncTimeout: 3_600_000, ...this.#settings });
    this.sent = 0;
    this.isConnected = false;
    ipc.connectToNet(PEER, HOST, PORT);
    this.client.on('connect', () => (this.isConnected = true));
    this.client.on('disconnect', () => (this.isConnected = false));
    this.client.on('error', (error: Error) => heard(world, host, error));
  }

  /** Without sync what is sent without a connection goes nowhere. */
  override act(): void {
    const { chance, settings } = this.world;
    if (!this.isConnected && !this.#settings.sync) return;
    for (let left = chance.between(1, settings.burst); left > 0; left--) {
      const place = this.sent++;
      const text = { from: this.host.name, place, text: textOf(place) };
      this.client.emit(chance.random.pick(EVENTS), text);
    }
  }
}

export function runIpc(seed: number): Promise<Outcome> {
  return simulate(seed, async (world) => {
    world.network.faults = { ...world.network.faults, corruption: 0 };
    const { chance } = world;
    const settings = { sync: chance.hits(1 / 2), delimiter: chance.random.pick(['\f', '\r\n']) };
    const server = new ServerProgram(world, settings);
    await go(world, server, settings);
    return Array.from(server.arrivals.values()).reduce((sum, { count }) => sum + count, 0);
  });
}

async function go(world: World, server: ServerProgram, wire: Wire): Promise<void> {
  const { clock, chance, network, settings } = world;
  network.rewrap = settings.rewrap;
  const clients = Array.from(
    { length: settings.clients },
    (_, index) => new ClientProgram(world, `client${index}`, wire),
  );
  server.start();
  for (const client of clients) clock.after(chance.pause(20), undefined, () => client.start());
  // node-ipc's wire has no signs of life: a connection that carries nothing is noticed by the system alone, when the other machine is up again.
  network.hasKeepAlive = true;
  planStorm(world, server, clients, () => {});
  await clock.run(settings.stormMs, () => world.violations.length > 0);
  world.isCalm = true;
  network.heal();
  for (const actor of [server, ...clients]) {
    actor.host.stoppedUntilMs = 0;
    revive(world, actor);
  }
  // Who sends notices that the machine at the other end is another one by now.
  for (const client of clients) clock.as(client.host, () => client.act());
  await clock.run(clock.nowMs + NOTICE_MS, () => world.violations.length > 0);
  const away = (): string | undefined => clients.find(({ isConnected }) => !isConnected)?.name;
  if (!(await settled(world, 'everybody is connected', away))) return;
  for (const client of clients) clock.as(client.host, () => client.act());
  const late = (): string | undefined =>
    clients.find(({ host, sent }) => server.of(host.name).last !== sent - 1)?.name;
  if (!(await settled(world, 'everything comes', late))) return;
  for (const client of clients) clock.as(client.host, () => client.ipc.disconnect(PEER));
  clock.as(server.host, () => server.server.stop());
  await clock.run(clock.nowMs + 1_000, () => false);
}
