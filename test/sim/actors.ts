/**
 * The programs of the simulator: a server and its clients, made of the real classes of the library, each in a process that can die and come back. They
 * send, broadcast, ask, wait for drains and close, at times that the seed draws.
 *
 * Invariant: what a program does it does as its process; when that is dead nothing of it runs.
 */
import { PeerClient } from '../../src/api/client.ts';
import type { ConnectOptions, ListenOptions } from '../../src/api/options.ts';
import type { Peer } from '../../src/api/peer.ts';
import { PeerServer } from '../../src/api/server.ts';
import type { ServerPeer } from '../../src/api/server-peer.ts';
import type { ConnectionContext } from '../../src/connection/contracts.ts';
import type { Host } from './clock.ts';
import type { Flow } from './flow.ts';
import { read, write } from './messages.ts';
import type { Link } from './network.ts';
import type { FakeSocket } from './sockets.ts';
import { EVENTS, insidesOf, PORT, type World } from './world.ts';

export const PLACE = { kind: 'tcp', host: '127.0.0.1', port: PORT } as const;
const ECHO = 'echo';
const COUNT = 'count';
/** What a request may end with beside an answer. */
const REQUEST_ENDS = /^ERR_RINGWIRE_(?:REQUEST_\w+|NOT_CONNECTED|BACKPRESSURE|SLOW_CONSUMER_BYTES)$/;
const REFUSAL = 'the handler does not want to';

export abstract class Actor {
  readonly world: World;
  readonly name: string;
  host: Host;
  lives = 0;
  isClosing = false;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.host = this.#newHost();
  }

  get isAlive(): boolean {
    return this.host.isAlive;
  }

  start(): void {
    this.host = this.#newHost();
    this.isClosing = false;
    this.world.trace.add(`${this.host.name} starts`);
    this.world.clock.as(this.host, () => this.begin());
    this.#plan();
  }

  crash(silently: boolean): void {
    this.world.trace.add(`${this.host.name} dies${silently ? ' with its machine' : ''}`);
    this.world.network.crash(this.host, silently);
    this.world.forget(this.host);
  }

  protected abstract begin(): void;
  protected abstract act(): void;

  /** One thing after the other, as long as the storm lasts. */
  #plan(): void {
    const { clock, chance, settings } = this.world;
    clock.after(chance.pause(settings.paceMs), this.host, () => {
      if (this.world.isCalm) return;
      this.act();
      this.#plan();
    });
  }

  #newHost(): Host {
    return { name: `${this.name}.${++this.lives}`, isAlive: true, stoppedUntilMs: 0 };
  }

  protected burst(peer: Peer, link: Link, flow: Flow): void {
    const { world } = this;
    const count = world.chance.between(1, world.settings.burst);
    for (let sent = 0; sent < count; sent++) {
      const { connection } = insidesOf(peer);
      if (connection === undefined) return;
      if (world.send(flow, link, peer, (event, data) => peer.send(event, data))) continue;
      if (!connection.isFull) return;
      world.await(this.host, 'drained', peer.drained(), () => {});
      if (world.chance.hits(world.settings.patience)) return;
    }
    if (world.chance.hits(0.1)) peer.flush();
  }

  protected ask(peer: Peer, link: Link): void {
    const { world, host } = this;
    const question = world.nextRequest();
    const asked = peer.request(ECHO, write(question, world.settings.codec)).then((answer) => {
      const { series, place, offset, size } = read(answer) ?? {};
      const isIt = place === question.place && offset === question.offset && size === question.size;
      if (!isIt && !link.isCorrupted) {
        world.broken(
          'requests',
          `question ${question.place} got the answer ${String(series)}/${String(place)}`,
        );
      }
    });
    world.await(host, 'request', asked, (error) => this.#failed(error, link));
  }

  protected count(peer: Peer, link: Link): void {
    const { world, host } = this;
    const most = world.chance.between(0, 60);
    const reading = (async () => {
      let next = 0;
      for await (const item of peer.stream(
        COUNT,
        write({ ...world.nextRequest(), size: most, offset: 0 }, world.settings.codec),
      )) {
        if (read(item)?.place !== next && !link.isCorrupted)
          world.broken('streams', `an item other than ${next} came`);
        next++;
      }
      if (next !== most && !link.isCorrupted) world.broken('streams', `${next} items of ${most} came`);
    })();
    world.await(host, 'stream', reading, (error) => this.#failed(error, link));
  }

  #failed(error: Error, link: Link): void {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_RINGWIRE_REQUEST_TIMEOUT' && this.world.answersInTime && link.fault === undefined) {
      this.world.broken('requests', `link ${link.id}: ${error.message} without a reason`);
    }
    const isKnown = error.name === 'RequestError' || REQUEST_ENDS.test(String(code));
    if (!isKnown && !link.isCorrupted)
      this.world.broken('requests', `a request ended with ${String(error.stack)}`);
  }
}

export class ServerActor extends Actor {
  server!: PeerServer;
  readonly peers = new Map<ServerPeer, Link>();
  readonly #handled = new Set<string>();

  get context(): ConnectionContext | undefined {
    const [peer] = this.peers.keys();
    return peer && insidesOf(peer).endpoint.context;
  }

  close(): void {
    this.isClosing = true;
    this.world.clock.as(this.host, () => {
      this.world.await(this.host, 'close', this.server.close(), (error) =>
        this.world.reported(this.host, error, undefined),
      );
    });
  }

  /** One message to everybody, in the same order for all. */
  broadcast(): void {
    const { world } = this;
    const message = world.nextBroadcast();
    const before = [...this.peers].map(([peer, link]) => ({
      peer,
      link,
      sent: peer.outlet.traffic.sentMessages,
    }));
    this.server.broadcast(world.chance.random.pick(EVENTS), write(message, world.settings.codec));
    for (const { peer, link, sent } of before) {
      const { traffic, sender } = peer.outlet;
      if (traffic.sentMessages > sent || sender.outbox.holds) world.flowsOf(link).down.sent(message);
      world.checkBounds(peer.outlet, insidesOf(peer).endpoint.context);
    }
  }

  /** A message to each peer, to see whether it comes. */
  greetAll(): void {
    for (const [peer, link] of this.peers) {
      this.world.send(this.world.flowsOf(link).down, link, peer, (event, data) => peer.send(event, data));
    }
  }

  protected override begin(): void {
    const { world, host } = this;
    const { settings } = world;
    this.peers.clear();
    const options = { ...optionsOf(world), maxConnections: settings.maxConnections } as ListenOptions;
    const server = (this.server = new PeerServer(PLACE, options, {}));
    for (const event of EVENTS) {
      server.on(event, (data, peer) => {
        const { link } = peer.socket as unknown as FakeSocket;
        if (link !== undefined) world.arrived(world.flowsOf(link).up, link, event, data);
      });
    }
    this.#serve();
    server.lifecycle.on('connect', (peer) => {
      const link = (peer.socket as unknown as FakeSocket).link as Link;
      world.trace.add(`${host.name} has link ${link.id}`);
      this.peers.set(peer, link);
    });
    server.lifecycle.on('disconnect', (peer) => {
      world.trace.add(`${host.name} loses link ${this.peers.get(peer)?.id}`);
      if (!this.peers.delete(peer)) world.broken('lifecycle', 'a disconnect without a connect');
    });
    server.lifecycle.on('error', (error, peer) =>
      world.reported(host, error, (peer?.socket as unknown as FakeSocket | undefined)?.link),
    );
    world.await(host, 'listen', server.start(), (error) => world.reported(host, error, undefined));
  }

  /** Answers at once, later, or not as wished. */
  #serve(): void {
    const { world } = this;
    const { chance } = world;
    this.server.handle(ECHO, (input) => {
      const { place } = read(input) ?? {};
      const key = `${this.host.name} ${String(place)}`;
      if (place !== undefined && this.#handled.has(key))
        world.broken('requests', `question ${place} was handled twice`);
      this.#handled.add(key);
      const way = chance.fraction();
      if (way < 0.2) throw new Error(REFUSAL);
      if (way < 0.6) return input;
      return new Promise((resolve) => setTimeout(() => resolve(input), 200 * chance.fraction()));
    });
    this.server.handle(COUNT, async function* (input: unknown) {
      const { size = 0 } = read(input) ?? {};
      for (let place = 0; place < size; place++) {
        yield write({ series: 2 ** 30, place, offset: 0, size: 10 }, world.settings.codec);
        if (chance.hits(0.1)) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  protected override act(): void {
    const { world } = this;
    const kind = world.chance.fraction();
    const peers = [...this.peers];
    if (peers.length === 0) return;
    const [peer, link] = world.chance.random.pick(peers);
    if (kind < 0.7) this.burst(peer, link, world.flowsOf(link).down);
    else if (kind < 0.95) this.broadcast();
    else {
      this.burst(peer, link, world.flowsOf(link).down);
      world.trace.add(`${this.host.name} closes link ${link.id}`);
      closing(world, this.host, peer.close(), link, world.flowsOf(link).down);
    }
  }
}

export class ClientActor extends Actor {
  client!: PeerClient;
  link: Link | undefined = undefined;
  #lostMs = Infinity;
  /** Pauses that were no random ones. */
  #exactPauses = 0;

  /** It tries to connect: not exactly so long after the loss as everybody else would. */
  tries(): void {
    const { clock, settings } = this.world;
    const { delayMs, delayMsMax } = settings.reconnect;
    const pauseMs = clock.nowMs - this.#lostMs;
    for (let exact = delayMs; exact <= 2 * delayMsMax; exact *= 2) {
      if (Math.abs(pauseMs - Math.min(exact, delayMsMax)) > 1e-6) continue;
      if (++this.#exactPauses > 1)
        this.world.broken('jitter', `a pause of exactly ${pauseMs} ms before a try`);
      return;
    }
  }

  get context(): ConnectionContext {
    return insidesOf(this.client).endpoint.context;
  }

  close(): void {
    this.isClosing = true;
    this.world.clock.as(this.host, () => this.#close());
  }

  /** A client that the storm left without a life gets one. */
  open(): void {
    if (!this.isClosing) return;
    this.isClosing = false;
    this.world.clock.as(this.host, () => this.begin());
  }

  #close(): void {
    const { world, link } = this;
    this.isClosing = true;
    if (link === undefined) world.await(this.host, 'close', this.client.close(), () => {});
    else closing(world, this.host, this.client.close(), link, world.flowsOf(link).up);
  }

  greet(): void {
    const { world, client, link } = this;
    if (link === undefined) return;
    world.send(world.flowsOf(link).up, link, client, (event, data) => client.send(event, data));
    this.ask(client, link);
  }

  protected override begin(): void {
    const { world, host } = this;
    const { reconnect } = world.settings;
    const options = { ...optionsOf(world), wait: true, timeout: 0, reconnect } as ConnectOptions;
    const client = new PeerClient(PLACE, options, {});
    this.client = client;
    let link: Link | undefined;
    const turnTo = (next: Link | undefined): void => {
      link = next;
      // The one before may still be closing.
      if (this.client === client) this.link = next;
    };
    this.link = undefined;
    for (const event of EVENTS) {
      client.on(event, (data) => {
        if (link === undefined) world.broken('lifecycle', 'a message without a connection');
        else world.arrived(world.flowsOf(link).down, link, event, data);
      });
    }
    client.lifecycle.on('connect', () => {
      const socket = insidesOf(client).connection?.sender.transport?.socket as unknown as FakeSocket;
      turnTo(socket.link);
      world.trace.add(`${host.name} has link ${link?.id}`);
    });
    client.lifecycle.on('disconnect', () => {
      this.#lostMs = world.clock.nowMs;
      world.trace.add(`${host.name} loses link ${link?.id}`);
      turnTo(undefined);
    });
    client.lifecycle.on('error', (error) => world.reported(host, error, link));
    world.await(host, 'connect', client.start(), (error) => {
      if (!this.isClosing) world.broken('lifecycle', `connect gave up: ${String(error.stack)}`);
    });
  }

  protected override act(): void {
    const { world, client, link } = this;
    if (link === undefined || this.isClosing) return;
    const kind = world.chance.fraction();
    if (kind < 0.7) this.burst(client, link, world.flowsOf(link).up);
    else if (kind < 0.87) this.ask(client, link);
    else if (kind < 0.93) this.count(client, link);
    else {
      this.burst(client, link, world.flowsOf(link).up);
      world.trace.add(`${this.host.name} closes link ${link.id}`);
      this.#close();
      world.clock.after(world.chance.pause(300), this.host, () => {
        if (!world.isCalm) this.open();
      });
    }
  }
}

export function optionsOf({ settings }: World): ConnectOptions & ListenOptions {
  const { codec, receive, slowConsumer, limits } = settings;
  return { id: 'sim', codec, receive, slowConsumer, limits };
}

/** A close lets what was sent leave: without a fault on the way all of it arrives. */
function closing(world: World, host: Host, closed: Promise<void>, link: Link, flow: Flow): void {
  const startMs = world.clock.nowMs;
  const done = closed.then(() => {
    const isInTime = world.clock.nowMs - startMs < world.settings.limits.closeTimeoutMs;
    if (isInTime) world.closed.push({ link, flow });
  });
  world.await(host, 'close', done, (error) => world.reported(host, error, undefined));
}
