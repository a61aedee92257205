/**
 * Stands between two programs: passes every byte on unchanged, shows each chunk to whoever looks.
 *
 * Invariant: nothing is kept but what is on its way. Where the other program, or whoever writes down what is seen, is slow, the sender waits.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { Writable } from 'node:stream';
import { addressOf, type Place } from '../api/address.ts';
import { listenOnPath } from '../transports/path-server.ts';

export type Side = 'client' | 'server';

/** One connection that passes through. */
export interface Passage {
  /** From 1 on. */
  readonly number: number;
  /** Ports of the client and of the server over a network, undefined for local sockets. */
  readonly ports: Readonly<Record<Side, number>> | undefined;
}

export interface ProxyOptions {
  /** Stops when so many connections have ended; 0: never. */
  readonly connections: number;
  /** What the watcher writes to. */
  readonly outputs: readonly Writable[];
  /** @returns who looks at what each side sends */
  watch(passage: Passage): Readonly<Record<Side, Watcher>>;
}

/** Looks at one direction. */
export interface Watcher {
  /** @param chunk read, never kept */
  read(chunk: Buffer): void;
  /** Why it can tell nothing more, when that is so. */
  readonly lost?: string | undefined;
  end(): void;
}

/** Settles when it was told to stop, or when enough connections have ended. Fails when an output does. */
export async function proxy(from: Place, to: Place, options: ProxyOptions): Promise<void> {
  const sockets = new Set<net.Socket>();
  let [opened, ended] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    };
    const server = net.createServer({ allowHalfOpen: true }, (client) => {
      const target = net.connect({ allowHalfOpen: true, ...endOf(to) } as net.NetConnectOpts);
      const ports = to.kind === 'unix' ? undefined : { client: client.remotePort ?? 0, server: to.port };
      const passage = { number: ++opened, ports };
      const watchers = options.watch(passage);
      pass(client, target, watchers.client, options.outputs);
      pass(target, client, watchers.server, options.outputs);
      for (const socket of [client, target]) {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      }
      client.once('close', () => {
        if (++ended === options.connections) stop();
      });
    });
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    server.once('error', reject);
    for (const output of options.outputs) output.once('error', fail);
    server.once('listening', () => {
      const { port } = server.address() as net.AddressInfo;
      const place = from.kind === 'unix' ? from : { ...from, port };
      process.stderr.write(`listening on ${addressOf(place)}, passing on to ${addressOf(to)}\n`);
    });
    if (from.kind !== 'unix') server.listen(from.port, from.host);
    else listenOnPath(server, { path: from.path, readableAll: false, writableAll: false, takeOver: true });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  });
}

function endOf(place: Place): { path: string } | { host: string; port: number } {
  return place.kind === 'unix' ? { path: place.path } : { host: place.host, port: place.port };
}

/** One direction: an end is passed on, a failure ends both. */
function pass(source: net.Socket, sink: net.Socket, watcher: Watcher, outputs: readonly Writable[]): void {
  let told = false;
  source.on('data', (chunk: Buffer) => {
    sink.write(chunk);
    watcher.read(chunk);
    if (watcher.lost !== undefined && !told) {
      told = true;
      process.stderr.write(`ringwire: the rest of this direction is only passed on: ${watcher.lost}\n`);
    }
    const full = [sink, ...outputs].filter((each) => each.writableNeedDrain);
    if (full.length > 0) void wait(source, full);
  });
  source.on('end', () => sink.end());
  source.on('close', () => watcher.end());
  source.on('error', (error) => {
    process.stderr.write(`ringwire: ${error.message}\n`);
    sink.destroy();
  });
  // One that was cut takes nothing any more: nobody would read the rest of the other.
  sink.on('close', () => {
    if (!sink.writableFinished) source.destroy();
  });
}

async function wait(source: net.Socket, full: readonly Writable[]): Promise<void> {
  source.pause();
  // One that fails is told by its own 'error'.
  await Promise.allSettled(full.map((each) => once(each, 'drain')));
  source.resume();
}
