/**
 * `ipc.server`: node-ipc's server object over a StreamServer, or over a DatagramEndpoint for UDP. It serves node-ipc's and ringwire's peers
 * with the same handlers.
 *
 * Invariant: it listens on at most one address; only a socket file that it made itself is removed when it stops.
 */
import type dgram from 'node:dgram';
import type net from 'node:net';
import { loadOwn, onFirstUse } from '../loading.ts';
import { makeContext } from '../endpoints/context.ts';
import type { DatagramEndpoint } from '../endpoints/datagram.ts';
import type { DatagramTarget } from '../endpoints/datagram-peers.ts';
import type { RemoteInfo } from '../endpoints/datagram-link.ts';
import type { DatagramStats } from '../endpoints/datagram-stats.ts';
import { StreamServer } from '../endpoints/server.ts';
import { Emitter } from '../emitter.ts';
import { Counters, type Stats } from '../connection/counters.ts';
import { RingwireError, type MessageError } from '../errors.ts';
import { checkPath, localAddress } from '../transports/local-path.ts';
import { listenOnPath } from '../transports/path-server.ts';
import { serverTlsOptions } from '../transports/tls-options.ts';
import type { Config } from './config.ts';
import { contextOptions, wireOf } from './config-options.ts';
import { eventGate } from './gate.ts';
import { identify } from './identify.ts';
import { inLog, type Log, oneLine } from './log.ts';
import { Shared } from './shared.ts';

const datagramFace = onFirstUse(() => loadOwn('ipc/datagram') as typeof import('./datagram.ts'));

/** An accepted socket; `id` is what the peer calls itself in a message, which proves nothing. */
export type PeerSocket = net.Socket & { id?: string | number };

/** A server in node-ipc's manner: what stands in `ipc.server`. */
export class Server extends Emitter {
  readonly config: Config;
  readonly log: Log;
  /** Path of the local socket, or host. */
  path: string;
  readonly port: number | undefined;
  readonly udp4: boolean;
  readonly udp6: boolean;
  readonly #shared: Shared;
  #datagrams: DatagramEndpoint | undefined = undefined;
  #stream: StreamServer | undefined = undefined;
  #starting = false;
  /** The socket whose close is being published. */
  #closing: PeerSocket | undefined = undefined;

  constructor(
    path: string,
    config: Config,
    log: Log,
    port?: number,
    udp?: 'udp4' | 'udp6',
    shared: Shared = new Shared(config, log),
  ) {
    super();
    this.config = config;
    this.path = udp === undefined ? path : datagramFace().datagramHost(udp, path);
    this.log = log;
    this.#shared = shared;
    this.port = port;
    this.udp4 = udp === 'udp4';
    this.udp6 = udp === 'udp6';
    // Before the program's own 'close' handlers, as in node-ipc.
    this.on('close', (socket: PeerSocket) => {
      // A peer may send a message of this name.
      if (socket !== this.#closing) return;
      const id = socket.id || false;
      this.log('socket disconnected', oneLine(String(id)));
      this.publish('socket.disconnected', socket, id);
    });
  }

  /** Node's server, or its UDP socket; false before `start`. */
  get server(): net.Server | dgram.Socket | false {
    return this.#stream?.server ?? this.#datagrams?.socket ?? false;
  }

  /** The sockets of all connected peers. Of UDP it is the one socket, as in node-ipc; see `peers`. */
  get sockets(): PeerSocket[] {
    const datagrams = this.#datagrams;
    if (datagrams !== undefined) return datagrams.isBound ? [datagrams.socket as unknown as PeerSocket] : [];
    return this.#stream?.sockets ?? [];
  }

  /** UDP: those who have been heard within `config.udp.peerTtlMs`, whom `broadcast` reaches. */
  get peers(): RemoteInfo[] {
    return this.#datagrams?.peers ?? [];
  }

  /** Whether it listens, or is about to. */
  get isLive(): boolean {
    return this.#starting || this.#stream?.server.listening === true || this.#datagrams?.isBound === true;
  }

  /**
   * Starts to listen; 'start' follows, or 'error'.
   * @throws RingwireError ERR_RINGWIRE_PATH_TOO_LONG, ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_BAD_DELIMITER, ERR_RINGWIRE_TLS_CONFIG
   */
  start(): void {
    if (!this.path) {
      this.log('Socket Server Path not specified, refusing to start');
      return;
    }
    if (this.isLive) {
      this.log('the server is listening already on ', this.path);
      return;
    }
    if (this.udp4 || this.udp6) {
      this.#startDatagrams();
      return;
    }
    const address = this.port === undefined ? localAddress(this.path) : undefined;
    if (address !== undefined) checkPath(address);
    const stream = (this.#stream = this.#newStream());
    this.#starting = true;
    this.log('starting server on ', this.path, this.port === undefined ? '' : `:${this.port}`);
    stream.server.once('listening', () => {
      this.#starting = false;
      this.onStart();
    });
    if (address === undefined) stream.server.listen(this.port, this.path);
    else {
      const { readableAll, writableAll, unlink } = this.config;
      listenOnPath(stream.server, { path: address, readableAll, writableAll, takeOver: unlink });
    }
  }

  /** Stops listening and cuts all peers; with `drain` peers stay until they leave. Does nothing before `start`. */
  stop(options: { drain?: boolean } = {}): void {
    this.#starting = false;
    this.#datagrams?.stop();
    this.#stream?.stop(options.drain === true);
  }

  /**
   * Sends a message to one peer, in that peer's wire and codec; with `config.rawBuffer` the second argument is what is sent.
   * @param socket the peer as handlers get it; of UDP also an object with `address` and `port`
   * @returns true, or false when the peer is slow ('drain' follows with the socket), gone, or has maxPendingBytes waiting already
   * @throws RingwireError ERR_RINGWIRE_FRAME_TOO_LARGE, ERR_RINGWIRE_UDP_TOO_LARGE, or what the codec throws; nothing is sent then. What is due to the
   *   peer's own choice of codec or limit is not thrown but an 'error'
   */
  emit(socket: PeerSocket | DatagramTarget, type: string, data?: unknown): boolean;
  emit(socket: PeerSocket & DatagramTarget, type: string, data?: unknown): boolean {
    if (this.config.logPayloads) this.log('dispatching event to socket', ' : ', type, data);
    if (this.#datagrams !== undefined) return this.#emitDatagram(this.#datagrams, socket, type, data);
    return this.#stream?.send(socket, type, data) ?? false;
  }

  /**
   * Sends a message to every peer, encoded once for each wire and codec in use.
   * @returns false when a peer is slow, or could not be sent it, which is an 'error'
   * @throws what `emit` throws; nothing is sent then
   */
  broadcast(type: string, data?: unknown): boolean {
    if (this.config.logPayloads)
      this.log('broadcasting event to all known sockets listening to ', this.path, ' : ', type, data);
    return (this.#datagrams ?? this.#stream)?.broadcast(type, data) ?? true;
  }

  /** Writes what was sent in this tick now instead of at its end. */
  flush(): void {
    (this.#datagrams ?? this.#stream)?.flush();
  }

  /** What has passed, what waits and what was refused, since `start`. Of UDP: what was sent, received and lost, in all and for each peer. */
  stats(): Stats | DatagramStats {
    return this.#datagrams?.stats() ?? this.#stream?.stats() ?? new Counters().snapshot([]);
  }

  /** UDP: joins a multicast group. @throws what the system says */
  join(group: string, multicastInterface?: string): void {
    this.#datagrams?.join(group, multicastInterface);
  }

  /** UDP: leaves a multicast group. @throws what the system says */
  leave(group: string, multicastInterface?: string): void {
    this.#datagrams?.leave(group, multicastInterface);
  }

  /** Publishes 'start', as node-ipc's servers do when they listen. */
  onStart(argument?: unknown): void {
    this.publish('start', argument);
  }

  #emitDatagram(datagrams: DatagramEndpoint, target: DatagramTarget, type: string, data: unknown): boolean {
    if (target?.address && target.port) return datagrams.send(target, type, data);
    this.log('emit without an address and a port reaches all known peers');
    return datagrams.broadcast(type, data);
  }

  #startDatagrams(): void {
    const { config, path, port = 0 } = this;
    this.#starting = true;
    const kind = this.udp4 ? 'udp4' : 'udp6';
    this.log('starting server on ', path, `:${port} ${kind}`);
    const endpoint = datagramFace().openDatagrams(
      this,
      config,
      { kind, path, port },
      () => (this.#starting = false),
    );
    this.#datagrams = endpoint;
    endpoint.start();
  }

  #newStream(): StreamServer {
    const { config } = this;
    const accounts = this.#shared.accounts();
    const context = makeContext(this, { ...contextOptions(config, true), accounts });
    if (config.tls) this.#shared.warnOfTrust(config.tls, true);
    const options = {
      wire: wireOf(config, true),
      followPeer: !config.rawBuffer,
      maxConnections: config.maxConnections,
      tls: config.tls ? serverTlsOptions(config.tls) : undefined,
      onread: process.env['RINGWIRE_ONREAD'] !== '0',
    } as const;
    return new StreamServer(context, options, {
      connected: (socket) => {
        this.log('## socket connection to server detected ##');
        this.publish('connect', socket);
      },
      identified: (socket: PeerSocket, data) => identify(socket, data),
      received: this.#receivedHandler(),
      error: (error, socket) => this.#failed(error, socket),
      drained: (socket) => this.publish('drain', socket),
      disconnected: (socket, unsentBytes) => {
        if (unsentBytes > 0) this.log('a peer left', unsentBytes, 'bytes unread');
        this.#closing = socket;
        this.publish('close', socket);
        this.#closing = undefined;
      },
      dropped: () => {
        const limit = config.maxConnections;
        this.#failed(
          new RingwireError(
            'ERR_RINGWIRE_TOO_MANY_CONNECTIONS',
            `a peer was refused: there are ${limit} connections`,
            { limit },
          ),
        );
      },
    });
  }

  #receivedHandler():
    ((socket: net.Socket, event: string, data: unknown) => MessageError | undefined) | undefined {
    const { logPayloads } = this.config;
    const gate = eventGate(this.config);
    if (gate === undefined && !logPayloads) return undefined;
    return (_socket, event, data) => {
      if (logPayloads) this.log('received event of : ', oneLine(event), inLog(data));
      return gate?.(event);
    };
  }

  #failed(error: Error, socket?: net.Socket): void {
    if (this.#stream?.server.listening !== true) this.#starting = false;
    this.#shared.logFault('server error', socket ?? this, error);
    this.publish('error', error);
  }
}
