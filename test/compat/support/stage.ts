/**
 * Where one test plays: a folder of its own, instances of one package that never touch each other's configuration, and
 * an end that leaves no socket, server, timer, process or file behind.
 *
 * It uses no fixed path and no fixed port, and it waits for nothing without a bound.
 * Invariant: whatever the stage made, `close` ends, in the reverse order.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, RawPeer, RawServer, type Address } from './raw.ts';
import type { Client, Config, Emitter, Ipc, Server, Subject, SubjectName } from './subjects.ts';
import { loadSubject } from './subjects.ts';
import { next, within } from './waiting.ts';

export interface Serving {
  readonly ipc: Ipc;
  readonly server: Server;
  readonly address: Address;
}

export class Stage {
  readonly name: SubjectName;
  readonly subject: Subject;
  readonly folder: string;
  readonly #endings: (() => unknown)[] = [];
  readonly #servers = new Map<Address, Server>();
  #made = 0;

  private constructor(name: SubjectName, subject: Subject, folder: string) {
    this.name = name;
    this.subject = subject;
    this.folder = folder;
    this.defer(() => rm(folder, { recursive: true, force: true }));
  }

  static async open(name: SubjectName): Promise<Stage> {
    const subject = await loadSubject(name);
    return new Stage(name, subject, await mkdtemp(join(tmpdir(), 'rw-')));
  }

  async close(): Promise<void> {
    for (const finish of this.#endings.toReversed()) await finish();
  }

  defer(finish: () => unknown): void {
    this.#endings.push(finish);
  }

  /** A path in the folder that nobody uses yet. */
  path(): string {
    return join(this.folder, `s${++this.#made}`);
  }

  /** An isolated instance: silent, quick to retry, its default paths inside the folder. */
  make(config: Partial<Config> = {}): Ipc {
    const ipc = new this.subject.default.IPC();
    const defaults = { silent: true, retry: 20, socketRoot: `${this.folder}/`, id: `i${++this.#made}` };
    Object.assign(ipc.config, defaults, config);
    this.defer(() => end(ipc));
    return ipc;
  }

  /** Starts the server that `ipc.serve` or `ipc.serveNet` made. */
  async start(server: Server): Promise<void> {
    this.defer(() => stop(server));
    const started = new Promise<void>((resolve, reject) => {
      server.on('start', () => resolve());
      server.on('error', (error: Error) => reject(error));
    });
    server.start();
    await within('the server to start', started);
  }

  /** A started server; `prepare` may add handlers before it listens. */
  async serve(config: Partial<Config> = {}, prepare?: (server: Server) => void): Promise<Serving> {
    const ipc = this.make(config);
    const address = { path: this.path() };
    ipc.serve(address.path);
    return this.#startAt(ipc, address, prepare);
  }

  async serveNet(config: Partial<Config> = {}, prepare?: (server: Server) => void): Promise<Serving> {
    const ipc = this.make(config);
    const address = { host: '127.0.0.1', port: await freePort() };
    ipc.serveNet(address.host, address.port);
    return this.#startAt(ipc, address, prepare);
  }

  async #startAt(ipc: Ipc, address: Address, prepare?: (server: Server) => void): Promise<Serving> {
    prepare?.(ipc.server);
    await this.start(ipc.server);
    this.#servers.set(address, ipc.server);
    return { ipc, server: ipc.server, address };
  }

  /** A client on its way, called `world` in its own instance, which it is returned with. */
  dial(address: Address, config: Partial<Config> = {}): { ipc: Ipc; client: Client } {
    const ipc = this.make(config);
    if ('path' in address) ipc.connectTo('world', address.path);
    else ipc.connectToNet('world', address.host, address.port);
    return { ipc, client: worldOf(ipc) };
  }

  /** A client that has connected, and that the server knows of if the stage made it. */
  async connect(address: Address, config: Partial<Config> = {}): Promise<{ ipc: Ipc; client: Client }> {
    const server = this.#servers.get(address);
    const accepted = server === undefined ? undefined : next(server, 'connect');
    const dialled = this.dial(address, config);
    await connected(dialled.client);
    await accepted;
    return dialled;
  }

  async rawPeer(address: Address, allowHalfOpen = false): Promise<RawPeer> {
    const peer = await RawPeer.connect(address, allowHalfOpen);
    this.defer(() => peer.socket.destroy());
    return peer;
  }

  async rawServer(address: Address = { path: this.path() }): Promise<{ raw: RawServer; address: Address }> {
    const raw = await RawServer.listen(address);
    this.defer(() => raw.close());
    return { raw, address };
  }

  /** The next connection of a raw server; destroyed at the end. */
  async accept(raw: RawServer): Promise<RawPeer> {
    const peer = await raw.peer();
    this.defer(() => peer.socket.destroy());
    return peer;
  }
}

export function worldOf(ipc: Ipc): Client {
  const client = ipc.of['world'];
  assert.ok(client !== undefined, 'there is no world');
  return client;
}

function connected(client: Emitter): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', (error: Error) => reject(error));
  });
  return within('the client to connect', done);
}

function end(ipc: Ipc): void {
  ipc.config.silent = true;
  ipc.config.stopRetrying = true;
  for (const id of Object.keys(ipc.of)) ipc.disconnect(id);
  if (ipc.server) stop(ipc.server);
}

/** Stopping twice, or before the start, is an error for one of the two packages; here it is none. */
function stop(server: Server): void {
  try {
    server.stop();
  } catch {
    // not listening
  }
  for (const socket of server.sockets.slice()) socket.destroy();
}
