/**
 * What the watchdog and the memory budget see of one connection, gathered from its parts at each look; nothing is kept twice.
 *
 * Invariant: a connection that was cut is looked at no more.
 */
import type { RingwireError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { StreamTransport } from '../transports/stream.ts';
import type { Traffic } from './contracts.ts';
import { Liveness, type LivenessHandlers, type Signs } from './liveness.ts';
import type { Outbox } from './outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Watched } from './watchdog.ts';

/** The connection itself. */
export interface WatchedHandlers extends LivenessHandlers {
  readonly isCut: boolean;
  readonly canPing: boolean;
  readonly traffic: Traffic;
}

export class WatchedPeer implements Watched, Signs {
  readonly #receiver: Receiver;
  readonly #outbox: Outbox;
  readonly #transport: StreamTransport;
  readonly #handlers: WatchedHandlers;
  readonly #liveness: Liveness;

  constructor(
    limits: Limits,
    receiver: Receiver,
    outbox: Outbox,
    transport: StreamTransport,
    handlers: WatchedHandlers,
  ) {
    this.#receiver = receiver;
    this.#outbox = outbox;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#liveness = new Liveness(limits, this, handlers);
  }

  check(nowMs: number): void {
    if (!this.isCut) this.#liveness.check(nowMs);
  }

  cut(error: RingwireError): void {
    this.#handlers.cut(error);
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
    return this.#handlers.canPing;
  }
}
