/**
 * Servers and clients of the modern face on sockets of their own, closed behind each test.
 *
 * Invariant: what a test opened through its stage is closed when the test is over, also after a failure.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  connect,
  type ConnectOptions,
  listen,
  type ListenOptions,
  type PeerClient,
  type PeerServer,
  type ServerPeer,
} from '../../src/index.ts';

interface Closable {
  close(): Promise<void>;
}

export class Stage {
  readonly folder: string;
  readonly path: string;
  readonly address: string;
  readonly #open: Closable[] = [];

  constructor(context: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'ringwire-api-'));
    this.path = join(this.folder, 'socket');
    this.address = `unix:${this.path}`;
    context.after(async () => {
      for (const each of this.#open.toReversed()) await each.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Closes it behind the test. */
  keep<T extends Closable>(each: T): T {
    this.#open.push(each);
    return each;
  }

  async server(options: ListenOptions = {}, address: string = this.address): Promise<PeerServer> {
    return this.keep(await listen(address, options));
  }

  async client(options: ConnectOptions = {}, address: string = this.address): Promise<PeerClient> {
    return this.keep(await connect(address, options));
  }

  async pair(
    options: ListenOptions = {},
    clientOptions: ConnectOptions = {},
  ): Promise<{ server: PeerServer; client: PeerClient; peer: ServerPeer }> {
    const server = await this.server(options);
    const [client, peer] = await Promise.all([this.client(clientOptions), nextPeer(server)]);
    return { server, client, peer };
  }

  /** A peer of plain bytes that has said hello. */
  async raw(): Promise<net.Socket> {
    const socket = net.connect(this.path);
    this.keep({ close: async () => void socket.destroy() });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }
}

export function nextPeer(server: PeerServer): Promise<ServerPeer> {
  return new Promise((resolve) => server.lifecycle.once('connect', resolve));
}

/** Settles when `condition` holds; looked at once in each turn of the event loop. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The next message of an event. */
export function next(
  emitter: { once(event: string, handler: (data: unknown) => void): unknown },
  event: string,
): Promise<unknown> {
  return new Promise((resolve) => emitter.once(event, resolve));
}

/** 8 bytes of header, perhaps 8 of extension, payload, padding. */
export function frame(
  event: number,
  codec: number,
  payload: Buffer,
  extension?: { correlation: number; kind: number },
): Buffer {
  const extra = extension === undefined ? 0 : 8;
  const bytes = Buffer.alloc(8 + extra + ((payload.length + 7) & ~7));
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt16LE(event, 4);
  bytes[6] = codec;
  bytes[7] = extension === undefined ? 0 : 1;
  if (extension !== undefined) {
    bytes.writeUInt32LE(extension.correlation, 8);
    bytes.writeUInt32LE(extension.kind, 12);
  }
  payload.copy(bytes, 8 + extra);
  return bytes;
}

/** Preamble and hello of a peer that speaks json, msgpack and raw, and prefers `codec`. */
export function greetingBytes(codec = 1, features = 2, id = 'raw'): Buffer {
  const preamble = Buffer.from('f553010000000001', 'hex');
  const name = Buffer.from(id);
  const hello = Buffer.alloc(8 + name.length);
  hello[0] = 1;
  hello[1] = codec;
  hello.writeUInt16LE(0b1110, 2);
  hello.writeUInt16LE(name.length, 4);
  hello.writeUInt16LE(features, 6);
  name.copy(hello, 8);
  return Buffer.concat([preamble, frame(0, 0, hello)]);
}

/** An announce of the first id of a direction. */
export function announceBytes(name: string, id = 0x8000): Buffer {
  const payload = Buffer.alloc(4 + name.length);
  payload[0] = 2;
  payload.writeUInt16LE(id, 2);
  payload.write(name, 4);
  return frame(0, 0, payload);
}
