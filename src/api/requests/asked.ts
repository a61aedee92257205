/**
 * A request of this side from the moment that it is made until it is settled.
 *
 * Invariant: it settles exactly once: `responded`, `ended` or `failed`; what comes later is ignored by whoever holds it.
 */
import type { Codec } from '../../codecs/codec.ts';
import type { Exchange } from '../../connection/exchange.ts';
import { RingwireError } from '../../errors.ts';
import type { AskTrace } from './tracing.ts';

/** What `request` and `stream` take. */
export interface AskOptions {
  /** Milliseconds for the answer, of a stream for each item; 0 or Infinity: no end. 30,000 unless said otherwise. */
  readonly timeout?: number;
  /** Gives the request up; the other side is told. */
  readonly signal?: AbortSignal;
}

export interface Asked extends Exchange {
  /** 0 until it is sent. */
  correlation: number;
  /** Let go of once it is sent. */
  input: unknown;
  askedAtMs: number;
  /** Who follows it, once it is asked. */
  trace: AskTrace | undefined;
  readonly timeoutMs: number;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  responded(value: unknown): void;
  /** @returns false when the other side sent more than it was granted */
  item(value: unknown): boolean;
  ended(): void;
  failed(error: Error): void;
}

/** A request that one value answers. */
export class AskedOnce implements Asked {
  correlation = 0;
  readonly eventId = 0;
  readonly event: string;
  readonly codec: Codec | undefined;
  input: unknown;
  askedAtMs = 0;
  trace: AskTrace | undefined = undefined;
  readonly timeoutMs: number;
  /** Called when it is settled, before whoever waits. */
  settled: (() => void) | undefined = undefined;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    event: string,
    input: unknown,
    codec: Codec | undefined,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.event = event;
    this.input = input;
    this.codec = codec;
    this.timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get deadlineMs(): number {
    return this.askedAtMs + this.timeoutMs;
  }

  responded(value: unknown): void {
    this.settled?.();
    this.trace?.ended(undefined);
    this.#resolve(value);
  }

  item(): boolean {
    this.ended();
    return false;
  }

  ended(): void {
    this.failed(
      new RingwireError(
        'ERR_RINGWIRE_REQUEST_FAILED',
        `${this.event} answers with a stream: ask with stream() instead of request()`,
      ),
    );
  }

  failed(error: Error): void {
    this.settled?.();
    this.trace?.ended(error);
    this.#reject(error);
  }
}

export function timedOut(event: string, ms: number): RingwireError {
  return new RingwireError('ERR_RINGWIRE_REQUEST_TIMEOUT', `no answer to ${event} within ${ms} ms`, {
    limit: ms,
  });
}

export function cancelled(event: string, cause: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_REQUEST_CANCELLED', `${event} was cancelled`, { cause });
}
