/**
 * How datagrams travel: one dgram socket, what it asks of the system, and a budget for each turn of the event loop, so that a sender in a loop
 * does not fill every receive buffer on its way before anybody reads. It knows neither frames nor peers.
 *
 * Invariant: each `send` has had its `written` when the system does not need the memory any more; nothing that the system says is thrown.
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { dgram, dns } from '../loading.ts';
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
  received(bytes: Buffer, source: RemoteInfo): void;
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

/** A callback costs as much as a seventh of a send: of datagrams that are alike, one in so many has one. */
const ASK_EVERY = 16;

type Lookup = (host: string, family: number, done: (error: Error | null, address: string) => void) => void;

export class DatagramSocket {
  readonly socket: Socket;
  readonly #options: DatagramSocketOptions;
  readonly #handlers: DatagramSocketHandlers;
  /** Datagrams that the system did not take at once, in order. */
  readonly #unsent: Segment[] = [];
  #burstBytes: number;
  #budgetBytes: number;
  /** The destination of the last datagram, the largest one that the system has taken for it, and how many went since one was asked after. */
  #port = 0;
  #address = '';
  #takenBytes = 0;
  #unasked = 0;
  #refill: NodeJS.Immediate | undefined = undefined;
  #waiting = false;
  #isBound = false;
  #isClosed = false;
  readonly #sent = (error: Error | null, bytes: number): void => {
    if (error === null) this.#takenBytes = Math.max(this.#takenBytes, bytes);
    else {
      this.#takenBytes = 0;
      this.#handlers.sendFailed(error);
    }
    if (this.#unsent.length > 0) this.#reap();
    this.#tellReady();
  };

  /** What is sent has a number for an address; Node's own way would cost each datagram a tick. */
  readonly #lookup: Lookup = (host, family, done) => {
    if (this.#isBound) done(null, host);
    else dns().lookup(host, { family }, done);
  };

  constructor(options: DatagramSocketOptions, handlers: DatagramSocketHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#burstBytes = this.#budgetBytes = options.burstBytesMax;
    const { type, reuseAddress, reusePort } = options;
    // Types of Node 20 do not know reusePort yet.
    const created = { type, reuseAddr: reuseAddress, reusePort, lookup: this.#lookup as never };
    this.socket = dgram().createSocket(created);
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
    this.#budgetBytes -= segment.length + OVERHEAD_BYTES;
    this.#refill ??= setImmediate(() => this.#refilled());
    const sent = this.#mustAsk(segment.length, port, address) ? this.#sent : undefined;
    try {
      if (this.#options.connect === undefined) this.socket.send(segment.bytes, port, address, sent);
      else this.socket.send(segment.bytes, sent);
    } catch (error) {
      // An address or a port that dgram itself refuses.
      this.#handlers.written(segment);
      this.#handlers.sendFailed(Object.assign(error as Error, { address, port }));
      return;
    }
    // Memory that is free at once is used for the next datagram while it still lies in the cache.
    if (this.#unsent.length === 0 && this.socket.getSendQueueCount() === 0) this.#handlers.written(segment);
    else {
      this.#unsent.push(segment);
      this.#reap();
    }
  }

  /**
   * Whether to hear what becomes of a datagram. One is enough of those that go where the last one went and are no larger than what was
   * taken there; while the system refuses some, or takes them late, all are asked after.
   */
  #mustAsk(bytes: number, port: number, address: string): boolean {
    if (port !== this.#port || address !== this.#address) {
      this.#port = port;
      this.#address = address;
      this.#takenBytes = 0;
    } else if (bytes <= this.#takenBytes && this.#unsent.length === 0 && ++this.#unasked < ASK_EVERY)
      return false;
    this.#unasked = 0;
    return true;
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
    // The other side's buffer is likely no larger than this one.
    this.#burstBytes = Math.min(this.#burstBytes, socket.getRecvBufferSize() / 2);
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
    this.#budgetBytes = this.#burstBytes;
    if (this.#unsent.length > 0) this.#reap();
    this.#tellReady();
  }

  /** The system sends in order: what it still has are the last ones. */
  #reap(): void {
    const unsent = this.#unsent;
    const left = this.#isClosed ? 0 : this.socket.getSendQueueCount();
    if (left > 0) {
      for (const segment of unsent.splice(0, Math.max(0, unsent.length - left)))
        this.#handlers.written(segment);
      return;
    }
    for (let segment = unsent.pop(); segment !== undefined; segment = unsent.pop())
      this.#handlers.written(segment);
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
