/**
 * One UDP socket of the modern face: opens and closes it, checks what passes against the protocol, and tells `lifecycle` what happens. Client and
 * server are two views of it.
 *
 * Invariant: whatever a datagram says, it ends as a message for a handler or as a count; nothing is thrown.
 */
import { DatagramEndpoint } from '../../endpoints/datagram.ts';
import type { RemoteInfo } from '../../endpoints/datagram-link.ts';
import type { DatagramOptions } from '../../endpoints/datagram-options.ts';
import type { DatagramTarget } from '../../endpoints/datagram-peers.ts';
import { Emitter, type Publisher, type Slot } from '../../emitter.ts';
import { type ErrorCode, MessageError, RingwireError } from '../../errors.ts';
import { CONNECT_TIMEOUT_MS } from '../../limits.ts';
import { inTime } from '../deadline.ts';
import { flushAtExit } from '../exit.ts';
import { keeperOf } from '../keep.ts';
import { timeoutOf } from '../option-checks.ts';
import { type Protocol, specOf } from '../protocol.ts';
import { notConnected } from '../requests/asker.ts';
import { checked } from '../schema.ts';
import type { Stats } from '../stats.ts';
import { checkUdpOptions, type UdpOptions, type UdpPlace } from './options.ts';
import { type UdpStats, udpStatsOf } from './stats.ts';

/** What a client or a server does with what its socket tells. */
export interface HubHandlers {
  deliver(source: RemoteInfo, slot: Slot, data: unknown): void;
  drained(target: RemoteInfo): void;
  forgotten(source: RemoteInfo): void;
  stats(): void;
  closed(): void;
}

export class DatagramHub implements Publisher {
  readonly lifecycle: Emitter = new Emitter();
  readonly startMs: number = performance.now();
  readonly keep: (data: unknown) => unknown;
  readonly #place: UdpPlace;
  readonly #options: UdpOptions;
  readonly #protocol: Protocol;
  readonly #handlers: HubHandlers;
  readonly #validates: boolean;
  #engine: DatagramEndpoint | undefined = undefined;
  #isOpen = false;
  #isClosed = false;
  #keepsAlive = true;
  #unsent = 0;
  readonly #unhook: () => void;
  readonly #gone: Promise<void>;
  #resolveGone: () => void = () => {};

  /** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
  constructor(place: UdpPlace, options: UdpOptions, protocol: Protocol, handlers: HubHandlers) {
    checkUdpOptions(options);
    this.#place = place;
    this.#options = options;
    this.#protocol = protocol;
    this.#handlers = handlers;
    this.#validates = options.validate === true;
    this.keep = keeperOf(options.receive);
    this.#gone = new Promise((resolve) => (this.#resolveGone = resolve));
    this.#unhook = flushAtExit(() => this.flush());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The port that was really taken; undefined while there is none. */
  get port(): number | undefined {
    return this.#isOpen ? this.#engine?.socket.address().port : undefined;
  }

  /** Opens the socket; `plan` says how. Rejects with the error of the system, the signal's reason, or `lateCode` when it takes too long. */
  async start(plan: () => Promise<DatagramOptions>, lateCode: ErrorCode): Promise<void> {
    const { signal } = this.#options;
    const timeoutMs = timeoutOf(this.#options.timeout, CONNECT_TIMEOUT_MS);
    try {
      signal?.throwIfAborted();
      await inTime(this.#open(plan), { signal, timeoutMs, late: () => this.#late(lateCode, timeoutMs) });
    } catch (error) {
      await this.close();
      throw error;
    }
    const abort = (): void => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.lifecycle.once('close', () => signal?.removeEventListener('abort', abort));
  }

  /** @throws what the codec throws, ERR_RINGWIRE_UDP_TOO_LARGE, ERR_RINGWIRE_INVALID_DATA; nothing is sent then */
  send(target: DatagramTarget, event: string, data: unknown): boolean {
    this.#check(event, data);
    if (this.#isOpen) return (this.#engine as DatagramEndpoint).send(target, event, data);
    this.#unsent++;
    return false;
  }

  /** `send` to many; who cannot be sent it keeps it from nobody. */
  broadcast(targets: Iterable<RemoteInfo>, event: string, data: unknown): boolean {
    this.#check(event, data);
    if (this.#isOpen) return (this.#engine as DatagramEndpoint).broadcast(event, data, targets);
    this.#unsent++;
    return false;
  }

  /** `send` has said false, and there will be room. */
  isFull(target: DatagramTarget): boolean {
    return this.#engine?.known(target)?.isFull === true;
  }

  flush(): void {
    this.#engine?.flush();
  }

  get engine(): DatagramEndpoint {
    if (this.#engine === undefined || !this.#isOpen) throw notConnected();
    return this.#engine;
  }

  stats(previous?: Stats): UdpStats {
    const datagrams = (this.#engine as DatagramEndpoint).stats();
    const pendingBytes = datagrams.peers.reduce((sum, peer) => sum + peer.pendingBytes, 0);
    const refused: Record<string, number> = { ...datagrams.faultsByCode };
    if (this.#unsent > 0) refused['ERR_RINGWIRE_NOT_CONNECTED'] = this.#unsent;
    return { ...udpStatsOf(this.startMs, datagrams, pendingBytes, refused, previous), datagrams };
  }

  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    if (keepsAlive) this.#engine?.socket.ref();
    else this.#engine?.socket.unref();
  }

  /** Sends what was sent in this tick, then closes. What the system does not take at once is lost. */
  close(): Promise<void> {
    if (this.#engine === undefined) this.#closed();
    else this.#engine.stop();
    return this.#gone;
  }

  publishTo(slot: Slot, data: unknown, origin: unknown): void {
    const source = origin as RemoteInfo;
    let value = data;
    if (this.#validates) {
      try {
        value = checked(specOf(this.#protocol.events, slot.name)?.schema, data, slot.name);
      } catch (error) {
        // What else a schema throws is the program's own fault, not the peer's.
        if (!(error instanceof MessageError)) throw error;
        const link = this.#engine?.known(source);
        if (link !== undefined) this.#engine?.refuse(link, error.code);
        return;
      }
    }
    this.#handlers.deliver(source, slot, value);
  }

  #check(event: string, data: unknown): void {
    if (this.#validates) checked(specOf(this.#protocol.events, event)?.schema, data, event);
  }

  async #open(plan: () => Promise<DatagramOptions>): Promise<void> {
    const options = await plan();
    // Given up while a name was looked up.
    if (this.#isClosed) return;
    await new Promise<void>((resolve, reject) => {
      const engine = new DatagramEndpoint(this, options, {
        started: () => {
          this.#isOpen = true;
          resolve();
        },
        identified: () => {},
        error: (error) => {
          reject(error);
          if (this.#isOpen) this.lifecycle.publish('error', error);
        },
        drained: (target) => this.#handlers.drained(target),
        forgotten: (source) => this.#handlers.forgotten(source),
        stats: () => this.#handlers.stats(),
        closed: () => this.#closed(),
      });
      this.#engine = engine;
      if (!this.#keepsAlive) engine.socket.unref();
      engine.start();
    });
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#unhook();
    this.#handlers.closed();
    this.#resolveGone();
    if (wasOpen) this.lifecycle.publish('close');
  }

  #late(code: ErrorCode, limit: number): RingwireError {
    const { host, port } = this.#place;
    const message = `no socket for udp://${host}:${port} within ${limit} ms`;
    return new RingwireError(code, message, { limit });
  }
}
