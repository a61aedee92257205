/**
 * The process under attack: ringwire servers with the settings that a row asks for, and a few handlers that every server has. It tells what
 * happened: errors by code, messages, file descriptors, memory, the longest stay of the event loop, and whatever was not caught.
 *
 * Invariant: it ends when its parent goes, and closes a server only when all its sockets are gone.
 */
import { readdirSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { IPC, type PeerSocket, type Server } from '../../src/index.ts';
import { seeded } from '../support/seeded.ts';
import type { Account, Opening, Reading } from './witness.ts';
import { faultOf, JSON_EVENT, RAW_EVENT, rawFaultOf } from './witness-wire.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const uncaught: string[] = [];
const warnings: string[] = [];
process.on('uncaughtException', (error) => uncaught.push(String(error?.stack ?? error)));
process.on('unhandledRejection', (error) => uncaught.push(`rejection: ${String(error)}`));
process.on('warning', (warning) => warnings.push(`${warning.name}: ${warning.message}`));

const PUSHES_PER_TURN = 32;
const BYTES_PER_TURN = 256 * 1024;

interface Push {
  readonly count: number;
  readonly bytes: number;
  /** Wait for the drain after each false. */
  readonly polite?: boolean;
  /** How many values of `key` there are. */
  readonly keys?: number;
}

class Victim {
  readonly server: Server;
  readonly #account: Account = {
    errors: {},
    closedErrors: 0,
    delivered: 0,
    connects: 0,
    closes: 0,
    witnessFaults: [],
    offered: 0,
    falses: 0,
    drains: 0,
    pendingMax: 0,
    sockets: 0,
    ids: [],
    stats: undefined,
    polluted: false,
    uncaught: 0,
    grownMib: 0,
  };
  readonly #spoken = new Map<PeerSocket, number>();
  readonly #waiting = new Map<PeerSocket, () => void>();

  constructor(server: Server) {
    this.server = server;
    const account = this.#account;
    server.on('error', (error: { code?: string; closed?: boolean } | undefined) => {
      const code = String(error?.code ?? 'NO_CODE').replace('ERR_RINGWIRE_', '');
      account.errors[code] = (account.errors[code] ?? 0) + 1;
      if (error?.closed === true) account.closedErrors++;
    });
    // Peers may send messages of these names.
    server.on('connect', (socket: unknown) => void (socket instanceof net.Socket && account.connects++));
    server.on('socket.disconnected', (socket: unknown, id: unknown) => {
      if (!(socket instanceof net.Socket)) return;
      account.closes++;
      account.ids.push(id);
    });
    server.on('drain', (socket: PeerSocket) => {
      account.drains++;
      this.#waiting.get(socket)?.();
    });
    server.on(JSON_EVENT, (data: unknown, socket: PeerSocket) =>
      this.#hear(socket, faultOf, data, JSON_EVENT),
    );
    server.on(RAW_EVENT, (data: unknown, socket: PeerSocket) =>
      this.#hear(socket, rawFaultOf, data, RAW_EVENT),
    );
    server.on('msg', () => account.delivered++);
    server.on('ask', (data: unknown, socket: PeerSocket) => void server.emit(socket, 'answer', data));
    server.on('push please', (data: Push, socket: PeerSocket) => this.#push(data, socket, 1));
    server.on('wild', (data: number, socket: PeerSocket) => this.#wild(data, socket));
  }

  get account(): Account {
    this.#account.sockets = this.server.sockets.length;
    this.#account.stats = this.server.stats() as Account['stats'];
    this.#account.polluted = ({} as { polluted?: unknown }).polluted !== undefined;
    this.#account.uncaught = uncaught.length;
    return this.#account;
  }

  #hear(
    socket: PeerSocket,
    faultIn: (data: unknown, n: number) => string | undefined,
    data: unknown,
    event: string,
  ): void {
    const n = (this.#spoken.get(socket) ?? 0) + 1;
    this.#spoken.set(socket, n);
    const fault = faultIn(data, n);
    if (fault !== undefined && this.#account.witnessFaults.length < 10)
      this.#account.witnessFaults.push(fault);
    this.server.emit(socket, event, data);
  }

  /** Sends numbered messages to a peer, from number `from` on, a few in each turn of the loop. */
  #push(push: Push, socket: PeerSocket, from: number): void {
    const account = this.#account;
    const turn = Math.max(1, Math.min(PUSHES_PER_TURN, Math.floor(BYTES_PER_TURN / push.bytes)));
    const last = Math.min(push.count, from + turn - 1);
    for (let n = from; n <= last; n++) {
      const event = push.keys === undefined ? 'pushed' : `pushed ${n % push.keys}`;
      const ready = this.server.emit(socket, event, { n, text: textOf(n, push.bytes) });
      account.offered++;
      if (ready) continue;
      account.falses++;
      if (push.polite === true && !socket.destroyed) {
        this.#waiting.set(socket, () => {
          this.#waiting.delete(socket);
          this.#push(push, socket, n + 1);
        });
        return;
      }
    }
    account.pendingMax = Math.max(account.pendingMax, this.account.stats?.pendingBytes ?? 0);
    if (last < push.count) setImmediate(() => this.#push(push, socket, last + 1));
    else this.server.emit(socket, 'pushed all', push.count);
  }

  /** One of the things that handlers do and should not. */
  #wild(n: number, socket: PeerSocket): void {
    const { server } = this;
    this.#account.delivered++;
    const random = seeded(n);
    const others = server.sockets.filter((each) => (each as { id?: unknown }).id === 'expendable');
    switch (random.below(8)) {
      case 0:
        throw new Error(`wild ${n}`);
      case 1:
        server.emit(socket, 'echo', n);
        break;
      case 2:
        server.emit(random.pick(server.sockets), 'echo', n);
        break;
      case 3:
        if (others.length > 0) random.pick(others).destroy();
        break;
      case 4:
        server.flush();
        break;
      case 5: {
        server.on('wild', ignore);
        server.off('wild', ignore);
        break;
      }
      case 6:
        if (n % 97 === 0) for (const end = performance.now() + 20; performance.now() < end;);
        break;
      default:
        server.broadcast('echo', n);
    }
  }
}

const texts: string[] = [];

/** The text of a pushed message: one letter throughout. Texts are made once, so that memory is what ringwire takes. */
function textOf(n: number, length: number): string {
  const index = n % 26;
  const known = texts[index];
  if (known?.length === length) return known;
  return (texts[index] = String.fromCharCode(97 + index).repeat(length));
}

const victims = new Map<number, Victim>();
const delay = monitorEventLoopDelay({ resolution: 10 });
let rssPeak = 0;

function memory(): number {
  const { rss } = process.memoryUsage();
  rssPeak = Math.max(rssPeak, rss);
  return rss;
}
setInterval(memory, 20).unref();

function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

function open(key: number, { settings, path, tcp }: Opening): Promise<unknown> {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, ...settings });
  if (tcp === true) ipc.serveNet('127.0.0.1', 0);
  else ipc.serve(path);
  const server = ipc.server as Server;
  const victim = new Victim(server);
  victims.set(key, victim);
  return new Promise((resolve, reject) => {
    server.on('start', () => {
      const { port } = tcp === true ? (server.server as { address(): AddressInfo }).address() : { port: 0 };
      resolve(tcp === true ? { host: '127.0.0.1', port } : { path });
    });
    server.once('error', reject);
    server.start();
  });
}

function begin(): Reading {
  collect();
  delay.reset();
  delay.enable();
  uncaught.length = 0;
  rssPeak = 0;
  const rss = memory();
  return { fds: descriptors(), rss, rssPeak: rss, delayMs: 0, uncaught: [], warnings: [] };
}

function read(): Reading {
  const rss = memory();
  return {
    fds: descriptors(),
    rss,
    rssPeak,
    delayMs: delay.max / 1e6,
    uncaught: [...uncaught],
    warnings: [...warnings],
  };
}

async function close(key: number): Promise<Account> {
  const { server } = victims.get(key) as Victim;
  server.stop();
  const end = performance.now() + 5000;
  while (server.sockets.length > 0 && performance.now() < end) await turn();
  const { account } = victims.get(key) as Victim;
  victims.delete(key);
  return account;
}

process.on('message', (message: { id: number; what: string; key: number; opening: Opening }) => {
  const { id, what, key, opening } = message;
  const work = async (): Promise<unknown> => {
    if (what === 'open') return open(key, opening);
    if (what === 'begin') return begin();
    if (what === 'read') return read();
    if (what === 'account') return (victims.get(key) as Victim).account;
    return close(key);
  };
  work().then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0 });

function ignore(): void {}
