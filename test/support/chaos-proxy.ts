/**
 * Proxies that misbehave on purpose: one for datagrams, one for streams. What they do to which unit is drawn from a seed and written into
 * a log, so that a test can compare what was reported with what was done.
 *
 * They know nothing of any protocol. Invariant: equal seeds and equal traffic give equal logs; `close` leaves no socket and no timer behind.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type Random, seeded } from './seeded.ts';

export type ChaosAction =
  | 'pass'
  | 'drop'
  | 'duplicate'
  | 'reorder'
  | 'delay'
  | 'flip'
  | 'split'
  | 'coalesce'
  | 'throttle'
  | 'reset'
  | 'half-close';

export interface ChaosEntry {
  /** `up` goes to the target. */
  readonly direction: 'up' | 'down';
  readonly action: ChaosAction;
  /** Number of the datagram or chunk in its direction, from 0. */
  readonly unit: number;
  readonly bytes: number;
}

/** What happened, and how often. */
class ChaosLog {
  readonly entries: ChaosEntry[] = [];

  count(action: ChaosAction, direction: ChaosEntry['direction'] = 'up'): number {
    return this.entries.filter((entry) => entry.action === action && entry.direction === direction).length;
  }
}

/** Shares of the datagrams, 0 to 1; at most one thing happens to each. */
export interface DatagramChaos {
  readonly drop?: number;
  readonly duplicate?: number;
  /** Held back until two later ones have passed. */
  readonly reorder?: number;
  readonly delay?: number;
  readonly delayMsMax?: number;
  /** One bit is turned over. */
  readonly flip?: number;
}

const DATAGRAM_ACTIONS = ['drop', 'duplicate', 'reorder', 'delay', 'flip'] as const;
const OVERTAKEN_BY = 2;
const BUFFER_BYTES: number = 4 * 1024 * 1024;

interface Held {
  readonly bytes: Buffer;
  left: number;
  send: (bytes: Buffer) => void;
}

export class DatagramChaosProxy extends ChaosLog {
  /** Off: everything passes. */
  active = true;
  readonly #chaos: DatagramChaos;
  readonly #random: Random;
  readonly #front: dgram.Socket = dgram.createSocket('udp4');
  /** One socket towards the target for each client, so that the target can tell them apart. */
  readonly #clients = new Map<number, dgram.Socket>();
  readonly #held: Record<ChaosEntry['direction'], Held[]> = { up: [], down: [] };
  readonly #units = { up: 0, down: 0 };
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #target: number;

  private constructor(target: number, seed: number, chaos: DatagramChaos) {
    super();
    this.#target = target;
    this.#chaos = chaos;
    this.#random = seeded(seed);
    this.#front.on('message', (bytes, { port }) => this.#up(bytes, port));
  }

  /** @param target port on this machine */
  static async open(target: number, seed: number, chaos: DatagramChaos): Promise<DatagramChaosProxy> {
    const proxy = new DatagramChaosProxy(target, seed, chaos);
    proxy.#front.bind(0, '127.0.0.1');
    await once(proxy.#front, 'listening');
    proxy.#front.setRecvBufferSize(BUFFER_BYTES);
    return proxy;
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Lets go of what is held back for reordering. */
  release(): void {
    for (const direction of ['up', 'down'] as const)
      for (const held of this.#held[direction].splice(0)) held.send(held.bytes);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#front.close();
    for (const socket of this.#clients.values()) socket.close();
  }

  #up(bytes: Buffer, client: number): void {
    const socket = this.#clients.get(client) ?? this.#open(client);
    this.#treat('up', bytes, (treated) => socket.send(treated, this.#target, '127.0.0.1'));
  }

  #open(client: number): dgram.Socket {
    const socket = dgram.createSocket('udp4');
    this.#clients.set(client, socket);
    socket.on('message', (bytes) => {
      this.#treat('down', bytes, (treated) => this.#front.send(treated, client, '127.0.0.1'));
    });
    return socket;
  }

  #treat(direction: ChaosEntry['direction'], bytes: Buffer, send: (bytes: Buffer) => void): void {
    const action = this.active ? this.#draw() : 'pass';
    this.entries.push({ direction, action, unit: this.#units[direction]++, bytes: bytes.length });
    if (action === 'reorder') {
      this.#held[direction].push({ bytes, left: OVERTAKEN_BY, send });
      return;
    }
    if (action === 'pass' || action === 'duplicate') send(bytes);
    if (action === 'duplicate') send(bytes);
    if (action === 'delay') this.#later(() => send(bytes));
    if (action === 'flip') send(this.#flip(bytes));
    this.#passed(direction);
  }

  #draw(): ChaosAction {
    let share = this.#random.below(1_000_000) / 1_000_000;
    for (const action of DATAGRAM_ACTIONS) {
      share -= this.#chaos[action] ?? 0;
      if (share < 0) return action;
    }
    return 'pass';
  }

  #flip(bytes: Buffer): Buffer {
    const flipped = Buffer.from(bytes);
    const at = this.#random.below(bytes.length);
    flipped[at] = (flipped[at] as number) ^ (1 << this.#random.below(8));
    return flipped;
  }

  #later(send: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        send();
      },
      this.#random.below(this.#chaos.delayMsMax ?? 5) + 1,
    );
    this.#timers.add(timer);
  }

  #passed(direction: ChaosEntry['direction']): void {
    const due = this.#held[direction].filter((held) => --held.left <= 0);
    this.#held[direction] = this.#held[direction].filter((held) => held.left > 0);
    for (const held of due) held.send(held.bytes);
  }
}

/** Shares of the chunks, 0 to 1; at most one thing happens to each. */
export interface StreamChaos {
  /** The chunk is passed on in pieces. */
  readonly split?: number;
  /** The chunk waits for the next one and goes with it. */
  readonly coalesce?: number;
  readonly delay?: number;
  readonly delayMsMax?: number;
  readonly flip?: number;
  /** Byte by byte, for one chunk. */
  readonly throttle?: number;
  /** The connection is cut in mid-chunk. */
  readonly reset?: number;
  /** This direction ends; the other one goes on. */
  readonly 'half-close'?: number;
}

const STREAM_ACTIONS = ['split', 'coalesce', 'delay', 'flip', 'throttle', 'reset', 'half-close'] as const;
/** A chunk is not throttled beyond this many bytes. */
const THROTTLED_BYTES_MAX = 512;

export class StreamChaosProxy extends ChaosLog {
  active = true;
  readonly #chaos: StreamChaos;
  readonly #random: Random;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #units = { up: 0, down: 0 };

  private constructor(target: net.NetConnectOpts, seed: number, chaos: StreamChaos) {
    super();
    this.#chaos = chaos;
    this.#random = seeded(seed);
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const upstream = net.connect({ ...target, allowHalfOpen: true, noDelay: true });
      this.#join('up', client, upstream);
      this.#join('down', upstream, client);
    });
  }

  static async open(target: net.NetConnectOpts, seed: number, chaos: StreamChaos): Promise<StreamChaosProxy> {
    const proxy = new StreamChaosProxy(target, seed, chaos);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Chunks go one after the other: what happens to one holds up those behind it. */
  #join(direction: ChaosEntry['direction'], from: net.Socket, to: net.Socket): void {
    let turn: Promise<void> = Promise.resolve();
    let kept: Buffer = Buffer.alloc(0);
    this.#sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => this.#sockets.delete(from));
    from.on('data', (chunk: Buffer) => {
      const action = this.active ? this.#draw() : 'pass';
      this.entries.push({ direction, action, unit: this.#units[direction]++, bytes: chunk.length });
      const treat = async (): Promise<void> => {
        const bytes = Buffer.concat([kept, chunk]);
        kept = Buffer.alloc(0);
        if (action === 'coalesce') kept = bytes;
        else await this.#send(action, bytes, from, to);
      };
      turn = turn.then(treat);
    });
    from.on('end', () => {
      turn = turn.then(() => void to.end(kept));
    });
  }

  async #send(action: ChaosAction, bytes: Buffer, from: net.Socket, to: net.Socket): Promise<void> {
    if (to.writableEnded || to.destroyed) return;
    const cut = this.#random.below(bytes.length);
    if (action === 'delay') await pause(this.#random.below(this.#chaos.delayMsMax ?? 5) + 1);
    if (action === 'flip') bytes[cut] = (bytes[cut] as number) ^ (1 << this.#random.below(8));
    if (action === 'split') {
      to.write(bytes.subarray(0, cut));
      await pause(1);
      to.write(bytes.subarray(cut));
    } else if (action === 'throttle') {
      const slow = Math.min(bytes.length, THROTTLED_BYTES_MAX);
      for (let at = 0; at < slow; at++) {
        to.write(bytes.subarray(at, at + 1));
        await pause(0);
      }
      to.write(bytes.subarray(slow));
    } else if (action === 'reset') {
      to.write(bytes.subarray(0, cut));
      from.resetAndDestroy();
      to.resetAndDestroy();
    } else if (action === 'half-close') to.end(bytes);
    else to.write(bytes);
  }

  #draw(): ChaosAction {
    let share = this.#random.below(1_000_000) / 1_000_000;
    for (const action of STREAM_ACTIONS) {
      share -= this.#chaos[action] ?? 0;
      if (share < 0) return action;
    }
    return 'pass';
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}
