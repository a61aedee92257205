/**
 * One process that has connected to our server.
 *
 * Invariant: its messages reach its own handlers first, then those of the server; the server alone pays for peers without handlers of their own.
 */
import type net from 'node:net';
import type { Connection } from '../connection/connection.ts';
import type { Unacknowledged } from '../connection/link.ts';
import { Emitter, type Publisher, type Slot } from '../emitter.ts';
import { type CloseOptions, cutLate } from './deadline.ts';
import { messageOut } from './diagnostics.ts';
import type { Endpoint } from './endpoint.ts';
import { Peer } from './peer.ts';
import { notConnected } from './requests/asker.ts';
import type { Present, Tally } from './stats.ts';
import type { AnyContract, Contract, DataArguments, NameIn } from './types.ts';

export interface ServerPeerHandlers {
  error(error: Error): void;
}

/** A process that has connected to the server. It is gone for good when its connection is. */
export class ServerPeer<C extends Contract = AnyContract> extends Peer<C> {
  /** Node's socket, for what TLS or the system know of the other side. Do not read or write. */
  readonly socket: net.Socket;
  protected override readonly side = 'server';
  readonly #connection: Connection;
  readonly #handlers: ServerPeerHandlers;
  #emitter: Emitter | undefined = undefined;
  /** Why the connection goes, as far as it is known. */
  lastError: Error | undefined = undefined;
  readonly #gone: Promise<void>;
  #resolveGone: () => void = () => {};

  constructor(endpoint: Endpoint, socket: net.Socket, connection: Connection, handlers: ServerPeerHandlers) {
    super(endpoint);
    this.socket = socket;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#gone = new Promise((resolve) => (this.#resolveGone = resolve));
    connection.origin = this;
    connection.emitter = this.#publisher(endpoint.emitter);
  }

  override send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  override send(event: string, data?: unknown): boolean {
    if (this.endpoint.validates) this.endpoint.checkEvent(event, data);
    if (messageOut.hasSubscribers) messageOut.publish({ peer: this.notice, event });
    if (this.connection !== undefined) return this.connection.send(event, data);
    // It waits for the peer, which may come back.
    if (this.#connection.link.keeps) return this.#connection.send(event, data);
    this.tally.refuse(notConnected());
    return false;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const connection = this.#connection;
    if (!this.isClosed) {
      if (this.connection === undefined) connection.destroy();
      else connection.end();
    }
    const cut = (): void => connection.destroy();
    await cutLate(this.#gone, cut, options, this.endpoint.context.limits.closeTimeoutMs);
  }

  override ref(): this {
    this.socket.ref();
    return this;
  }

  override unref(): this {
    this.socket.unref();
    return this;
  }

  override refused(error: Error): void {
    this.#handlers.error(error);
  }

  /** @internal The other side has said hello. */
  established(id: string, features: number): void {
    this.attach(this.#connection, id, features);
  }

  /** @internal */
  hasRoom(): void {
    this.release();
  }

  /** @internal The connection is gone. */
  gone(): void {
    this.detach();
    this.finish();
    this.#resolveGone();
  }

  /** @internal Settles when the connection is gone. */
  get whenGone(): Promise<void> {
    return this.#gone;
  }

  /** @internal A message to many is on its way to this one. */
  noticed(event: string): void {
    messageOut.publish({ peer: this.notice, event });
  }

  /** @internal Adds what was counted so far. */
  contribute(to: Tally): void {
    this.total().addTo(to);
  }

  /** @internal */
  get now(): Present {
    return this.present();
  }

  /** @internal The connection, for messages to many. */
  get outlet(): Connection {
    return this.#connection;
  }

  protected override unacknowledged(): Unacknowledged {
    return this.#connection.link.unacknowledged;
  }

  protected override listeners(): Emitter {
    if (this.#emitter === undefined) {
      const own = (this.#emitter = new Emitter());
      this.#connection.emitter = this.#publisher(new TwoPublisher(own, this.endpoint.emitter));
    }
    return this.#emitter;
  }

  #publisher(handlers: Publisher): Publisher {
    return this.endpoint.publisher(
      handlers,
      (error) => this.refused(error),
      () => this.notice,
    );
  }
}

/** A peer's own handlers, then the server's. */
class TwoPublisher implements Publisher {
  readonly #own: Emitter;
  readonly #shared: Emitter;

  constructor(own: Emitter, shared: Emitter) {
    this.#own = own;
    this.#shared = shared;
  }

  publishTo(slot: Slot, data: unknown, origin: unknown): void {
    this.#own.publish(slot.name, data);
    this.#shared.publishTo(slot, data, origin);
  }
}
