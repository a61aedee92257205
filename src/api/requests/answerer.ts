/**
 * The requests of the other side on one connection: each is handed to its handler, whose value, stream or error goes back.
 *
 * Invariant: a request has at most one answer; what was cancelled, or whose connection is gone, has none, and its signal says so.
 */
import type { Codec } from '../../codecs/codec.ts';
import type { Connection } from '../../connection/connection.ts';
import type { Slot } from '../../emitter.ts';
import { type ErrorCode, MessageError, RingwireError } from '../../errors.ts';
import type { Frame } from '../../frames/frame.ts';
import { FrameKind, traceOf } from '../../frames/header.ts';
import { cancelled } from './asked.ts';
import { valueOf } from './asker.ts';
import { ByCorrelation } from './by-correlation.ts';
import { Handling } from './handling.ts';
import { type ErrorRecord, recordOf } from './remote-error.ts';
import type { HandleTrace } from './tracing.ts';

export type AnyRequestHandler = (input: unknown, context: unknown) => unknown;

/** What all connections of an endpoint answer with. */
export interface Answers {
  readonly handlers: ReadonlyMap<string, AnyRequestHandler>;
  readonly handledMax: number;
  /** Errors cross with their stack. */
  readonly stacks: boolean;
  readonly errorCodecs: readonly Codec[];
  codecOf(request: string): Codec | undefined;
  input(request: string, value: unknown): unknown;
  output(request: string, value: unknown): unknown;
  item(request: string, value: unknown): unknown;
  /** An answer could not be sent. */
  undeliverable(error: Error): void;
  /** @param context the 25 bytes that came with the request */
  traced(request: string, context: Uint8Array | undefined): HandleTrace | undefined;
}

export class Answerer {
  readonly #connection: Connection;
  readonly #peer: unknown;
  readonly #answers: Answers;
  readonly #drained: (signal: AbortSignal) => Promise<void>;
  readonly #handled = new ByCorrelation<Handling>();

  /** @param drained settles when the connection takes more again, fails when it is gone or the signal says so; nothing of it stays behind */
  constructor(
    connection: Connection,
    peer: unknown,
    answers: Answers,
    drained: (signal: AbortSignal) => Promise<void>,
  ) {
    this.#connection = connection;
    this.#peer = peer;
    this.#answers = answers;
    this.#drained = drained;
  }

  /** Requests that handlers work on. */
  get count(): number {
    return this.#handled.size;
  }

  /** @throws MessageError for a request that cannot even be answered */
  requested(frame: Frame, slot: Slot | undefined, codec: Codec): void {
    const { correlation } = frame;
    if (correlation === 0 || this.#handled.get(correlation) !== undefined) {
      throw new MessageError('ERR_RINGWIRE_BAD_CONTROL', 'a request with the number of another, or none');
    }
    const name = slot?.name ?? '';
    const handling = new Handling(correlation, name, frame.event, this.#answers.codecOf(name), this.#peer);
    const handler = this.#answers.handlers.get(name);
    const { handledMax } = this.#answers;
    if (slot === undefined || handler === undefined) {
      const asked = slot === undefined ? `event id ${frame.event}` : JSON.stringify(name);
      this.#refuse(handling, 'ERR_RINGWIRE_NO_HANDLER', `nobody handles ${asked}`);
    } else if (this.#handled.size >= handledMax) {
      this.#refuse(handling, 'ERR_RINGWIRE_BACKPRESSURE', `${handledMax} requests are being handled already`);
    } else this.#handle(handling, handler, frame, codec);
  }

  cancelled(correlation: number): void {
    const handling = this.#handled.get(correlation);
    if (handling === undefined) return;
    this.#handled.delete(handling);
    handling.abort(cancelled(handling.event, undefined));
  }

  /** @throws MessageError for a payload that is no credit */
  credited(frame: Frame): void {
    if (frame.end - frame.start !== 8 || frame.bytes.readUInt32LE(frame.start + 4) !== 0) {
      throw new MessageError('ERR_RINGWIRE_BAD_CONTROL', 'a credit has 8 bytes, the last four of them zero');
    }
    this.#handled.get(frame.correlation)?.grant(frame.bytes.readUInt32LE(frame.start));
  }

  /** The connection is gone: nobody waits for answers. */
  close(): void {
    for (const handling of this.#handled.clear()) {
      handling.abort(new RingwireError('ERR_RINGWIRE_REQUEST_LOST', 'the connection to the asker is gone'));
    }
  }

  #handle(handling: Handling, handler: AnyRequestHandler, frame: Frame, codec: Codec): void {
    let result: unknown;
    try {
      const input = this.#answers.input(handling.event, valueOf(frame, codec));
      handling.followed = this.#answers.traced(handling.event, traceOf(frame));
      const { followed: trace } = handling;
      result = trace === undefined ? handler(input, handling) : trace.run(() => handler(input, handling));
    } catch (error) {
      this.#fail(handling, error);
      return;
    }
    if (isThenable(result)) {
      this.#handled.add(handling);
      result.then(
        (value) => this.#settled(handling, value),
        (error: unknown) => {
          if (this.#handled.delete(handling)) this.#fail(handling, error);
        },
      );
    } else if (isStream(result)) {
      this.#handled.add(handling);
      void this.#stream(handling, result);
    } else this.#respond(handling, result);
  }

  #settled(handling: Handling, value: unknown): void {
    if (this.#handled.get(handling.correlation) !== handling) return;
    if (isStream(value)) {
      void this.#stream(handling, value);
      return;
    }
    this.#handled.delete(handling);
    this.#respond(handling, value);
  }

  #respond(handling: Handling, value: unknown): void {
    try {
      const output = this.#answers.output(handling.event, value);
      this.#connection.sendExchange(FrameKind.response, handling, output);
      handling.ended(undefined);
    } catch (error) {
      this.#fail(handling, error);
    }
  }

  #fail(handling: Handling, error: unknown): void {
    handling.ended(error);
    this.#sendError(handling, recordOf(error, this.#answers.stacks));
  }

  /** Not by an Error: a peer may ask for nonsense as fast as it can, and each of them would look for its stack. */
  #refuse(handling: Handling, code: ErrorCode, message: string): void {
    this.#sendError(handling, { code, message });
  }

  #sendError(handling: Handling, record: ErrorRecord): void {
    const { correlation, event, eventId } = handling;
    const [preferred, other] = this.#answers.errorCodecs as [Codec, Codec];
    const codec = this.#connection.speaks(preferred) ? preferred : other;
    const exchange = { correlation, event, eventId, codec };
    try {
      try {
        this.#connection.sendExchange(FrameKind.error, exchange, record);
      } catch (fault) {
        if (record.data === undefined) throw fault;
        // Data that no codec can express does not cost the error itself.
        this.#connection.sendExchange(FrameKind.error, exchange, { ...record, data: undefined });
      }
    } catch (fault) {
      this.#answers.undeliverable(fault as Error);
    }
  }

  /** Sends items as the asker grants them and the connection takes them. Never rejects. */
  async #stream(handling: Handling, items: AsyncIterable<unknown>): Promise<void> {
    let iterator: AsyncIterator<unknown> | undefined;
    let done: boolean | undefined = false;
    try {
      iterator = items[Symbol.asyncIterator]();
      while (!handling.isAborted) {
        await handling.room();
        if (this.#connection.isFull) await this.#drained(handling.signal);
        if (handling.isAborted) break;
        const result = await nextOf(iterator, handling.followed);
        ({ done } = result);
        if (done || handling.isAborted) break;
        handling.spend();
        const item = this.#answers.item(handling.event, result.value);
        this.#connection.sendExchange(FrameKind.item, handling, item);
      }
      if (done && this.#handled.delete(handling)) {
        this.#connection.sendExchange(FrameKind.end, handling, undefined);
        handling.ended(undefined);
      }
    } catch (error) {
      if (this.#handled.delete(handling)) this.#fail(handling, error);
    }
    if (done !== true) await closeIterator(iterator);
  }
}

function nextOf(
  iterator: AsyncIterator<unknown>,
  trace: HandleTrace | undefined,
): Promise<IteratorResult<unknown>> {
  return trace === undefined ? iterator.next() : trace.run(() => iterator.next());
}

async function closeIterator(iterator: AsyncIterator<unknown> | undefined): Promise<void> {
  try {
    await iterator?.return?.();
  } catch {
    // The stream was given up: there is nobody left whom its end concerns.
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
