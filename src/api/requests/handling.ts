/**
 * One request of the other side while a handler works on it. The handler sees it as its context: who asks, and a signal that tells when
 * nobody waits any more.
 *
 * Invariant: `isAborted` never turns back; the signal is made only when somebody looks at it.
 */
import type { Codec } from '../../codecs/codec.ts';
import type { Exchange } from '../../connection/exchange.ts';
import { STREAM_WINDOW_ITEMS } from '../../limits.ts';
import type { HandleTrace } from './tracing.ts';

/** What a handler is told beside the input. */
export interface RequestContext<P = unknown> {
  /** Who asks. */
  readonly peer: P;
  /** The name of the request. */
  readonly event: string;
  /** Aborted when the asker gives up, or the connection goes. */
  readonly signal: AbortSignal;
}

export class Handling implements Exchange, RequestContext {
  readonly correlation: number;
  readonly event: string;
  readonly eventId: number;
  readonly codec: Codec | undefined;
  readonly peer: unknown;
  isAborted = false;
  /** Who follows it. */
  followed: HandleTrace | undefined = undefined;
  #reason: Error | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  /** Items that may still be sent. */
  #credit = STREAM_WINDOW_ITEMS;
  #wake: (() => void) | undefined = undefined;

  constructor(correlation: number, event: string, eventId: number, codec: Codec | undefined, peer: unknown) {
    this.correlation = correlation;
    this.event = event;
    this.eventId = eventId;
    this.codec = codec;
    this.peer = peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Ends the trace, once. */
  ended(error: unknown): void {
    const { followed } = this;
    // A new trace never follows: what comes later is told to nobody.
    this.followed = undefined;
    followed?.ended(error);
  }

  abort(reason: Error): void {
    this.ended(reason);
    this.isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#wake?.();
  }

  grant(items: number): void {
    this.#credit += items;
    this.#wake?.();
  }

  spend(): void {
    this.#credit--;
  }

  /** Settles when an item may be sent, or nobody waits for it any more. */
  async room(): Promise<void> {
    while (this.#credit <= 0 && !this.isAborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }
}
