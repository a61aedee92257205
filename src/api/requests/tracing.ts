/**
 * Who follows requests from the asker to the handler: a tracer that the program gives (`ringwire/otel` makes one), and whoever hears the tracing
 * channel `ringwire:request`.
 *
 * Invariant: each trace ends once, with the error if there was one. Inputs and answers are never handed over. What a tracer throws is no reason
 * to lose a request or its answer: it is thrown again in a microtask.
 */
import asyncHooks from 'node:async_hooks';
import { callSafely, rethrowLater } from '../../connection/safely.ts';
import { hasRequestSubscribers, type RequestNotice, requests } from '../diagnostics.ts';

/** A request of this side. */
export interface AskTrace {
  /** 25 bytes of a W3C trace context for the other side: trace id, span id, flags. */
  readonly context: Uint8Array | undefined;
  /** It is answered, or failed with an error. */
  ended(error: unknown): void;
}

/** A request of the other side. */
export interface HandleTrace {
  /** Runs a part of the handler, so that what it does belongs to the trace. */
  run<T>(part: () => T): T;
  /** It is answered, or failed with an error. */
  ended(error: unknown): void;
}

/** Follows requests from one side to the other; `peer` is what the other side calls itself. */
export interface RequestTracer {
  /** This side asks. */
  asking(request: string, peer: string): AskTrace | undefined;
  /** The other side has asked. @param context the 25 bytes that came with the request, lent for the call */
  handling(request: string, peer: string, context: Uint8Array | undefined): HandleTrace | undefined;
}

/** The program's tracer and the channel, as one. */
export class Tracing implements RequestTracer {
  readonly #tracer: RequestTracer | undefined;

  constructor(tracer: RequestTracer | undefined) {
    this.#tracer = tracer;
  }

  asking(request: string, peer: string): AskTrace | undefined {
    const own = this.#own((tracer) => tracer.asking(request, peer));
    const told = hasRequestSubscribers() ? new ChannelTrace({ side: 'asker', request, peer }) : undefined;
    told?.run(() => {});
    return own === undefined ? told : { context: own.context, ended: (error) => endBoth(own, told, error) };
  }

  handling(request: string, peer: string, context: Uint8Array | undefined): HandleTrace | undefined {
    const own = this.#own((tracer) => tracer.handling(request, peer, context));
    const told = hasRequestSubscribers() ? new ChannelTrace({ side: 'handler', request, peer }) : undefined;
    if (own === undefined) return told;
    return {
      run: (part) => (told === undefined ? own.run(part) : told.run(() => own.run(part))),
      ended: (error) => endBoth(own, told, error),
    };
  }

  #own<T>(begin: (tracer: RequestTracer) => T | undefined): T | undefined {
    const tracer = this.#tracer;
    if (tracer === undefined) return undefined;
    try {
      return begin(tracer);
    } catch (error) {
      rethrowLater(error);
      return undefined;
    }
  }
}

function endBoth(own: AskTrace | HandleTrace, told: ChannelTrace | undefined, error: unknown): void {
  callSafely(() => own.ended(error));
  told?.ended(error);
}

/** One request on the tracing channel. */
class ChannelTrace implements AskTrace, HandleTrace {
  readonly context = undefined;
  readonly #notice: RequestNotice;
  /** Runs what follows in the stores of the beginning. */
  #inside: (<T>(part: () => T) => T) | undefined = undefined;

  constructor(notice: RequestNotice) {
    this.#notice = notice;
  }

  run<T>(part: () => T): T {
    if (this.#inside !== undefined) return this.#inside(part);
    try {
      return requests.start.runStores(this.#notice, () => {
        this.#inside = asyncHooks.AsyncLocalStorage.snapshot();
        return part();
      });
    } finally {
      requests.end.publish(this.#notice);
    }
  }

  ended(error: unknown): void {
    if (error !== undefined) {
      this.#notice.error = error;
      requests.error.publish(this.#notice);
    }
    requests.asyncStart.publish(this.#notice);
    requests.asyncEnd.publish(this.#notice);
  }
}
