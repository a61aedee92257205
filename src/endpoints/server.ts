/**
 * The side that peers connect to: listens, keeps one connection for each accepted socket, answers each in its own wire.
 *
 * Invariant: `sockets` are exactly the sockets of open connections, in the order of their arrival.
 */
import net from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { tls } from '../loading.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionContext, WireChoice } from '../connection/contracts.ts';
import { Sessions } from '../connection/sessions.ts';
import type { Stats } from '../connection/counters.ts';
import type { WireKind } from '../connection/wire.ts';
import { KEEP_ALIVE_MS } from '../limits.ts';
import { canRewrap, rewrap } from '../transports/accept.ts';
import { StreamTransport, type TransportHandlers } from '../transports/stream.ts';
import { handshakeFault } from '../transports/tls-handshake.ts';
import { AcceptedPeer, type StreamServerHandlers } from './accepted-peer.ts';
import { fanOut, type Outlet } from './fan-out.ts';

export type { StreamServerHandlers } from './accepted-peer.ts';

export interface StreamServerOptions {
  /** The wire for peers that have said nothing yet. */
  readonly wire: WireKind;
  /** Whether a peer's first byte may choose the ringwire wire. */
  readonly followPeer: boolean;
  readonly maxConnections: number;
  /** Set for a TLS server. */
  readonly tls?: TlsOptions | undefined;
  /** Let the kernel read straight into our memory where Node allows it. Off only in tests of the other path. */
  readonly onread: boolean;
}

const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
} as const;

/** The socket that carries a TLS socket: Node's types do not know it. */
interface Wrapping {
  readonly _parent: net.Socket;
}

export class StreamServer {
  readonly server: net.Server;
  readonly sockets: net.Socket[] = [];
  readonly #connections = new Map<net.Socket, Connection>();
  readonly #context: ConnectionContext;
  readonly #choice: WireChoice;
  readonly #options: StreamServerOptions;
  readonly #handlers: StreamServerHandlers;
  readonly #peerClosed = (socket: net.Socket, unsentBytes: number): void => this.#closed(socket, unsentBytes);
  /** Where messages are acknowledged: those of the clients, and how messages for a socket that is gone find theirs. */
  readonly sessions: Sessions | undefined;
  readonly #gone = new WeakMap<net.Socket, Connection>();
  /** Sockets that are still in their TLS handshake. */
  readonly #unready = new Set<net.Socket>();

  constructor(context: ConnectionContext, options: StreamServerOptions, handlers: StreamServerHandlers) {
    this.#context = context;
    const { sessions } = context;
    this.sessions = sessions && new Sessions(sessions, (error) => this.#failed(error));
    this.#choice = { first: options.wire, followPeer: options.followPeer, delivery: this.sessions };
    this.#options = options;
    this.#handlers = handlers;
    this.server = options.tls === undefined ? this.#plainServer() : this.#tlsServer(options.tls);
    this.server.maxConnections = options.maxConnections;
    this.server.on('error', (error) => this.#failed(error));
    this.server.on('drop', () => {
      context.counters.refused('ERR_RINGWIRE_TOO_MANY_CONNECTIONS');
      handlers.dropped();
    });
  }

  /**
   * Queues a message for one peer. Where messages are acknowledged also for one that is gone and may come back.
   * @returns false when the peer is slow or not ours any more
   * @throws what `Connection.send` throws
   */
  send(socket: net.Socket, event: string, data: unknown): boolean {
    const connection = this.#connections.get(socket) ?? this.#gone.get(socket);
    return connection?.sender.send(event, data) ?? false;
  }

  /**
   * Queues a message for every peer, encoded once for each wire and codec in use.
   * @returns false when any peer is slow
   * @throws what `Connection.share` throws for every peer, and not by the peers' own choice; nothing is queued then. Other refusals are told as errors
   */
  broadcast(event: string, data: unknown): boolean {
    const failed = (error: Error, outlet: Outlet): void => this.#failed(error, this.#socketOf(outlet));
    return fanOut(() => this.#outlets(), event, data, failed);
  }

  *#outlets(): Iterable<Outlet> {
    yield* this.#connections.values();
    yield* this.waiting;
  }

  /** Sessions of clients that are gone and may come back. */
  get waiting(): Iterable<Outlet> {
    return this.sessions?.waiting ?? [];
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    for (const connection of this.#connections.values()) connection.flush();
  }

  /** Bytes accepted for a peer and not yet written. */
  pendingBytes(socket: net.Socket): number {
    return this.#connections.get(socket)?.pendingBytes ?? 0;
  }

  stats(): Stats {
    return this.#context.counters.snapshot(this.#context.watchdog.connections);
  }

  /** Stops listening. @param drain let connections end by themselves instead of cutting them */
  stop(drain: boolean): void {
    this.server.close();
    for (const socket of this.#unready) socket.destroy();
    this.sessions?.close();
    if (drain) return;
    for (const connection of this.#connections.values()) connection.destroy();
  }

  #plainServer(): net.Server {
    const options = { ...SOCKET_OPTIONS, pauseOnConnect: true };
    return net.createServer(options, (accepted) => {
      const onread = this.#options.onread && canRewrap(accepted);
      this.#accept(onread ? (handlers) => rewrap(accepted, handlers) : () => accepted, onread);
    });
  }

  #tlsServer(options: TlsOptions): net.Server {
    const handshakeTimeout = this.#context.limits.handshakeTimeoutMs;
    const server = tls().createServer({ ...options, ...SOCKET_OPTIONS, handshakeTimeout });
    server.on('connection', (socket) => {
      this.#unready.add(socket);
      socket.once('close', () => this.#unready.delete(socket));
    });
    server.on('secureConnection', (socket: TLSSocket & Wrapping) => {
      this.#unready.delete(socket._parent);
      this.#accept(() => socket, false);
    });
    server.on('tlsClientError', (error, socket) => {
      // Node tells of a handshake that failed or came late, and leaves the socket open.
      socket.destroy();
      this.#failed(handshakeFault(error, handshakeTimeout), socket);
    });
    return server;
  }

  #accept(makeSocket: (handlers: TransportHandlers) => net.Socket, onread: boolean): void {
    const peer = new AcceptedPeer(this.#handlers, this.#peerClosed, this.sessions !== undefined);
    const connection = new Connection(this.#context, this.#choice, peer);
    const socket = makeSocket(connection);
    peer.socket = socket;
    connection.origin = socket;
    this.#connections.set(socket, connection);
    this.sockets.push(socket);
    this.#handlers.opened?.(socket, connection);
    connection.open(new StreamTransport(socket, connection, onread));
    if (this.sessions === undefined) this.#handlers.connected(socket);
  }

  #failed(error: Error, socket?: net.Socket): void {
    this.#context.counters.failed(error);
    this.#handlers.error(error, socket);
  }

  #socketOf(outlet: Outlet): net.Socket | undefined {
    for (const [socket, each] of this.#connections) if (each === outlet) return socket;
    return undefined;
  }

  #closed(socket: net.Socket, unsentBytes: number): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    if (this.sessions !== undefined) this.#gone.set(socket, connection);
    this.sockets.splice(this.sockets.indexOf(socket), 1);
    this.#handlers.disconnected(socket, unsentBytes);
  }
}
