/**
 * `listen`: a server for the ringwire wire. Peers are known to the program from their hello on.
 *
 * Invariant: `peers` are exactly the connected ones; after `close` has settled nothing of the server is left, its socket file included.
 */
import type net from 'node:net';
import { NOTHING_KEPT } from '../connection/link.ts';
import { StreamServer } from '../endpoints/server.ts';
import { fanOut, type Outlet } from '../endpoints/fan-out.ts';
import { type Handler } from '../emitter.ts';
import { RingwireError } from '../errors.ts';
import { CONNECT_TIMEOUT_MS, LISTEN_CONNECTIONS_MAX } from '../limits.ts';
import { serverTlsOptions } from '../transports/tls-options.ts';
import { addressOf, type Place } from './address.ts';
import { type CloseOptions, inTime } from './deadline.ts';
import { messageOut } from './diagnostics.ts';
import { Endpoint } from './endpoint.ts';
import { flushAtExit } from './exit.ts';
import { Group, Groups } from './group.ts';
import { Lifecycle, type ServerLifecycle } from './lifecycle.ts';
import { Listening } from './listening.ts';
import { logLifecycle } from './log.ts';
import { checkNumber, timeoutOf } from './option-checks.ts';
import type { ListenOptions } from './options.ts';
import type { Protocol } from './protocol.ts';
import type { AnyRequestHandler } from './requests/answerer.ts';
import type { RequestContext } from './requests/handling.ts';
import { ServerPeer } from './server-peer.ts';
import { type ServerStats, statsOf, Tally } from './stats.ts';
import type { AnyContract, AnyHandlerOf, Contract, DataArguments, HandlerOf, NameIn } from './types.ts';

/** What `listen` gives: the peers that have connected, and what is said to all of them. */
export class PeerServer<C extends Contract = AnyContract> {
  /** What happens to the server and its connections: `connect`, `disconnect`, `error`, `drain`, `close`. */
  readonly lifecycle: Lifecycle<ServerLifecycle<C>>;
  readonly #options: ListenOptions;
  readonly #endpoint: Endpoint;
  readonly #stream: StreamServer;
  readonly #listening: Listening;
  /** Everybody, also those who have not said hello. */
  readonly #bySocket = new Map<net.Socket, ServerPeer<C>>();
  readonly #peers = new Set<ServerPeer<C>>();
  readonly #groups = new Groups<C>();
  /** Of the peers that are gone, and of what belongs to none. */
  readonly #tally: Tally = new Tally();
  #peersTotal = 0;
  #keepsAlive = true;
  #closing: Promise<void> | undefined = undefined;
  readonly #unhook: () => void;

  /** Made by `listen`. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_TLS_CONFIG */
  constructor(place: Place, options: ListenOptions, protocol: Protocol) {
    const { maxConnections = LISTEN_CONNECTIONS_MAX } = options;
    checkNumber('maxConnections', maxConnections, 1, Infinity);
    this.#options = options;
    this.#endpoint = new Endpoint(options, protocol, true);
    this.lifecycle = new Lifecycle(this.#endpoint.lifecycle);
    logLifecycle(this.#endpoint.lifecycle, options.logger, 'server', () => this.address);
    this.#stream = this.#newStream(place, options, maxConnections);
    this.#listening = new Listening(this.#stream, place, options);
    this.#unhook = flushAtExit(() => this.flush());
  }

  /** Where clients connect to, with the port that was really taken. */
  get address(): string {
    return addressOf(this.#listening.place);
  }

  /** The connected peers, in the order of their arrival. */
  get peers(): ReadonlySet<ServerPeer<C>> {
    return this.#peers;
  }

  /** Hears messages of every peer. */
  on<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: ServerPeer<C>]>,
  ): this {
    this.#endpoint.emitter.on(event, handler as Handler);
    return this;
  }

  /** As `on`, for one message. */
  once<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: ServerPeer<C>]>,
  ): this {
    this.#endpoint.emitter.once(event, handler as Handler);
    return this;
  }

  /** Takes a handler of `on` or `once` away. */
  off<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [peer: ServerPeer<C>]>,
  ): this {
    this.#endpoint.emitter.off(event, handler as Handler);
    return this;
  }

  /**
   * Answers requests of a name: with the value that the handler returns or its promise yields, or with a stream when that is an async
   * iterable. What it throws is told to the asker by code and message. A second handler replaces the first, undefined takes it away.
   */
  handle<K extends NameIn<C['requests']> | NameIn<C['streams']>>(
    request: K,
    handler: AnyHandlerOf<C, K, RequestContext<ServerPeer<C>>> | undefined,
  ): this {
    if (handler === undefined) this.#endpoint.handlers.delete(request);
    else this.#endpoint.handlers.set(request, handler as AnyRequestHandler);
    return this;
  }

  /**
   * Sends to every peer, encoded once for each codec in use. A peer that does not take it is told by `lifecycle`'s `error`; it keeps nothing from the others.
   * @returns false when any is slow, or did not take it
   * @throws what `peer.send` throws; nothing is sent then
   */
  broadcast<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  broadcast(event: string, data?: unknown): boolean {
    return this.#sendTo(this.#peers, event, data, () => this.#everybody());
  }

  /** The peers that were added under a name. */
  group(name: string): Group<C> {
    return new Group<C>(name, this.#groups, (peers, event, data) => this.#sendTo(peers, event, data));
  }

  /** Writes what was sent in this tick now instead of at its end. */
  flush(): void {
    this.#stream.flush();
  }

  /** What has passed, what waits and what was refused. @param previous an earlier result: rates count from there, otherwise from the start */
  stats(previous?: ServerStats): ServerStats {
    const total = new Tally(this.#tally.startMs);
    this.#tally.addTo(total);
    const { sessions } = this.#stream;
    const unacknowledged = sessions?.unacknowledged ?? NOTHING_KEPT;
    const present = { pendingBytes: 0, unacknowledged, requests: { open: 0, queued: 0, handled: 0 } };
    for (const peer of this.#peers) {
      peer.contribute(total);
      const { pendingBytes, requests } = peer.now;
      present.pendingBytes += pendingBytes;
      for (const key of ['open', 'queued', 'handled'] as const) present.requests[key] += requests[key];
    }
    return {
      ...statsOf(total, present, previous),
      dropped: this.#stream.stats().dropped,
      peers: this.#peers.size,
      peersTotal: this.#peersTotal,
      peersAway: sessions?.waitingCount ?? 0,
    };
  }

  /** Listening and connections keep the process alive, until `unref`. */
  ref(): this {
    this.#keepsAlive = true;
    this.#stream.server.ref();
    for (const peer of this.#bySocket.values()) peer.ref();
    return this;
  }

  /** The process may end although the server listens. */
  unref(): this {
    this.#keepsAlive = false;
    this.#stream.server.unref();
    for (const peer of this.#bySocket.values()) peer.unref();
    return this;
  }

  /** Stops listening, lets what was sent to the peers leave, and closes their connections. Options as for `peer.close`. */
  async close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close();
    await Promise.all([this.#closing, ...Array.from(this.#bySocket.values(), (peer) => peer.close(options))]);
  }

  /** As `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Called by `listen`. */
  async start(): Promise<void> {
    const { signal, timeout } = this.#options;
    const timeoutMs = timeoutOf(timeout, CONNECT_TIMEOUT_MS);
    const late = (): Error => this.#late(timeoutMs);
    try {
      signal?.throwIfAborted();
      await inTime(this.#listening.start(), { signal, timeoutMs, late });
    } catch (error) {
      this.#unhook();
      this.#listening.abandon();
      throw error;
    }
    const abort = (): void => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.#endpoint.lifecycle.once('close', () => signal?.removeEventListener('abort', abort));
  }

  async #close(): Promise<void> {
    this.#unhook();
    const stopped = this.#listening.stop();
    await Promise.all(Array.from(this.#bySocket.values(), (peer) => peer.whenGone));
    await stopped;
    this.#endpoint.lifecycle.publish('close');
  }

  #sendTo(
    peers: Iterable<ServerPeer<C>>,
    event: string,
    data: unknown,
    outlets = (): Iterable<Outlet> => outletsOf(peers),
  ): boolean {
    if (this.#endpoint.validates) this.#endpoint.checkEvent(event, data);
    if (messageOut.hasSubscribers) for (const peer of peers) peer.noticed(event);
    const failed = (error: Error, outlet: Outlet): void =>
      this.#failed(error, outlet.origin as ServerPeer<C> | undefined);
    return fanOut(outlets, event, data, failed);
  }

  *#everybody(): Iterable<Outlet> {
    yield* outletsOf(this.#peers);
    yield* this.#stream.waiting;
  }

  #newStream(place: Place, options: ListenOptions, maxConnections: number): StreamServer {
    const tls = place.kind === 'tls' ? serverTlsOptions(options.tls ?? {}) : undefined;
    const onread = process.env['RINGWIRE_ONREAD'] !== '0';
    const streamOptions = { wire: 'binary', followPeer: true, maxConnections, tls, onread } as const;
    return new StreamServer(this.#endpoint.context, streamOptions, {
      opened: (socket, connection) => {
        const peer: ServerPeer<C> = new ServerPeer<C>(this.#endpoint, socket, connection, {
          error: (error) => this.#failed(error, peer),
        });
        this.#bySocket.set(socket, peer);
        if (!this.#keepsAlive) peer.unref();
      },
      connected: () => {},
      established: (socket, id, features) => {
        const peer = this.#bySocket.get(socket);
        if (peer === undefined) return;
        peer.established(id, features);
        this.#peers.add(peer);
        this.#peersTotal++;
        this.#endpoint.lifecycle.publish('connect', peer);
      },
      error: (error, socket) => this.#failed(error, socket && this.#bySocket.get(socket)),
      drained: (socket) => {
        const peer = this.#bySocket.get(socket);
        peer?.hasRoom();
        if (peer !== undefined) this.#endpoint.lifecycle.publish('drain', peer);
      },
      disconnected: (socket, unsentBytes) => this.#disconnected(socket, unsentBytes),
      dropped: () => {
        const message = `a peer was refused: there are ${maxConnections} connections`;
        this.#failed(
          new RingwireError('ERR_RINGWIRE_TOO_MANY_CONNECTIONS', message, { limit: maxConnections }),
        );
      },
    });
  }

  #late(limit: number): RingwireError {
    const message = `${this.address} could not be listened on within ${limit} ms`;
    return new RingwireError('ERR_RINGWIRE_LISTEN_TIMEOUT', message, { limit });
  }

  #disconnected(socket: net.Socket, unsentBytes: number): void {
    const peer = this.#bySocket.get(socket);
    if (peer === undefined) return;
    this.#bySocket.delete(socket);
    const wasConnected = this.#peers.delete(peer);
    this.#groups.forget(peer);
    peer.gone();
    peer.contribute(this.#tally);
    if (wasConnected) this.#endpoint.lifecycle.publish('disconnect', peer, peer.lastError, unsentBytes);
  }

  #failed(error: Error, peer?: ServerPeer<C>): void {
    (peer?.tally ?? this.#tally).refuse(error);
    if (peer !== undefined) peer.lastError = error;
    this.#endpoint.lifecycle.publish('error', error, peer);
  }
}

function* outletsOf<C extends Contract>(peers: Iterable<ServerPeer<C>>): Iterable<Outlet> {
  for (const peer of peers) yield peer.outlet;
}
