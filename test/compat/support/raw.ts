/**
 * Peers made of plain `net` that read and write the wire by hand, and free ports for them.
 *
 * They know nothing of either package: what they hold are bytes.
 * Invariant: `received` is everything that arrived, in order.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { within } from './waiting.ts';

/** Where a stream server listens. */
export type Address = { path: string } | { host: string; port: number };

export class RawPeer {
  readonly socket: net.Socket;
  readonly closed: Promise<void>;
  received: Buffer = Buffer.alloc(0);
  #watch: () => void = () => {};

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#watch();
    });
  }

  static async connect(address: Address, allowHalfOpen = false): Promise<RawPeer> {
    const peer = new RawPeer(net.connect({ ...address, allowHalfOpen }));
    await within('a raw connection', once(peer.socket, 'connect'));
    return peer;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Writes and waits until the bytes have left this process. */
  async push(bytes: string | Uint8Array): Promise<void> {
    await within('a raw write', new Promise<void>((resolve) => this.socket.write(bytes, () => resolve())));
  }

  async untilBytes(count: number): Promise<Buffer> {
    const enough = new Promise<void>((resolve) => {
      this.#watch = () => {
        if (this.received.length >= count) resolve();
      };
    });
    this.#watch();
    try {
      await within(`${count} raw bytes`, enough);
    } catch (error) {
      throw new Error(`${(error as Error).message}; got ${describe(this.received)}`, { cause: error });
    }
    return this.received;
  }

  untilClosed(what = 'the raw connection to be closed'): Promise<void> {
    return within(what, this.closed);
  }
}

function describe(bytes: Buffer): string {
  return `${bytes.length}: ${JSON.stringify(bytes.subarray(0, 200).toString('latin1'))}`;
}

/** A server that hands out its connections one by one, in the order in which they came. */
export class RawServer {
  readonly server: net.Server;
  readonly #peers: RawPeer[] = [];
  readonly #takers: ((peer: RawPeer) => void)[] = [];

  private constructor() {
    this.server = net.createServer((socket) => {
      const peer = new RawPeer(socket);
      const taker = this.#takers.shift();
      if (taker === undefined) this.#peers.push(peer);
      else taker(peer);
    });
  }

  static async listen(address: Address): Promise<RawServer> {
    const raw = new RawServer();
    raw.server.listen(address);
    await within('a raw server to listen', once(raw.server, 'listening'));
    return raw;
  }

  peer(): Promise<RawPeer> {
    const waiting = this.#peers.shift();
    if (waiting !== undefined) return Promise.resolve(waiting);
    return within('a connection to the raw server', new Promise((resolve) => this.#takers.push(resolve)));
  }

  close(): void {
    this.server.close();
    for (const peer of this.#peers) peer.socket.destroy();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One message in node-ipc's JSON, as it stands on the wire. */
export function frame(type: string, data?: unknown, delimiter = '\f'): string {
  return JSON.stringify({ type, data }) + delimiter;
}
