/**
 * `for await (const reading of peer.messages('reading'))`: messages as they are taken, with a bound on those that wait and a stated fate for
 * those that do not fit.
 *
 * Invariant: at most `limit` messages wait; the handler is registered from the start until the reader is over, and no longer.
 */
import type { Emitter } from '../emitter.ts';
import { RingwireError } from '../errors.ts';
import { READER_QUEUED_MAX } from '../limits.ts';
import { timeoutOf } from './option-checks.ts';

/** What becomes of a message that does not fit: the reader fails, the oldest goes, the newest goes, or only the newest is ever kept. */
export type Overflow = 'error' | 'drop-oldest' | 'drop-newest' | 'latest';

/** What `messages()` takes. */
export interface ReaderOptions {
  /** Ends the reading: the next `next` fails with the signal's reason. */
  readonly signal?: AbortSignal;
  /** 'error' unless said otherwise: nothing is lost unnoticed. */
  readonly overflow?: Overflow;
  /** Milliseconds that the next message may take; 0, unless said otherwise: no end. */
  readonly timeout?: number;
  /** Messages that may wait, 1,024 unless said otherwise; always 1 for 'latest'. */
  readonly limit?: number;
}

const OVERFLOWS: readonly unknown[] = ['error', 'drop-oldest', 'drop-newest', 'latest'];
const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** Messages in a loop, `for await`, with a bound on those that wait. What `messages()` gives. */
export class MessageReader<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #emitter: Emitter;
  readonly #event: string;
  readonly #limit: number;
  readonly #overflow: Overflow;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #keep: (data: unknown) => unknown;
  readonly #onEnd: (reader: MessageReader<T>) => void;
  #items: T[] = [];
  #waiting: Waiting<T>[] = [];
  /** Runs while somebody waits. */
  #timer: NodeJS.Timeout | undefined = undefined;
  #dropped = 0;
  #over = false;
  #failure: { readonly reason: unknown } | undefined = undefined;

  /**
   * @param keep makes what was lent the reader's own
   * @param onEnd is told once, when the reader is over
   */
  constructor(
    emitter: Emitter,
    event: string,
    options: ReaderOptions,
    keep: (data: unknown) => unknown,
    onEnd: (reader: MessageReader<T>) => void,
  ) {
    const { overflow = 'error', limit = READER_QUEUED_MAX, signal, timeout } = options;
    if (!OVERFLOWS.includes(overflow) || !Number.isInteger(limit) || limit < 1) {
      throw new RingwireError(
        'ERR_RINGWIRE_BAD_CONFIG',
        "messages: overflow is 'error', 'drop-oldest', 'drop-newest' or 'latest', and limit a whole number from 1 on",
      );
    }
    this.#emitter = emitter;
    this.#event = event;
    this.#limit = overflow === 'latest' ? 1 : limit;
    this.#overflow = overflow;
    this.#signal = signal;
    this.#timeoutMs = timeoutOf(timeout, Infinity);
    this.#keep = keep;
    this.#onEnd = onEnd;
    if (signal?.aborted) this.#finish({ reason: signal.reason });
    else {
      emitter.on(event, this.#received);
      signal?.addEventListener('abort', this.#aborted, { once: true });
    }
  }

  /** Messages that did not fit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#items.length;
  }

  /** The reader itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** As `return`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** The next message, as soon as there is one. Rejects with ERR_RINGWIRE_QUEUE_OVERFLOW, ERR_RINGWIRE_MESSAGE_TIMEOUT, or the reason of the signal. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift() as T });
    if (!this.#over) return new Promise((resolve, reject) => this.#wait({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure.reason as Error);
  }

  /** Ends it; what waits is given up. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#items = [];
    this.end();
    return Promise.resolve(DONE);
  }

  /** No more messages will come; those that wait can still be taken. */
  end(): void {
    this.#finish(undefined);
  }

  readonly #received = (data: unknown): void => {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#watch();
      waiting.resolve({ done: false, value: this.#keep(data) as T });
    } else if (this.#items.length < this.#limit) this.#items.push(this.#keep(data) as T);
    else this.#overflowed(data);
  };

  readonly #aborted = (): void => {
    this.#items = [];
    this.#finish({ reason: this.#signal?.reason });
  };

  #wait(waiting: Waiting<T>): void {
    this.#waiting.push(waiting);
    if (this.#timer === undefined) this.#watch();
  }

  /** The time for the next message begins anew, or nobody waits for one. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A timer can wait no longer.
    if (this.#waiting.length === 0 || this.#timeoutMs >= 2 ** 31) return;
    this.#timer = setTimeout(() => {
      const message = `no message of ${this.#event} came in ${this.#timeoutMs} ms`;
      this.#finish({ reason: new RingwireError('ERR_RINGWIRE_MESSAGE_TIMEOUT', message) });
    }, this.#timeoutMs);
  }

  #overflowed(data: unknown): void {
    this.#dropped++;
    if (this.#overflow === 'drop-newest') return;
    if (this.#overflow === 'error') {
      const limit = this.#limit;
      const message = `${limit} messages of ${this.#event} wait to be read already`;
      this.#finish({ reason: new RingwireError('ERR_RINGWIRE_QUEUE_OVERFLOW', message, { limit }) });
      return;
    }
    this.#items.shift();
    this.#items.push(this.#keep(data) as T);
  }

  #finish(failure: { readonly reason: unknown } | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#emitter.off(this.#event, this.#received);
    this.#signal?.removeEventListener('abort', this.#aborted);
    const [first, ...rest] = this.#waiting;
    this.#waiting = [];
    this.#watch();
    if (first === undefined) this.#failure = failure;
    else if (failure === undefined) first.resolve(DONE);
    else first.reject(failure.reason);
    for (const each of rest) each.resolve(DONE);
    this.#onEnd(this);
  }
}
