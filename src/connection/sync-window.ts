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
  /** `add` says false above this many bytes of requests, and a drain follows. */
  queuedBytesSoft: number;
  /** `add` refuses above this many bytes of requests. */
  queuedBytesMax: number;
}

export interface SyncWindowHandlers {
  send(message: SharedMessage): void;
  /** A request was given up, could not be sent, or was refused (told once, until the next drain). */
  failed(error: Error): void;
  /** Half of the soft mark is free again, after `add` had said false. */
  drained(): void;
}

export class SyncWindow {
  readonly #options: SyncWindowOptions;
  readonly #handlers: SyncWindowHandlers;
  #queue: SharedMessage[] = [];
  #bytes = 0;
  #full = false;
  #refusing = false;
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

  /**
   * @returns false when the caller should wait for the drain; above the hard marks the request was not queued
   */
  add(message: SharedMessage): boolean {
    const { queuedCountMax, queuedBytesSoft, queuedBytesMax } = this.#options;
    if (this.#queue.length >= queuedCountMax || this.#bytes >= queuedBytesMax) {
      this.#refuse();
      return false;
    }
    this.#queue.push(message);
    this.#bytes += message.bytes;
    this.#full ||= this.#bytes >= queuedBytesSoft || this.#queue.length >= queuedCountMax;
    this.#fill();
    return !this.#full;
  }

  /** A message has arrived: it answers the oldest request. */
  next(): void {
    if (this.#inFlight === 0) return;
    this.#inFlight--;
    this.#drop(0);
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
    this.#bytes = 0;
    this.#full = false;
    if (lost > 0) {
      this.#handlers.failed(
        new RingwireError('ERR_RINGWIRE_SYNC_LOST', `${lost} sync requests were never answered`, {
          actual: lost,
        }),
      );
    }
  }

  #refuse(): void {
    if (this.#refusing) return;
    this.#refusing = true;
    const actual = this.#queue.length;
    const message = `${actual} sync requests of ${this.#bytes} bytes wait for an answer: the next one was not queued`;
    this.#handlers.failed(new RingwireError('ERR_RINGWIRE_BACKPRESSURE', message, { actual }));
  }

  #fill(): void {
    while (this.#online && this.#inFlight < this.#options.window && this.#inFlight < this.#queue.length) {
      const message = this.#queue[this.#inFlight] as SharedMessage;
      try {
        this.#handlers.send(message);
      } catch (error) {
        this.#drop(this.#inFlight);
        this.#handlers.failed(error as Error);
        continue;
      }
      this.#inFlight++;
      if (this.#inFlight === 1) this.#watch();
    }
  }

  #drop(index: number): void {
    const [message] = this.#queue.splice(index, 1);
    this.#bytes -= message?.bytes ?? 0;
    const { queuedBytesSoft, queuedCountMax } = this.#options;
    if (!this.#full || this.#bytes > queuedBytesSoft / 2 || this.#queue.length > queuedCountMax / 2) return;
    this.#full = false;
    this.#refusing = false;
    this.#handlers.drained();
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
