/**
 * The TypeScript server and client of the conformance pack, each on real sockets; the other side is plain `net`, which sends the bytes of a case piece by piece.
 *
 * Invariant: a run is over when both sides have closed; what a receiver opened is closed by `close`.
 */
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { StreamClient } from '../../src/endpoints/client.ts';
import { StreamServer } from '../../src/endpoints/server.ts';
import { within } from '../hostile/stage.ts';
import type { Input } from './cases.ts';
import { contextFor, errorLine, messageLine, type Observed, recordExchanges } from './observed.ts';

const CODES_THAT_STAY: readonly string[] = ['OK', 'TRUNCATED'];

/** Writes the pieces, each read before the next one is sent; then waits for the end, or ends it where the receiver has no reason to. */
async function send(
  socket: net.Socket,
  input: Input,
  pieces: readonly Buffer[],
  observed: Observed,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {}); // 'close' follows
  socket.on('data', (chunk: Buffer) => (observed.sent = Buffer.concat([observed.sent, chunk])));
  socket.on('end', () => (observed.closed = true));
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (CODES_THAT_STAY.includes(input.code)) {
    // What the receiver would do by itself, it has done when what follows has been answered by the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    const closedByItself = observed.closed;
    socket.end();
    await within('the end of a connection', closed);
    observed.closed = closedByItself;
    return;
  }
  await within('the receiver to close', closed);
  observed.closed = true;
}

interface Waiting {
  readonly observed: Observed;
  gone(): void;
}

/** A server for one setting. */
class ServerReceiver {
  readonly #path: string;
  readonly #stream: StreamServer;
  /** Runs whose connection has not been accepted yet, in the order of their connects. */
  readonly #connecting: Waiting[] = [];
  readonly #runs = new Map<net.Socket, Waiting>();

  constructor(input: Input, path: string) {
    this.#path = path;
    const logOf = (socket: net.Socket | undefined): string[] =>
      this.#runs.get(socket as net.Socket)?.observed.events ?? [];
    const wire = input.wire === 'stream' ? 'binary' : 'delimited';
    const context = contextFor(input.setting, {});
    this.#stream = new StreamServer(
      context,
      { wire, followPeer: true, maxConnections: 1000, onread: true },
      {
        connected: () => {},
        opened: (socket, connection) => {
          const run = this.#connecting.shift() as Waiting;
          this.#runs.set(socket, run);
          connection.exchanges = recordExchanges(run.observed.events);
        },
        received: (socket, event, data) => {
          logOf(socket).push(messageLine(event, data));
          return undefined;
        },
        error: (error, socket) => void logOf(socket).push(errorLine(error)),
        drained: () => {},
        disconnected: (socket) => {
          this.#runs.get(socket)?.gone();
          this.#runs.delete(socket);
        },
        dropped: () => {},
      },
    );
  }

  async listen(): Promise<void> {
    this.#stream.server.listen(this.#path);
    await once(this.#stream.server, 'listening');
  }

  async run(input: Input, pieces: readonly Buffer[]): Promise<Observed> {
    const observed: Observed = { events: [], closed: false, sent: Buffer.alloc(0) };
    const gone = new Promise<void>((resolve) => this.#connecting.push({ observed, gone: resolve }));
    const socket = net.connect({ path: this.#path, allowHalfOpen: true });
    await once(socket, 'connect');
    socket.on('end', () => socket.end());
    await send(socket, input, pieces, observed);
    await within('the server to notice', gone);
    return observed;
  }

  async close(): Promise<void> {
    const closed = once(this.#stream.server, 'close');
    this.#stream.server.close();
    await closed;
  }
}

/** Servers by what a case needs of one. */
export class Servers {
  readonly #folder: string;
  readonly #servers = new Map<string, Promise<ServerReceiver>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(input: Input, pieces: readonly Buffer[]): Promise<Observed> {
    const key = JSON.stringify([input.wire, input.setting]);
    const made = this.#servers.get(key) ?? this.#make(input);
    this.#servers.set(key, made);
    return (await made).run(input, pieces);
  }

  async #make(input: Input): Promise<ServerReceiver> {
    const server = new ServerReceiver(input, join(this.#folder, `server-${this.#servers.size}`));
    await server.listen();
    return server;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await (await server).close();
  }
}

/** A client that connects to a plain server, which sends it the case. */
export async function runClient(input: Input, pieces: readonly Buffer[], path: string): Promise<Observed> {
  const observed: Observed = { events: [], closed: false, sent: Buffer.alloc(0) };
  const server = net.createServer({ allowHalfOpen: true }).listen(path);
  await once(server, 'listening');
  const peers: net.Socket[] = [];
  const sent = once(server, 'connection').then(([socket]) => {
    const peer = socket as net.Socket;
    peers.push(peer);
    peer.on('end', () => peer.end());
    return send(peer, input, pieces, observed);
  });
  const wire = input.wire === 'stream' ? 'binary' : 'delimited';
  const over = new Promise<void>((resolve) => {
    const client = new StreamClient(
      contextFor(input.setting, { followPeer: false }),
      {
        wire,
        window: 0,
        connect: () => ({
          socket: net.connect({ path, allowHalfOpen: true }),
          onread: false,
          ready: 'connect' as const,
        }),
        retry: () => ({ delayMs: 0, attemptsMax: 0, stopped: true, backoffMsMax: undefined }),
      },
      {
        opened: (connection) => (connection.exchanges = recordExchanges(observed.events)),
        connected: () => {},
        error: (error) => void observed.events.push(errorLine(error)),
        drained: () => {},
        received: (event, data) => {
          observed.events.push(messageLine(event, data));
          return undefined;
        },
        closed: () => resolve(),
        destroyed: () => {},
      },
    );
    client.connect();
  });
  try {
    // Sending has its own end; a slow machine may take its time until then.
    await sent;
    await within('a client to be gone', over);
  } finally {
    for (const peer of peers) peer.destroy();
    server.close();
  }
  return observed;
}

/** The reason in the last goodbye among the bytes that a receiver sent. */
export function goodbyeReason(sent: Buffer): number | undefined {
  let reason: number | undefined;
  for (let at = 8; at + 12 <= sent.length; at += 8 + Math.ceil(sent.readUInt32LE(at) / 8) * 8)
    if (sent.readUInt16LE(at + 4) === 0 && sent[at + 8] === 5) reason = sent.readUInt16LE(at + 10);
  return reason;
}

function isFault(line: string): boolean {
  return line.startsWith('error ');
}

/** An endpoint for datagrams counts its faults: they have no place among the messages. */
function faultsLast(events: readonly string[]): string[] {
  return [...events.filter((line) => !isFault(line)), ...events.filter(isFault).toSorted()];
}

/** @returns what differs from the case, or '' */
export function judge(input: Input, observed: Observed, chunking: string): string {
  const seen = observed.events.join('\n');
  const expected = (input.wire === 'datagram' ? faultsLast(input.events) : input.events).join('\n');
  if (seen !== expected) return `expected\n${expected}\nbut saw\n${seen}`;
  if (observed.closed !== input.closes) return `closed: ${observed.closed}, and not ${input.closes}`;
  const reason = goodbyeReason(observed.sent);
  if (input.goodbye === undefined) return reason === undefined ? '' : `a goodbye with reason ${reason}`;
  // A reset may overtake the goodbye where bytes of the peer were not read any more.
  if (reason === undefined && (chunking !== 'whole' || input.goodbye === 0)) return '';
  return reason === input.goodbye ? '' : `a goodbye with reason ${reason}, and not ${input.goodbye}`;
}
