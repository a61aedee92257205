/**
 * The operating systems and the wires between them: ports, connections with buffers of bounded size, and every fault that a seed draws. Bytes are copied
 * when the system takes them and not before, so memory that is used again too early shows.
 *
 * Invariant: without faults every byte of a connection arrives once and in order, and an end arrives behind all bytes.
 */
import type { Clock, Host } from './clock.ts';
import type { FakeDatagramSocket } from './datagrams.ts';
import { type Chance, type Faults, NO_FAULTS } from './faults.ts';
import { Handle } from './handle.ts';
import type { FakeServer, FakeSocket } from './sockets.ts';
import type { Trace } from './trace.ts';

/** A connection attempt to a machine that is gone. */
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_ERRORS: readonly string[] = ['ECONNREFUSED', 'EAGAIN', 'ETIMEDOUT', 'EMFILE', 'ENOBUFS'];

/** One connection. */
export class Link {
  readonly id: number;
  /** Of the side that connected, and of the one that accepted. */
  readonly ends: readonly [Handle, Handle];
  /** Something happened to it that may cost messages. */
  fault: string | undefined = undefined;
  isCorrupted = false;
  isSilent = false;
  /** How often it has gone silent. */
  silenceCount = 0;

  constructor(id: number, network: Network, client: Host, server: Host) {
    this.id = id;
    this.ends = [new Handle(network, this, client), new Handle(network, this, server)];
    this.ends[0].peer = this.ends[1];
    this.ends[1].peer = this.ends[0];
  }
}

export class Network {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly links: Link[] = [];
  readonly datagramSockets = new Map<number, FakeDatagramSocket>();
  faults: Faults;
  /** Accepted handles can be wrapped again. */
  rewrap = true;
  /** Whoever asked for TCP's keepalive hears of a machine that is another one by now. Off where the wire has signs of life, which would have less to do. */
  hasKeepAlive = false;
  damagedDatagrams = 0;
  /** Tells of each try to connect. */
  onConnect: (host: Host) => void = () => {};
  readonly #listeners = new Map<number, FakeServer>();
  /** Ports of machines that are gone. */
  readonly #dark = new Set<number>();

  constructor(clock: Clock, chance: Chance, faults: Faults, trace: Trace) {
    this.clock = clock;
    this.chance = chance;
    this.faults = faults;
    this.trace = trace;
  }

  /** Milliseconds that something is on its way. */
  latency(): number {
    const { latencyMs, spike, tickMs } = this.faults;
    const late = this.chance.hits(spike) ? 1_000 * this.chance.fraction() : 0;
    const ms = latencyMs * this.chance.fraction() + late;
    if (tickMs === 0) return ms;
    const { nowMs } = this.clock;
    return Math.ceil((nowMs + ms) / tickMs) * tickMs - nowMs;
  }

  /** From now on nothing goes wrong; what was damaged is cut, so that no half message keeps a connection busy. What is silent for ever stays so. */
  heal(): void {
    const { latencyMs, tickMs, capacityBytes } = this.faults;
    this.faults = { ...NO_FAULTS, latencyMs, tickMs, capacityBytes: Math.max(capacityBytes, 4_096) };
    for (const link of this.links) {
      if (link.isCorrupted) this.cut(link);
    }
  }

  listen(server: FakeServer, port: number): boolean {
    if (this.#listeners.has(port)) return false;
    this.#dark.delete(port);
    this.#listeners.set(port, server);
    return true;
  }

  unlisten(server: FakeServer): void {
    for (const [port, each] of this.#listeners) if (each === server) this.#listeners.delete(port);
  }

  connect(socket: FakeSocket, port: number): void {
    const { clock } = this;
    const client = clock.current as Host;
    const ms = this.latency();
    this.onConnect(client);
    const fail = (code: string, delayMs: number): void => {
      this.trace.add(`${client.name} connects: ${code}`);
      clock.after(delayMs, client, () => socket.connectFailed(code));
    };
    if (this.chance.hits(this.faults.connectError)) {
      fail(this.chance.random.pick(CONNECT_ERRORS), ms);
      return;
    }
    clock.after(ms, undefined, () => {
      const server = this.#listeners.get(port);
      if (server === undefined) {
        const isDark = this.#dark.has(port);
        fail(isDark ? 'ETIMEDOUT' : 'ECONNREFUSED', isDark ? CONNECT_TIMEOUT_MS : ms);
        return;
      }
      const link = new Link(this.links.length, this, client, server.host);
      if (!this.rewrap) link.ends[1].useUserBuffer = undefined;
      this.links.push(link);
      clock.after(0, server.host, () => this.#accept(server, link));
      clock.after(ms, client, () => socket.connected(link.ends[0]));
    });
  }

  #accept(server: FakeServer, link: Link): void {
    const handle = link.ends[1];
    if (handle.isClosed) return;
    if (this.chance.hits(this.faults.acceptError) || !server.listening) {
      this.trace.add(`link ${link.id} is closed at accept`);
      link.fault = 'accept';
      handle.close(() => {});
    } else server.accept(handle);
  }

  /** A datagram on its way. */
  carry(bytes: Buffer, from: number, to: number): void {
    const { clock, chance, faults } = this;
    if (chance.hits(faults.corruption)) {
      const at = chance.random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << chance.random.below(8));
      this.damagedDatagrams++;
    }
    const host = this.datagramSockets.get(to)?.host;
    if (host !== undefined) {
      clock.after(this.latency(), host, () => this.datagramSockets.get(to)?.arrived(bytes, from));
    }
  }

  /** Both sides find the connection broken. */
  cut(link: Link): void {
    link.fault ??= 'cut';
    for (const end of link.ends) if (!end.isClosed) end.reset();
  }

  /** From now on neither side hears anything of the other. */
  silence(link: Link): void {
    link.fault ??= 'silence';
    link.isSilent = true;
    link.silenceCount++;
  }

  speakAgain(link: Link): void {
    link.isSilent = false;
    for (const end of link.ends) end.wake();
  }

  /** The host is dead. @param silently its machine is, and nobody is told */
  crash(host: Host, silently: boolean): void {
    host.isAlive = false;
    for (const [port, server] of this.#listeners) {
      if (server.host !== host) continue;
      this.#listeners.delete(port);
      if (silently) this.#dark.add(port);
    }
    for (const link of this.links) {
      for (const end of link.ends) {
        if (end.host !== host || end.isClosed) continue;
        link.fault ??= 'crash';
        if (silently) end.goDark();
        else end.close(() => {});
      }
    }
    for (const [port, socket] of this.datagramSockets)
      if (socket.host === host) this.datagramSockets.delete(port);
  }

  /** The machine of a host that died silently is up again: it knows nothing of its connections. */
  reboot(host: Host): void {
    for (const link of this.links) for (const end of link.ends) if (end.host === host) end.forget();
  }
}
