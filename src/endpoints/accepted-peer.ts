/**
 * One accepted socket, as its connection sees the server: adds the socket to what the connection tells. A class, because closures of its own would
 * cost each idle connection a good part of its memory.
 *
 * Invariant: the socket is set before anything is told.
 */
import type net from 'node:net';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionHandlers } from '../connection/contracts.ts';
import type { MessageError } from '../errors.ts';

export interface StreamServerHandlers {
  /** Where messages are acknowledged not before both sides have agreed on a session. */
  connected(socket: net.Socket): void;
  /** A connection was made for the socket; nothing has passed through it yet. */
  opened?: ((socket: net.Socket, connection: Connection) => void) | undefined;
  /** The peer has said hello; not on node-ipc's wires. */
  established?: ((socket: net.Socket, peerId: string, features: number) => void) | undefined;
  /** Each decoded value, before its handlers. */
  identified?: ((socket: net.Socket, data: unknown) => void) | undefined;
  /** Each message, before its handlers. */
  received?: ((socket: net.Socket, event: string, data: unknown) => MessageError | undefined) | undefined;
  error(error: Error, socket?: net.Socket): void;
  drained(socket: net.Socket): void;
  disconnected(socket: net.Socket, unsentBytes: number): void;
  /** A connection above maxConnections was closed at once. */
  dropped(): void;
}

export class AcceptedPeer implements ConnectionHandlers {
  socket!: net.Socket;
  readonly received: ConnectionHandlers['received'];
  readonly #handlers: StreamServerHandlers;
  readonly #acknowledges: boolean;
  readonly #closed: (socket: net.Socket, unsentBytes: number) => void;

  /** @param acknowledges the server hears of the connection when both sides have agreed on a session */
  constructor(
    handlers: StreamServerHandlers,
    closed: (socket: net.Socket, unsentBytes: number) => void,
    acknowledges: boolean,
  ) {
    const { received } = handlers;
    this.received = received && ((event, data) => received(this.socket, event, data));
    this.#handlers = handlers;
    this.#closed = closed;
    this.#acknowledges = acknowledges;
  }

  established(peerId: string | undefined, features: number): void {
    if (peerId !== undefined) this.#handlers.established?.(this.socket, peerId, features);
    if (this.#acknowledges) this.#handlers.connected(this.socket);
  }

  identified(data: unknown): void {
    this.#handlers.identified?.(this.socket, data);
  }

  error(error: Error): void {
    this.#handlers.error(error, this.socket);
  }

  drained(): void {
    this.#handlers.drained(this.socket);
  }

  closed(unsentBytes: number): void {
    this.#closed(this.socket, unsentBytes);
  }
}
