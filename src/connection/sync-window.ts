/**
 * node-ipc's `sync` mode: at most `window` requests are under way, and each message that arrives lets the next one go. A request without
 * an answer when the connection goes is sent again on the next one; one without an answer for too long is given up.
 *
 * Invariant: requests leave in the order of `add`; the first `#inFlight` of the queue are under way.
 */
import { RingwireError } from '../errors.ts';
import type { SharedMessage } from './shared-message.ts';

export interface SyncWindowOptions {
  /** Requests under way at once. */
  window: number;
  timeoutMs: number;
  queuedCountMax: number;
}

export interface SyncWindowHandlers {
  send(message: SharedMessage): void;
  /** A request was given up, or could not be sent. */
  failed(error: Error): void;
}

export class SyncWindow {
  readonly #options: SyncWindowOptions;
  readonly #handlers: SyncWindowHandlers;
  #queue: SharedMessage[] = [];
  #inFlight = 0;
  #online = false;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: SyncWindowOptions, handlers: SyncWindowHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Requests without an answer, under way or waiting. */
  get length(): number {
    return this.#queue.length;
  }

  /** @throws RingwireError ERR_RINGWIRE_BACKPRESSURE: the request was not queued */
  add(message: SharedMessage): boolean {
    const limit = this.#options.queuedCountMax;
    if (this.#queue.length >= limit) {
      throw new RingwireError(
        'ERR_RINGWIRE_BACKPRESSURE',
        `${limit} sync requests wait for an answer: the next one was not queued`,
        {
          limit,
          actual: this.#queue.length,
        },
      );
    }
    this.#queue.push(message);
    this.#fill();
    return this.#inFlight === this.#queue.length;
  }

  /** A message has arrived: it answers the oldest request. */
  next(): void {
    if (this.#inFlight === 0) return;
    this.#inFlight--;
    this.#queue.shift();
    this.#watch();
    this.#fill();
  }

  /** A connection is there: requests that were under way when the last one went are sent again. */
  online(): void {
    this.#online = true;
    this.#fill();
  }

  offline(): void {
    this.#online = false;
    this.#inFlight = 0;
    this.#watch();
  }

  /** Nobody will answer any more. */
  close(): void {
    this.offline();
    const lost = this.#queue.length;
    this.#queue = [];
    if (lost > 0) {
      this.#handlers.failed(
        new RingwireError('ERR_RINGWIRE_SYNC_LOST', `${lost} sync requests were never answered`, {
          actual: lost,
        }),
      );
    }
  }

  #fill(): void {
    while (this.#online && this.#inFlight < this.#options.window && this.#inFlight < this.#queue.length) {
      const message = this.#queue[this.#inFlight] as SharedMessage;
      try {
        this.#handlers.send(message);
      } catch (error) {
        this.#queue.splice(this.#inFlight, 1);
        this.#handlers.failed(error as Error);
        continue;
      }
      this.#inFlight++;
      if (this.#inFlight === 1) this.#watch();
    }
  }

  /** The clock runs for the oldest request under way. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#inFlight === 0) return;
    const limit = this.#options.timeoutMs;
    this.#timer = setTimeout(() => {
      this.#handlers.failed(
        new RingwireError('ERR_RINGWIRE_SYNC_TIMEOUT', `no answer to a sync request within ${limit} ms`, {
          limit,
        }),
      );
      this.next();
    }, limit);
  }
}
