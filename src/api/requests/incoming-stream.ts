/**
 * The items that a handler of the other side yields, as they are taken: nothing is asked before the first `next`, and no more than the
 * window is ever on its way or waiting here.
 *
 * Invariant: `#credit` items may still come; granted credit never exceeds the window.
 */
import type { Codec } from '../../codecs/codec.ts';
import { RingwireError } from '../../errors.ts';
import { STREAM_WINDOW_ITEMS } from '../../limits.ts';
import { type Asked, type AskOptions, cancelled } from './asked.ts';
import type { Asker } from './asker.ts';
import type { AskTrace } from './tracing.ts';

/** What a stream is iterated with; `return`, or leaving the loop, cancels it. */
export interface StreamReader<T> extends AsyncIterableIterator<T, undefined, undefined> {
  /** The next item, as soon as there is one; the first asks for the stream. Rejects as `request` does. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Cancels the stream; the other side is told. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** As `return`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: Error): void;
}

const DONE: IteratorResult<unknown, undefined> = { done: true, value: undefined };
/** Credit is granted in halves of the window, so that it neither stalls nor costs a frame for each item. */
const GRANT_ITEMS: number = STREAM_WINDOW_ITEMS / 2;

export class IncomingStream implements Asked, StreamReader<unknown> {
  correlation = 0;
  readonly eventId = 0;
  readonly event: string;
  readonly codec: Codec | undefined;
  input: unknown;
  askedAtMs = 0;
  trace: AskTrace | undefined = undefined;
  readonly timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  /** The requests of the present connection. @throws RingwireError when there is none */
  readonly #connect: (asked: Asked) => Asker;
  readonly #checked: (item: unknown) => unknown;
  #asker: Asker | undefined = undefined;
  #items: unknown[] = [];
  #waiting: Waiting[] = [];
  #waitingSinceMs = Infinity;
  #credit = STREAM_WINDOW_ITEMS;
  /** Taken, and not yet granted again. */
  #taken = 0;
  #over = false;
  #error: Error | undefined = undefined;

  constructor(
    event: string,
    input: unknown,
    codec: Codec | undefined,
    options: AskOptions & { readonly timeout: number },
    connect: (asked: Asked) => Asker,
    check: (item: unknown) => unknown,
  ) {
    this.event = event;
    this.input = input;
    this.codec = codec;
    this.timeoutMs = options.timeout;
    this.#signal = options.signal;
    this.#connect = connect;
    this.#checked = check;
  }

  /** Runs only while somebody waits for an item. */
  get deadlineMs(): number {
    return this.#waitingSinceMs + this.timeoutMs;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#items.length > 0) {
        resolve({ done: false, value: this.#items.shift() });
        this.#took();
      } else if (this.#over) {
        const error = this.#error;
        this.#error = undefined;
        if (error === undefined) resolve(DONE);
        else reject(error);
      } else {
        this.#waiting.push({ resolve, reject });
        this.#await();
      }
    });
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#items = [];
    this.#close(undefined);
    this.#asker?.giveUp(this, cancelled(this.event, undefined));
    return Promise.resolve(DONE);
  }

  responded(_value: unknown): void {
    const message = `${this.event} answers with one value: ask with request() instead of stream()`;
    this.failed(new RingwireError('ERR_RINGWIRE_REQUEST_FAILED', message));
  }

  item(value: unknown): boolean {
    if (this.#over) return false;
    if (this.#credit-- === 0) {
      const message = `more items of ${this.event} came than were granted`;
      this.failed(new RingwireError('ERR_RINGWIRE_REQUEST_FAILED', message));
      return false;
    }
    try {
      this.#items.push(this.#checked(value));
    } catch (error) {
      this.failed(error as Error);
      return false;
    }
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: this.#items.shift() });
      this.#waitingSinceMs = Infinity;
      if (this.#waiting.length > 0) this.#await();
      this.#took();
    }
    return true;
  }

  ended(): void {
    this.#close(undefined);
  }

  failed(error: Error): void {
    this.#close(error);
  }

  #await(): void {
    if (this.#asker === undefined && !this.#begin()) return;
    if (this.#waitingSinceMs < Infinity) return;
    const now = performance.now();
    this.#waitingSinceMs = now;
    this.#asker?.awaits(this, now);
  }

  #begin(): boolean {
    const signal = this.#signal;
    if (signal?.aborted) {
      this.failed(cancelled(this.event, signal.reason));
      return false;
    }
    try {
      this.#asker = this.#connect(this);
    } catch (error) {
      this.failed(error as Error);
      return false;
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
    this.#asker.ask(this);
    return true;
  }

  readonly #aborted = (): void => {
    this.#items = [];
    this.#asker?.giveUp(this, cancelled(this.event, this.#signal?.reason));
  };

  #took(): void {
    if (++this.#taken < GRANT_ITEMS || this.#over) return;
    this.#credit += this.#taken;
    this.#asker?.grant(this, this.#taken);
    this.#taken = 0;
  }

  #close(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#waitingSinceMs = Infinity;
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.trace?.ended(error);
    const [first, ...rest] = this.#waiting;
    this.#waiting = [];
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve(DONE);
    else first.reject(error);
    for (const each of rest) each.resolve(DONE);
  }
}
