/**
 * The channels of node:diagnostics_channel on which the modern face tells what happens, with names and never with data:
 * `ringwire:connection:open` and `:close`, `ringwire:message:in` and `:out`, and the tracing channel `ringwire:request`.
 *
 * Invariant: a channel that nobody hears costs one look at it: for connections and requests each, for sent messages each, for received ones once
 * in a connection.
 */
import diagnosticsChannel, { type Channel, type TracingChannel } from 'node:diagnostics_channel';
import type { Publisher, Slot } from '../emitter.ts';

/** On `ringwire:connection:*`, and in every message: one object for all that is told of a connection. */
export interface ConnectionNotice {
  readonly side: 'client' | 'server';
  /** What the other side calls itself. Proves nothing. */
  readonly id: string;
}

/** On `ringwire:message:*`. */
export interface MessageNotice {
  readonly peer: ConnectionNotice;
  readonly event: string;
}

/** On `tracing:ringwire:request:*`: one object from start to end. */
export interface RequestNotice {
  readonly side: 'asker' | 'handler';
  readonly request: string;
  /** What the other side calls itself. */
  readonly peer: string;
  error?: unknown;
}

export const connectionOpen: Channel = diagnosticsChannel.channel('ringwire:connection:open');
export const connectionClose: Channel = diagnosticsChannel.channel('ringwire:connection:close');
export const messageIn: Channel = diagnosticsChannel.channel('ringwire:message:in');
export const messageOut: Channel = diagnosticsChannel.channel('ringwire:message:out');
export const requests: TracingChannel<RequestNotice> = diagnosticsChannel.tracingChannel('ringwire:request');

/** Node 20 does not sum up the five channels itself. */
export function hasRequestSubscribers(): boolean {
  const { start, end, asyncStart, asyncEnd, error } = requests;
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Tells of each message before its handlers. */
export class NoticingPublisher implements Publisher {
  readonly #handlers: Publisher;
  readonly #peer: () => ConnectionNotice;

  /** @param peer asked for with each message: a client connects again */
  constructor(handlers: Publisher, peer: () => ConnectionNotice) {
    this.#handlers = handlers;
    this.#peer = peer;
  }

  publishTo(slot: Slot, data: unknown, origin: unknown): void {
    if (messageIn.hasSubscribers) messageIn.publish({ peer: this.#peer(), event: slot.name });
    this.#handlers.publishTo(slot, data, origin);
  }
}
