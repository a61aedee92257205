/**
 * What the watchdog and the memory budget see of one connection, gathered from its parts at each look; nothing is kept twice.
 *
 * Invariant: it is known to the watchdog from its making until `leave`; a connection that was cut is looked at no more.
 */
import type { RingwireError } from '../errors.ts';
import { pingFrame } from '../frames/control.ts';
import type { StreamTransport } from '../transports/stream.ts';
import { BinaryWire } from './binary-wire.ts';
import type { ConnectionContext, Traffic } from './contracts.ts';
import { Liveness, type LivenessHandlers, type Signs } from './liveness.ts';
import type { Outbox } from './outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Watched } from './watchdog.ts';
import type { Wire } from './wire.ts';

/** The connection itself. */
export interface WatchedHandlers {
  readonly isCut: boolean;
  readonly traffic: Traffic;
  readonly wire: Wire;
  respond(bytes: Buffer): void;
  cut(error: RingwireError): void;
}

export class WatchedPeer implements Watched, Signs, LivenessHandlers {
  readonly #context: ConnectionContext;
  readonly #receiver: Receiver;
  readonly #outbox: Outbox;
  readonly #transport: StreamTransport;
  readonly #handlers: WatchedHandlers;
  readonly #liveness: Liveness;

  constructor(
    context: ConnectionContext,
    receiver: Receiver,
    outbox: Outbox,
    transport: StreamTransport,
    handlers: WatchedHandlers,
  ) {
    this.#context = context;
    this.#receiver = receiver;
    this.#outbox = outbox;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#liveness = new Liveness(context.limits, this, this);
    context.counters.opened();
    context.watchdog.add(this);
  }

  /** The connection is closed. */
  leave(unsentBytes: number): void {
    this.#context.watchdog.delete(this);
    this.#context.counters.closed(this.traffic, unsentBytes);
  }

  check(nowMs: number): void {
    if (!this.isCut) this.#liveness.check(nowMs);
  }

  cut(error: RingwireError): void {
    this.#handlers.cut(error);
  }

  ping(token: number): void {
    this.#handlers.respond(pingFrame(token));
  }

  get isCut(): boolean {
    return this.#handlers.isCut;
  }

  get traffic(): Traffic {
    return this.#handlers.traffic;
  }

  get unfinishedBytes(): number {
    return this.#receiver.unfinishedBytes;
  }

  get receivingBytes(): number {
    return this.#receiver.receivingBytes;
  }

  get receivedBytes(): number {
    return this.#receiver.receivedBytes;
  }

  get handledCount(): number {
    return this.#receiver.handledCount;
  }

  get turnsSpent(): number {
    return this.#receiver.turnsSpent;
  }

  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  get isEnding(): boolean {
    return this.#outbox.isClosed;
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  get drainCount(): number {
    return this.#outbox.drainCount;
  }

  get takenBytes(): number {
    return this.#transport.takenBytes ?? this.#outbox.confirmedBytes;
  }

  get canPing(): boolean {
    const { wire } = this.#handlers;
    return wire instanceof BinaryWire && wire.isEstablished;
  }
}
