/**
 * A ringwire server with a witness: a well-behaved peer whose questions have to be answered whatever other peers do.
 *
 * Peers are plain `net`; they know nothing of src.
 * Invariant: what a stage opened is closed by `close`, also after a failure.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, IPC, type Server } from '../../src/index.ts';

const PATIENCE_MS = 5000;

/** Ends each wait with what it waited for. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Peer {
  readonly socket: net.Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  receivedBytes = 0;
  #chunks: Buffer[] = [];
  #check: () => void = () => {};

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // 'close' follows
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        this.#check();
        resolve();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
      this.#check();
    });
  }

  static async connect(path: string): Promise<Peer> {
    const peer = new Peer(net.connect(path));
    await within('a connection', once(peer.socket, 'connect'));
    return peer;
  }

  forget(): void {
    this.#chunks = [];
    this.receivedBytes = 0;
  }

  get received(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  /** In one piece, or the first and last bytes one at a time, each read before the next is sent. */
  async send(bytes: Buffer, byByte: boolean): Promise<void> {
    const single = byByte ? 96 : 0;
    for (let at = 0; at < bytes.length && !this.isClosed;) {
      const isSingle = at < single || at >= bytes.length - Math.min(single, 8);
      const size = isSingle && byByte ? 1 : Math.max(1, bytes.length - at - (byByte ? 8 : 0));
      this.socket.write(bytes.subarray(at, at + size));
      at += size;
      if (byByte) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Until `bytes` have been received. */
  async until(bytes: Buffer, what: string): Promise<void> {
    const seen = new Promise<void>((resolve, reject) => {
      this.#check = () => {
        if (this.received.includes(bytes)) resolve();
        else if (this.isClosed) reject(new Error(`the peer was cut before ${what}`));
      };
    });
    this.#check();
    await within(what, seen);
  }
}

export class Stage {
  readonly path: string;
  readonly server: Server;
  /** Codes of the 'error' events, or the data when a peer sent a message of that name. */
  readonly errors: { code: string; closed: boolean }[] = [];
  delivered = 0;
  readonly #folder: string;
  readonly #peers: Peer[] = [];
  #witness: Peer | undefined = undefined;
  #asked = 0;

  private constructor(folder: string, server: Server, path: string) {
    this.#folder = folder;
    this.server = server;
    this.path = path;
    server.on('error', (error: { code?: string; closed?: boolean }) => {
      this.errors.push({ code: error.code ?? String(error), closed: error.closed ?? false });
    });
    server.on('msg', () => this.delivered++);
    server.on('ask', (data: unknown, socket: net.Socket) => void server.emit(socket, 'answer', data));
  }

  static async open(settings: Partial<Config> = {}): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'ringwire-hostile-'));
    const path = join(folder, 'socket');
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, ...settings });
    ipc.serve(path);
    const server = ipc.server as Server;
    const stage = new Stage(folder, server, path);
    const started = new Promise<void>((resolve) => server.on('start', () => resolve()));
    server.start();
    await within('the server to listen', started);
    stage.#witness = await stage.peer();
    return stage;
  }

  async peer(): Promise<Peer> {
    const peer = await Peer.connect(this.path);
    this.#peers.push(peer);
    return peer;
  }

  /** The peer is gone on the server's side too. */
  async leave(peer: Peer): Promise<void> {
    peer.socket.destroy();
    await within('a peer to be gone', peer.closed);
    this.#peers.splice(this.#peers.indexOf(peer), 1);
    while (this.server.sockets.length > this.#peers.length)
      await within(
        'the server to notice',
        new Promise<void>((resolve) => this.server.once('close', () => resolve())),
      );
  }

  /** A question and its answer, in order, on the connection that has been there from the start. */
  async askWitness(): Promise<void> {
    const witness = this.#witness as Peer;
    assert.equal(witness.isClosed, false, 'the witness was cut');
    const number = ++this.#asked;
    witness.forget();
    witness.socket.write(`{"type":"ask","data":${number}}\f`);
    await witness.until(Buffer.from('\f'), `answer ${number} to the witness`);
    assert.equal(witness.received.toString(), `{"type":"answer","data":${number}}\f`);
  }

  async close(): Promise<void> {
    this.server.stop();
    for (const peer of this.#peers) peer.socket.destroy();
    await Promise.all(this.#peers.map((peer) => within('a peer to close', peer.closed)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
