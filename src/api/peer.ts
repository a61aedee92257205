/**
 * The other process, as the program sees it: what can be sent to it, heard from it and asked of it. The same on both sides; a client is the
 * peer that it connects to.
 *
 * Invariant: names of events are the peers' own. What happens to the connection is told by `lifecycle`, never by `on`.
 */
import type { Connection } from '../connection/connection.ts';
import type { Unacknowledged } from '../connection/link.ts';
import type { Emitter, Handler } from '../emitter.ts';
import { RingwireError } from '../errors.ts';
import { Feature } from '../frames/control.ts';
import type { CloseOptions } from './deadline.ts';
import { connectionClose, type ConnectionNotice, connectionOpen } from './diagnostics.ts';
import { type DrainOptions, Draining } from './draining.ts';
import type { Endpoint } from './endpoint.ts';
import { timeoutOf } from './option-checks.ts';
import { MessageReader, type ReaderOptions } from './reader.ts';
import { AskedOnce, type AskOptions, cancelled } from './requests/asked.ts';
import { type Asker, notConnected } from './requests/asker.ts';
import { EitherAnswer } from './requests/either.ts';
import type { Exchanges } from './requests/exchanges.ts';
import { IncomingStream, type StreamReader } from './requests/incoming-stream.ts';
import { type Present, type Stats, statsOf, Tally } from './stats.ts';
import type {
  AnyContract,
  AskArguments,
  Contract,
  DataArguments,
  HandlerOf,
  NameIn,
  TypeIn,
} from './types.ts';

/** What both sides can do with the other one: send, hear, ask. `PeerClient` and `ServerPeer` are its kinds. */
export abstract class Peer<C extends Contract = AnyContract> {
  /** Counts of this peer. */
  readonly tally: Tally = new Tally();
  protected readonly endpoint: Endpoint;
  /** The connection while it is established. */
  protected connection: Connection | undefined = undefined;
  protected isClosed = false;
  #exchanges: Exchanges | undefined = undefined;
  #peerId = '';
  #notice: ConnectionNotice | undefined = undefined;
  /** The other side answers requests. */
  #answers = false;
  readonly #readers = new Set<MessageReader<unknown>>();
  readonly #draining = new Draining();

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** What the other side calls itself. Proves nothing. */
  get id(): string {
    return this.#peerId;
  }

  /** Whether there is a connection now; false while a lost one is being restored. */
  get isConnected(): boolean {
    return this.connection !== undefined;
  }

  /**
   * Queues a message; it leaves at the end of the tick.
   * @returns true, or false when the peer is slow (await `drained`), or when the message was dropped: there is no connection, or
   *   `pendingBytesMax` wait already. With `ack` nothing that is accepted is dropped, and it is accepted without a connection too
   *
   * What the peer brings about is never thrown: the message is not sent, and `lifecycle`'s `error` tells ERR_RINGWIRE_FRAME_TOO_LARGE (above
   * the limit that it declared), ERR_RINGWIRE_BAD_CODEC, what a codec that it chose cannot express, and with `ack` ERR_RINGWIRE_ACK_OVERFLOW.
   * @throws RingwireError ERR_RINGWIRE_FRAME_TOO_LARGE, ERR_RINGWIRE_INVALID_DATA, or what the codec throws; nothing is sent then
   */
  abstract send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;

  /**
   * Lets what was sent leave, then closes. Cuts the connection when that takes longer than `limits.closeTimeoutMs`, or than the options say.
   * @throws RingwireError ERR_RINGWIRE_BAD_CONFIG by its promise
   */
  abstract close(options?: CloseOptions): Promise<void>;

  /** Whether the connection keeps the process alive: yes, until `unref`. */
  abstract ref(): this;
  /** The process may end although the connection is open. */
  abstract unref(): this;

  /** What this side is. */
  protected abstract readonly side: ConnectionNotice['side'];

  /** Where this peer's messages are published. */
  protected abstract listeners(): Emitter;

  /** Hears the messages of an event. Bytes are your own unless `receive` lends them; an exception is thrown again in a microtask. */
  on<K extends NameIn<C['received']>>(event: K, handler: HandlerOf<C['received'][K]>): this {
    this.listeners().on(event, handler as Handler);
    return this;
  }

  /** As `on`, for one message. */
  once<K extends NameIn<C['received']>>(event: K, handler: HandlerOf<C['received'][K]>): this {
    this.listeners().once(event, handler as Handler);
    return this;
  }

  /** Takes a handler of `on` or `once` away. */
  off<K extends NameIn<C['received']>>(event: K, handler: HandlerOf<C['received'][K]>): this {
    this.listeners().off(event, handler as Handler);
    return this;
  }

  /**
   * Messages of one event as an async iterator, which ends when the peer is closed for good.
   * @throws RingwireError ERR_RINGWIRE_BAD_CONFIG
   */
  messages<K extends NameIn<C['received']>>(
    event: K,
    options: ReaderOptions = {},
  ): MessageReader<C['received'][K]> {
    const reader = new MessageReader<unknown>(this.listeners(), event, options, this.endpoint.keep, (each) =>
      this.#readers.delete(each),
    );
    if (this.isClosed) reader.end();
    else this.#readers.add(reader);
    return reader as MessageReader<C['received'][K]>;
  }

  /**
   * Asks the other side's handler. At most `limits.requestsOpenMax` are under way at once, the others wait.
   * @returns what the handler returned; rejects with a RequestError when it failed, and with a RingwireError
   *   ERR_RINGWIRE_REQUEST_TIMEOUT, _REQUEST_CANCELLED, _REQUEST_LOST (it may have been carried out) or _NOT_CONNECTED (it was not)
   */
  request<K extends NameIn<C['requests']>>(
    request: K,
    ...args: AskArguments<TypeIn<C['requests'][K], 'asked'>, AskOptions>
  ): Promise<TypeIn<C['requests'][K], 'answer'>>;
  request(request: string, input?: unknown, options?: AskOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const exchanges = this.#ready();
      const { limits } = this.endpoint.context;
      const timeout = timeoutOf(options?.timeout, limits.requestTimeoutMs);
      const { endpoint } = this;
      endpoint.checkInput(request, input);
      const settle = endpoint.validates
        ? (answer: unknown): void => {
            try {
              resolve(endpoint.checkOutput(request, answer));
            } catch (error) {
              reject(error as Error);
            }
          }
        : resolve;
      const asked = new AskedOnce(request, input, endpoint.codecOf(request), timeout, settle, reject);
      asked.trace = endpoint.tracing.asking(request, this.#peerId);
      if (options?.signal !== undefined) this.#bind(asked, options.signal, exchanges);
      else exchanges.asker.ask(asked);
    });
  }

  /**
   * Asks a handler that answers with a stream. Nothing is asked before the first item is; leaving the loop cancels it.
   */
  stream<K extends NameIn<C['streams']>>(
    request: K,
    ...args: AskArguments<TypeIn<C['streams'][K], 'asked'>, AskOptions>
  ): StreamReader<TypeIn<C['streams'][K], 'answer'>>;
  stream(request: string, input?: unknown, options: AskOptions = {}): StreamReader<unknown> {
    const timeout = timeoutOf(options.timeout, this.endpoint.context.limits.requestTimeoutMs);
    this.endpoint.checkInput(request, input);
    return new IncomingStream(
      request,
      input,
      this.endpoint.codecOf(request),
      { ...options, timeout },
      (asked) => {
        const { asker } = this.#ready();
        asked.trace = this.endpoint.tracing.asking(request, this.#peerId);
        return asker;
      },
      (item) => this.endpoint.checkItem(request, item),
    );
  }

  /** @internal Asks without knowing how it is answered. */
  ask(request: string, input: unknown, timeout: number): EitherAnswer {
    const { endpoint } = this;
    const connect = (): Asker => this.#ready().asker;
    return new EitherAnswer(request, input, endpoint.codecOf(request), { timeout }, connect, (item) => item);
  }

  /**
   * Settles when there is a connection on which `send` would say true. Rejects with ERR_RINGWIRE_NOT_CONNECTED when that will never be so, ERR_RINGWIRE_DRAIN_TIMEOUT when it
   * takes too long, or with the signal's reason.
   */
  drained(options: DrainOptions = {}): Promise<void> {
    if (this.isClosed) return Promise.reject(notConnected());
    return this.#draining.wait(options, this.connection?.sender.hasRoom === true);
  }

  /** Writes what was sent in this tick now instead of at its end. */
  flush(): void {
    this.connection?.flush();
  }

  /** What has passed, what waits and what was refused. @param previous an earlier result: rates count from there, otherwise from the start */
  stats(previous?: Stats): Stats {
    return statsOf(this.total(), this.present(), previous);
  }

  /** As `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The tally with what the present connection has added. */
  protected total(): Tally {
    const total = new Tally(this.tally.startMs);
    this.tally.addTo(total);
    if (this.connection !== undefined) total.addTraffic(this.connection.traffic);
    return total;
  }

  protected present(): Present {
    return {
      pendingBytes: this.connection?.pendingBytes ?? 0,
      unacknowledged: this.unacknowledged(),
      requests: {
        open: this.#exchanges?.asker.openCount ?? 0,
        queued: this.#exchanges?.asker.queuedCount ?? 0,
        handled: this.#exchanges?.answerer.count ?? 0,
      },
    };
  }

  /** With `ack`: what the other side may not have handled. */
  protected abstract unacknowledged(): Unacknowledged;

  /** The other side has said hello. */
  protected attach(connection: Connection, id: string, features: number): void {
    this.connection = connection;
    this.#peerId = id;
    this.#notice = undefined;
    this.#answers = (features & Feature.requests) !== 0;
    this.#exchanges = this.endpoint.exchanges(connection, this);
    connection.exchanges = this.#exchanges;
    if (connectionOpen.hasSubscribers) connectionOpen.publish(this.notice);
    // What waits in a session may leave no room yet: its acknowledgements make some.
    if (connection.sender.hasRoom) this.release();
  }

  /** The connection is gone; another one may follow. */
  protected detach(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.tally.addTraffic(connection.traffic);
    this.connection = undefined;
    if (connectionClose.hasSubscribers) connectionClose.publish(this.notice);
    this.#exchanges?.close();
    this.#exchanges = undefined;
  }

  /** There is room again. */
  protected release(): void {
    this.#draining.release();
  }

  /** Nothing follows any more. */
  protected finish(): void {
    this.isClosed = true;
    this.#draining.refuse();
    for (const reader of this.#readers) reader.end();
  }

  /** What is told of the present connection. */
  protected get notice(): ConnectionNotice {
    this.#notice ??= { side: this.side, id: this.#peerId };
    return this.#notice;
  }

  /** @internal Something of this peer was refused. */
  abstract refused(error: Error): void;

  #ready(): Exchanges {
    if (this.#exchanges === undefined) throw notConnected();
    if (!this.#answers) throw new RingwireError('ERR_RINGWIRE_NO_HANDLER', 'the peer answers no requests');
    return this.#exchanges;
  }

  #bind(asked: AskedOnce, signal: AbortSignal, exchanges: Exchanges): void {
    if (signal.aborted) {
      asked.failed(cancelled(asked.event, signal.reason));
      return;
    }
    const abort = (): void => exchanges.asker.giveUp(asked, cancelled(asked.event, signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    asked.settled = () => signal.removeEventListener('abort', abort);
    exchanges.asker.ask(asked);
  }
}
