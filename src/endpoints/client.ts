/**
 * A peer that we connect to, for as long as the program wants it: one connection at a time, tried again by the rules.
 * What is sent before the first connection waits for it; what is sent while a lost connection is being restored is refused.
 *
 * Invariant: there is at most one socket, and after `destroyed` none any more; each connection and each failed try is reported `closed` once.
 */
import type net from 'node:net';
import { Connection } from '../connection/connection.ts';
import type { ConnectionContext } from '../connection/contracts.ts';
import type { Stats } from '../connection/counters.ts';
import { isPeersDoing, type Sender } from '../connection/sender.ts';
import type { SharedMessage } from '../connection/shared-message.ts';
import { newSession, type Session } from '../connection/session.ts';
import { SyncWindow } from '../connection/sync-window.ts';
import type { WireKind } from '../connection/wire.ts';
import type { MessageError } from '../errors.ts';
import { StreamTransport, type TransportHandlers } from '../transports/stream.ts';
import { limitHandshake } from '../transports/tls-handshake.ts';
import { Retry, type RetryRules } from './retry.ts';

export interface StreamClientOptions {
  readonly wire: WireKind;
  /** Starts a socket that reads into the handlers if it can. `ready` is the event after which it carries bytes. */
  connect(handlers: TransportHandlers): {
    socket: net.Socket;
    onread: boolean;
    ready: 'connect' | 'secureConnect';
  };
  retry(): RetryRules;
  /** Requests under way at once in sync mode; 0 turns it off. */
  window: number;
}

export interface StreamClientHandlers {
  /** A connection object was made, for this try and those that follow until one succeeds; nothing has passed through it yet. */
  opened?: ((connection: Connection) => void) | undefined;
  connected(peerId: string | undefined, features: number): void;
  error(error: Error): void;
  drained(): void;
  received?: ((event: string, data: unknown) => MessageError | undefined) | undefined;
  /** A connection or a try is over. @param unsentBytes accepted and perhaps not delivered */
  closed(unsentBytes: number): void;
  /** No further try follows. */
  destroyed(): void;
}

export class StreamClient {
  socket: net.Socket | undefined = undefined;
  readonly sync: SyncWindow | undefined;
  /** Set where messages are acknowledged: what was sent waits in it, also while there is no connection. */
  session: Session | undefined = undefined;
  /** Messages that were refused because there was no connection. */
  refusedCount = 0;
  readonly #context: ConnectionContext;
  readonly #options: StreamClientOptions;
  readonly #handlers: StreamClientHandlers;
  readonly #retry: Retry;
  #connection: Connection;
  /** The connection had a working socket: it cannot be used for another one. */
  #opened = false;
  #everConnected = false;
  #abandoned = false;
  #establishedMs = Infinity;
  /** A socket works, and no window stands before it: messages go straight there. */
  #direct: Sender | undefined = undefined;

  constructor(context: ConnectionContext, options: StreamClientOptions, handlers: StreamClientHandlers) {
    this.#context = context;
    this.#options = options;
    this.#handlers = handlers;
    this.#retry = new Retry(() => options.retry());
    this.#connection = this.#startAnew();
    if (options.window > 0) this.sync = this.#newWindow();
  }

  /** Tries since the last connection, or with a growing pause since the last stable one. */
  get attempts(): number {
    return this.#isStable ? 0 : this.#retry.attempts;
  }

  /** The connection has brought a message, or has lasted. */
  get #isStable(): boolean {
    const lastedMs = performance.now() - this.#establishedMs;
    return (
      lastedMs >= this.#context.limits.stableMs ||
      (lastedMs >= 0 && this.#connection.traffic.receivedMessages > 0)
    );
  }

  stats(): Stats {
    return this.#context.counters.snapshot(this.#context.watchdog.connections);
  }

  /** The connection of the moment, which need not be established. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Whether waiting to try again keeps the process alive: true. */
  set keepsAlive(value: boolean) {
    this.#retry.keepsAlive = value;
  }

  /** Starts the first try, or a new one after the client had given up. @throws what starting a socket throws */
  connect(): void {
    this.#retry.cancel();
    this.#abandoned = false;
    if (this.session?.isOver === true) this.#connection = this.#startAnew();
    const connection = this.#connection;
    const { socket, onread, ready } = this.#options.connect(connection);
    this.socket = socket;
    const transport = new StreamTransport(
      socket,
      {
        receiving: () => connection.receiving(),
        received: (bytes) => connection.received(bytes),
        receivedChunk: (chunk) => connection.receivedChunk(chunk),
        written: (segment, isLost) => connection.written(segment, isLost),
        ended: () => connection.ended(),
        failed: (error) => connection.failed(error),
        closed: () => this.#closed(connection, socket),
      },
      onread,
    );
    if (ready === 'secureConnect') limitHandshake(socket, this.#context.limits.handshakeTimeoutMs);
    socket.once(ready, () => {
      this.#opened = true;
      const isDirect = this.sync === undefined && this.session === undefined && !this.#abandoned;
      this.#direct = isDirect ? connection.sender : undefined;
      connection.open(transport);
    });
  }

  /** @returns false when the caller should wait for 'drained', or when there is no connection and the message was dropped */
  send(event: string, data: unknown): boolean {
    if (this.#direct !== undefined) return this.#direct.send(event, data);
    try {
      return this.#sendSlowly(event, data);
    } catch (error) {
      const { wire, isFull } = this.session ?? this.#connection;
      if (!isPeersDoing(wire, event, error)) throw error;
      this.#failed(error);
      return !isFull;
    }
  }

  #sendSlowly(event: string, data: unknown): boolean {
    if (this.session !== undefined && !this.#abandoned) return this.session.send(event, data);
    if (this.sync !== undefined) return this.sync.add(this.#connection.share(event, data));
    if (this.#abandoned || (this.#everConnected && !this.#opened)) {
      this.refusedCount++;
      this.#context.counters.refused('ERR_RINGWIRE_NOT_CONNECTED');
      return false;
    }
    return this.#connection.send(event, data);
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.#connection.flush();
  }

  /** `disconnect` that lets what was sent leave first. */
  end(): void {
    if (!this.#opened) {
      this.disconnect();
      return;
    }
    this.#abandoned = true;
    this.#direct = undefined;
    this.#retry.cancel();
    this.#connection.end();
  }

  /** Ends it for good. `closed` follows unless nothing was connected or connecting. */
  disconnect(): void {
    this.#abandoned = true;
    this.#direct = undefined;
    this.#retry.cancel();
    this.sync?.close();
    if (this.#opened) this.#connection.destroy();
    else this.socket?.destroy();
    // Nobody will tell that it is closed.
    if (this.socket?.destroyed !== false && !this.#opened) this.#endSession();
  }

  #closed(connection: Connection, socket: net.Socket): void {
    if (socket !== this.socket) return;
    this.#direct = undefined;
    this.sync?.offline();
    // What waits in a connection that never had a working socket goes out with the next one.
    const isOver = this.#opened;
    if (this.#isStable) this.#retry.proven();
    this.#establishedMs = Infinity;
    if (isOver) {
      this.#opened = false;
      this.#connection = this.#newConnection();
    }
    this.#plan();
    if (isOver) connection.closed();
    else this.#handlers.closed(0);
    if (this.#abandoned) this.#end();
  }

  /** Schedules the next try, or gives up. */
  #plan(): void {
    if (this.#abandoned || !this.#retry.isAllowed) this.#abandoned = true;
    else {
      this.#retry.schedule(
        () => this.#tryAgain(),
        () => this.#end(),
      );
    }
  }

  #tryAgain(): void {
    try {
      this.connect();
    } catch (error) {
      this.#failed(error as Error);
      this.#plan();
      this.#handlers.closed(0);
      if (this.#abandoned) this.#end();
    }
  }

  #failed(error: Error): void {
    this.#context.counters.failed(error);
    this.#handlers.error(error);
  }

  #end(): void {
    this.#abandoned = true;
    this.#endSession();
    this.#connection = this.#newConnection();
    this.sync?.close();
    this.#handlers.destroyed();
  }

  #endSession(): void {
    const lost = this.session?.end('the client has ended');
    if (lost !== undefined) this.#failed(lost);
  }

  /** A connection that owes nothing to earlier ones. */
  #startAnew(): Connection {
    this.session = this.#context.sessions && newSession(this.#context.sessions);
    return this.#newConnection();
  }

  #newConnection(): Connection {
    const choice = { first: this.#options.wire, followPeer: false, delivery: this.session };
    const connection = new Connection(this.#context, choice, {
      established: (peerId, features) => {
        this.#everConnected = true;
        this.#establishedMs = performance.now();
        this.#retry.connected();
        this.#handlers.connected(peerId, features);
        this.sync?.online();
      },
      received: this.#handlers.received,
      // In sync mode every message that arrives lets the next request go.
      handled: this.#options.window > 0 ? () => this.sync?.next() : undefined,
      error: (error) => this.#handlers.error(error),
      drained: () => this.#handlers.drained(),
      closed: (unsentBytes) => this.#handlers.closed(unsentBytes),
    });
    this.#handlers.opened?.(connection);
    return connection;
  }

  #newWindow(): SyncWindow {
    const { syncTimeoutMs, syncQueuedCountMax, pendingBytesSoft, pendingBytesMax } = this.#context.limits;
    return new SyncWindow(
      {
        window: this.#options.window,
        timeoutMs: syncTimeoutMs,
        queuedCountMax: syncQueuedCountMax,
        queuedBytesSoft: pendingBytesSoft,
        queuedBytesMax: pendingBytesMax,
      },
      {
        send: (message: SharedMessage) => void this.#connection.sendShared(message),
        failed: (error) => this.#failed(error),
        drained: () => this.#handlers.drained(),
      },
    );
  }
}
