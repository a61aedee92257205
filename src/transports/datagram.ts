/**
 * How datagrams travel: one dgram socket, what it asks of the system, and a budget for each turn of the event loop, so that a sender in a loop
 * does not fill every receive buffer on its way before anybody reads. It knows neither frames nor peers.
 *
 * Invariant: each `send` has had its `written` when the system does not need the memory any more; nothing that the system says is thrown.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import type { Segment } from '../bytes/byte-writer.ts';

export interface DatagramSocketOptions {
  readonly type: 'udp4' | 'udp6';
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly recvBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Bytes that leave in one turn of the event loop, as receive buffers count them. */
  readonly burstBytesMax: number;
  readonly broadcast: boolean;
  readonly ttl?: number | undefined;
  readonly multicastTtl?: number | undefined;
  readonly multicastLoopback?: boolean | undefined;
  readonly multicastInterface?: string | undefined;
  /** Multicast groups to join at the start. */
  readonly groups: readonly string[];
  /** The only peer: sends get cheaper, and the system drops what comes from others. */
  readonly connect?: { readonly address: string; readonly port: number } | undefined;
}

export interface DatagramSocketHandlers {
  bound(): void;
  /** `bytes` belong to the receiver. */
  received(bytes: Buffer, source: dgram.RemoteInfo): void;
  written(segment: Segment): void;
  /** The system takes datagrams again, after `ready` had been false. */
  ready(): void;
  sendFailed(error: NodeJS.ErrnoException & { address?: string; port?: number }): void;
  failed(error: Error): void;
  closed(): void;
}

/** What a datagram occupies in a receive buffer of Linux beside its bytes, about. */
const OVERHEAD_BYTES = 704;

/** Datagrams that the system has been given and cannot send yet. */
const UNSENT_COUNT_MAX = 64;

type Lookup = (host: string, family: number, done: (error: Error | null, address: string) => void) => void;

export class DatagramSocket {
  readonly socket: dgram.Socket;
  readonly #options: DatagramSocketOptions;
  readonly #handlers: DatagramSocketHandlers;
  /** Datagrams that the system could not take at once, in order. */
  #unsent: Segment[] = [];
  #budgetBytes: number;
  #refill: NodeJS.Immediate | undefined = undefined;
  #waiting = false;
  #isBound = false;
  #isClosed = false;
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#handlers.sendFailed(error);
    if (this.#unsent.length > 0) this.#reap();
  };

  /** What is sent has a number for an address; Node's own way would cost each datagram a tick. */
  readonly #lookup: Lookup = (host, family, done) => {
    if (this.#isBound) done(null, host);
    else dns.lookup(host, { family }, done);
  };

  constructor(options: DatagramSocketOptions, handlers: DatagramSocketHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#budgetBytes = options.burstBytesMax;
    const { type, reuseAddress, reusePort } = options;
    // Types of Node 20 do not know reusePort yet.
    const created = { type, reuseAddr: reuseAddress, reusePort, lookup: this.#lookup as never };
    this.socket = dgram.createSocket(created);
    this.socket.on('message', (bytes, source) => handlers.received(bytes, source));
    this.socket.on('error', (error) => this.#error(error));
    this.socket.on('close', () => this.#closed());
  }

  get isBound(): boolean {
    return this.#isBound;
  }

  /** What the system granted; less than was asked for when it has a bound of its own. */
  get bufferBytes(): { recv: number; send: number } {
    if (!this.#isBound || this.#isClosed) return { recv: 0, send: 0 };
    return { recv: this.socket.getRecvBufferSize(), send: this.socket.getSendBufferSize() };
  }

  bind(port: number, host: string): void {
    this.socket.bind({ port, address: host }, () => this.#bound());
  }

  /** Whether a datagram may be sent now; if not, `ready` is told later. */
  get ready(): boolean {
    if (this.#isBound && this.#budgetBytes > 0 && this.#unsent.length < UNSENT_COUNT_MAX) return true;
    this.#waiting = true;
    return false;
  }

  send(segment: Segment, port: number, address: string): void {
    if (this.#isClosed) {
      this.#handlers.written(segment);
      return;
    }
    this.#budgetBytes -= segment.bytes.length + OVERHEAD_BYTES;
    this.#refill ??= setImmediate(() => this.#refilled());
    try {
      if (this.#options.connect === undefined) this.socket.send(segment.bytes, port, address, this.#sent);
      else this.socket.send(segment.bytes, this.#sent);
    } catch (error) {
      // An address or a port that dgram itself refuses.
      this.#handlers.written(segment);
      this.#handlers.sendFailed(Object.assign(error as Error, { address, port }));
      return;
    }
    // Nearly always the system has taken it at once, and the memory, still in the cache, can be filled again.
    if (this.#unsent.length === 0 && this.socket.getSendQueueCount() === 0) this.#handlers.written(segment);
    else this.#unsent.push(segment);
  }

  join(group: string, multicastInterface: string | undefined = this.#options.multicastInterface): void {
    this.socket.addMembership(group, multicastInterface);
  }

  leave(group: string, multicastInterface: string | undefined = this.#options.multicastInterface): void {
    this.socket.dropMembership(group, multicastInterface);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isBound = false;
    clearImmediate(this.#refill);
    try {
      this.socket.close();
    } catch {
      // A socket that failed to bind may be closed already.
    }
  }

  #bound(): void {
    const { connect } = this.#options;
    try {
      this.#configure();
    } catch (error) {
      this.#handlers.failed(error as Error);
      this.close();
      return;
    }
    if (connect === undefined) this.#open();
    else {
      this.socket.once('connect', () => this.#open());
      this.socket.connect(connect.port, connect.address);
    }
  }

  #open(): void {
    this.#isBound = true;
    this.#handlers.bound();
    this.#tellReady();
  }

  #configure(): void {
    const { socket } = this;
    const { recvBufferBytes, sendBufferBytes, broadcast, ttl, multicastTtl } = this.#options;
    const { multicastLoopback, multicastInterface, groups } = this.#options;
    grow(recvBufferBytes, (bytes) => socket.setRecvBufferSize(bytes));
    grow(sendBufferBytes, (bytes) => socket.setSendBufferSize(bytes));
    if (broadcast) socket.setBroadcast(true);
    if (ttl !== undefined) socket.setTTL(ttl);
    if (multicastTtl !== undefined) socket.setMulticastTTL(multicastTtl);
    if (multicastLoopback !== undefined) socket.setMulticastLoopback(multicastLoopback);
    if (multicastInterface !== undefined) socket.setMulticastInterface(multicastInterface);
    for (const group of groups) this.join(group);
  }

  #refilled(): void {
    this.#refill = undefined;
    this.#budgetBytes = this.#options.burstBytesMax;
    this.#reap();
    this.#tellReady();
  }

  /** The system sends in order: what it still has are the last ones. */
  #reap(): void {
    const left = this.#isClosed ? 0 : this.socket.getSendQueueCount();
    const done = this.#unsent.splice(0, Math.max(0, this.#unsent.length - left));
    for (const segment of done) this.#handlers.written(segment);
    if (done.length > 0) this.#tellReady();
  }

  #tellReady(): void {
    if (!this.#waiting || !this.ready) return;
    this.#waiting = false;
    this.#handlers.ready();
  }

  #error(error: NodeJS.ErrnoException): void {
    // The system tells on the socket what became of an earlier datagram.
    if (this.#isBound) this.#handlers.sendFailed(error);
    else {
      this.#handlers.failed(error);
      this.close();
    }
  }

  #closed(): void {
    this.#isClosed = true;
    this.#isBound = false;
    for (const segment of this.#unsent.splice(0)) this.#handlers.written(segment);
    this.#handlers.closed();
  }
}

/** Some systems refuse a size above their bound instead of granting the bound. */
function grow(bytes: number, set: (bytes: number) => void): void {
  for (let size = bytes; size >= 65_536; size /= 2) {
    try {
      set(Math.floor(size));
      return;
    } catch {
      // The next smaller one.
    }
  }
}
