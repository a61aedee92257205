/**
 * What all peers of one endpoint share: its protocol and limits, who hears its messages, who answers its requests.
 *
 * Invariant: messages of peers are published by `emitter` alone, what happens to connections by `lifecycle` alone.
 */
import type { Codec } from '../codecs/codec.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionContext } from '../connection/contracts.ts';
import { makeContext } from '../endpoints/context.ts';
import { Emitter, type Publisher, type Slot } from '../emitter.ts';
import type { RingwireError } from '../errors.ts';
import { warnOfTrust } from '../transports/tls-options.ts';
import type { DrainOptions } from './draining.ts';
import { keeperOf } from './keep.ts';
import { type ConnectionNotice, messageIn, NoticingPublisher } from './diagnostics.ts';
import { contextOptions, type EndpointOptions } from './options.ts';
import { type Protocol, specOf } from './protocol.ts';
import { Answerer, type AnyRequestHandler } from './requests/answerer.ts';
import { Asker } from './requests/asker.ts';
import { Exchanges } from './requests/exchanges.ts';
import { Tracing } from './requests/tracing.ts';
import { checked } from './schema.ts';
import type { Tally } from './stats.ts';

/** What an endpoint needs of a peer when it answers it. */
export interface Answered {
  readonly id: string;
  readonly tally: Tally;
  drained(options: DrainOptions): Promise<void>;
  refused(error: Error): void;
}

export class Endpoint {
  readonly emitter: Emitter = new Emitter();
  readonly lifecycle: Emitter = new Emitter();
  readonly handlers: Map<string, AnyRequestHandler> = new Map();
  readonly context: ConnectionContext;
  readonly options: EndpointOptions;
  readonly validates: boolean;
  readonly tracing: Tracing;
  /** Data that was lent to a handler, as the reader's own. */
  readonly keep: (data: unknown) => unknown;
  readonly #protocol: Protocol;

  /** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
  constructor(options: EndpointOptions, protocol: Protocol, followPeer: boolean) {
    if (options.tls !== undefined) warnOfTrust(options.tls, followPeer);
    this.context = makeContext(this.emitter, contextOptions(options, protocol, followPeer));
    this.options = options;
    this.validates = options.validate === true;
    this.tracing = new Tracing(options.tracer);
    this.keep = keeperOf(options.receive);
    this.#protocol = protocol;
  }

  /** The requests of one connection, in both directions. */
  exchanges(connection: Connection, peer: Answered): Exchanges {
    const { limits, codecs } = this.context;
    const asker = new Asker(connection, codecs.raw, limits, peer.tally.roundTrips);
    const answers = {
      handlers: this.handlers,
      handledMax: limits.requestsHandledMax,
      stacks: this.options.exposeStacks === true,
      errorCodecs: [codecs.msgpack, codecs.json],
      codecOf: (request: string) => this.codecOf(request),
      input: (request: string, value: unknown) => this.checkInput(request, value),
      output: (request: string, value: unknown) => this.checkOutput(request, value),
      item: (request: string, value: unknown) => this.checkItem(request, value),
      undeliverable: (error: Error) => peer.refused(error),
      traced: (request: string, context: Uint8Array | undefined) =>
        this.tracing.handling(request, peer.id, context),
    };
    return new Exchanges(
      asker,
      new Answerer(connection, peer, answers, (signal) => peer.drained({ signal })),
    );
  }

  /** The codec of a request, when it has one of its own. */
  codecOf(request: string): Codec | undefined {
    const name = specOf(this.#protocol.requests, request)?.codec;
    return name === undefined ? undefined : this.context.codecs[name];
  }

  /** @throws RingwireError ERR_RINGWIRE_INVALID_DATA */
  checkEvent(event: string, data: unknown): unknown {
    return checked(specOf(this.#protocol.events, event)?.schema, data, event);
  }

  checkInput(request: string, value: unknown): unknown {
    if (!this.validates) return value;
    return checked(specOf(this.#protocol.requests, request)?.input, value, `the input of ${request}`);
  }

  checkOutput(request: string, value: unknown): unknown {
    if (!this.validates) return value;
    return checked(specOf(this.#protocol.requests, request)?.output, value, `the answer of ${request}`);
  }

  checkItem(request: string, value: unknown): unknown {
    if (!this.validates) return value;
    return checked(specOf(this.#protocol.requests, request)?.items, value, `an item of ${request}`);
  }

  /** What stands between a connection and the handlers: nothing, unless data is checked, or somebody hears of each message. */
  publisher(
    handlers: Publisher,
    refused: (error: RingwireError) => void,
    notice: () => ConnectionNotice,
  ): Publisher {
    const checking = this.validates ? new CheckingPublisher(this, handlers, refused) : handlers;
    return messageIn.hasSubscribers ? new NoticingPublisher(checking, notice) : checking;
  }
}

/** Lets through what its schema says, as the schema yields it. */
class CheckingPublisher implements Publisher {
  readonly #endpoint: Endpoint;
  readonly #handlers: Publisher;
  readonly #refused: (error: RingwireError) => void;

  constructor(endpoint: Endpoint, handlers: Publisher, refused: (error: RingwireError) => void) {
    this.#endpoint = endpoint;
    this.#handlers = handlers;
    this.#refused = refused;
  }

  publishTo(slot: Slot, data: unknown, origin: unknown): void {
    let value: unknown;
    try {
      value = this.#endpoint.checkEvent(slot.name, data);
    } catch (error) {
      this.#refused(error as RingwireError);
      return;
    }
    this.#handlers.publishTo(slot, value, origin);
  }
}
