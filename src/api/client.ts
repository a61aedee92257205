/**
 * `connect`: the peer that we connect to, for as long as the program wants it. A lost connection is restored with growing random pauses.
 *
 * Invariant: `lifecycle` tells each connection once, its end once, and the end of all of them once.
 */
import net from 'node:net';
import { tls } from '../loading.ts';
import type { Connection } from '../connection/connection.ts';
import { NOTHING_KEPT, type Unacknowledged } from '../connection/link.ts';
import { StreamClient } from '../endpoints/client.ts';
import type { RetryRules } from '../endpoints/retry.ts';
import type { Emitter } from '../emitter.ts';
import { RingwireError } from '../errors.ts';
import { CONNECT_TIMEOUT_MS } from '../limits.ts';
import { onreadOptions, type TransportHandlers } from '../transports/stream.ts';
import { clientTlsOptions } from '../transports/tls-options.ts';
import { addressOf, type Place } from './address.ts';
import { type CloseOptions, cutLate } from './deadline.ts';
import { messageOut } from './diagnostics.ts';
import { Endpoint } from './endpoint.ts';
import { flushAtExit } from './exit.ts';
import { type ClientLifecycle, Lifecycle } from './lifecycle.ts';
import { logLifecycle } from './log.ts';
import { timeoutOf } from './option-checks.ts';
import { type ConnectOptions, reconnectOf } from './options.ts';
import { Peer } from './peer.ts';
import type { Protocol } from './protocol.ts';
import type { AnyRequestHandler } from './requests/answerer.ts';
import { notConnected } from './requests/asker.ts';
import type { RequestContext } from './requests/handling.ts';
import type { EndpointStats } from './stats.ts';
import type { AnyContract, AnyHandlerOf, Contract, DataArguments, NameIn } from './types.ts';

/** The server, as a client sees it: what `connect` gives. A lost connection is restored; without `ack` what was not sent by then is lost. */
export class PeerClient<C extends Contract = AnyContract> extends Peer<C> {
  /** What happens to the connection: `connect`, `disconnect`, `error`, `drain`, `close`. */
  readonly lifecycle: Lifecycle<ClientLifecycle>;
  protected override readonly side = 'client';
  readonly #place: Place;
  readonly #options: ConnectOptions;
  readonly #stream: StreamClient;
  readonly #rules: Pick<RetryRules, 'delayMs' | 'attemptsMax' | 'backoffMsMax'>;
  #everConnected = false;
  #ending = false;
  #keepsAlive = true;
  #lastError: Error | undefined = undefined;
  readonly #unhook: () => void;
  readonly #gone: Promise<void>;
  #resolveGone: () => void = () => {};

  /** Made by `connect`. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_TLS_CONFIG */
  constructor(place: Place, options: ConnectOptions, protocol: Protocol) {
    super(new Endpoint(options, protocol, false));
    const { delayMs, delayMsMax, attemptsMax } = reconnectOf(options.reconnect);
    this.#place = place;
    this.#options = options;
    this.#rules = { delayMs, attemptsMax, backoffMsMax: delayMsMax };
    this.lifecycle = new Lifecycle(this.endpoint.lifecycle);
    logLifecycle(this.endpoint.lifecycle, options.logger, 'client', () => this.address);
    this.#gone = new Promise((resolve) => (this.#resolveGone = resolve));
    this.#stream = this.#newStream();
    this.#unhook = flushAtExit(() => this.flush());
  }

  /** Where it connects to, as a URL. */
  get address(): string {
    return addressOf(this.#place);
  }

  override send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  override send(event: string, data?: unknown): boolean {
    if (this.endpoint.validates) this.endpoint.checkEvent(event, data);
    if (messageOut.hasSubscribers) messageOut.publish({ peer: this.notice, event });
    if (this.connection !== undefined) return this.connection.send(event, data);
    // It waits for the next connection.
    if (this.#stream.session !== undefined && !this.#ending) return this.#stream.send(event, data);
    this.tally.refuse(notConnected());
    return false;
  }

  override stats(previous?: EndpointStats): EndpointStats {
    return { ...super.stats(previous), dropped: this.#stream.stats().dropped };
  }

  /** Answers requests that the server makes; see `PeerServer.handle`. */
  handle<K extends NameIn<C['requests']> | NameIn<C['streams']>>(
    request: K,
    handler: AnyHandlerOf<C, K, RequestContext<PeerClient<C>>> | undefined,
  ): this {
    if (handler === undefined) this.endpoint.handlers.delete(request);
    else this.endpoint.handlers.set(request, handler as AnyRequestHandler);
    return this;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const { socket, session } = this.#stream;
    if (!this.#ending && !this.isClosed) {
      this.#ending = true;
      const end = (): void => {
        this.#leave(() => (this.connection === undefined ? this.#stream.disconnect() : this.#stream.end()));
      };
      // What is not acknowledged may need another connection first.
      if (session === undefined) end();
      else session.whenEmpty(end);
    }
    const cut = (): void => {
      if (session === undefined) socket?.destroy();
      else this.#leave(() => this.#stream.disconnect());
    };
    await cutLate(this.#gone, cut, options, this.endpoint.context.limits.closeTimeoutMs);
  }

  override ref(): this {
    return this.#keepAlive(true);
  }

  override unref(): this {
    return this.#keepAlive(false);
  }

  override refused(error: Error): void {
    this.tally.refuse(error);
    this.#lastError = error;
    this.endpoint.lifecycle.publish('error', error);
  }

  /** @internal Called by `connect`: settles when the peer has said hello. */
  async start(): Promise<void> {
    const { signal } = this.#options;
    const timeoutMs = timeoutOf(this.#options.timeout, CONNECT_TIMEOUT_MS);
    signal?.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    const abort = (): void => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.endpoint.lifecycle.once('close', () => signal?.removeEventListener('abort', abort));
    try {
      await new Promise<void>((resolve, reject) => {
        this.endpoint.lifecycle.once('connect', resolve);
        this.endpoint.lifecycle.once('close', () => reject(this.#whyNot()));
        if (timeoutMs < 2 ** 31) timer = setTimeout(() => reject(this.#late(timeoutMs)), timeoutMs);
        this.#stream.connect();
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  protected override unacknowledged(): Unacknowledged {
    return this.#stream.session?.unacknowledged ?? NOTHING_KEPT;
  }

  protected override listeners(): Emitter {
    return this.endpoint.emitter;
  }

  #newStream(): StreamClient {
    const options = {
      wire: 'binary',
      window: 0,
      connect: (handlers: TransportHandlers) => this.#open(handlers),
      retry: () => this.#retryRules(),
    } as const;
    return new StreamClient(this.endpoint.context, options, {
      opened: (connection: Connection) => {
        const { endpoint } = this;
        connection.emitter = endpoint.publisher(
          endpoint.emitter,
          (error) => this.refused(error),
          () => this.notice,
        );
      },
      connected: (id = '', features) => {
        this.#everConnected = true;
        this.#lastError = undefined;
        this.attach(this.#stream.connection, id, features);
        this.endpoint.lifecycle.publish('connect');
      },
      error: (error) => this.refused(error),
      drained: () => {
        this.release();
        this.endpoint.lifecycle.publish('drain');
      },
      closed: (unsentBytes) => {
        this.detach();
        if (this.#everConnected) this.endpoint.lifecycle.publish('disconnect', this.#lastError, unsentBytes);
      },
      destroyed: () => this.#destroyed(),
    });
  }

  #retryRules(): RetryRules {
    const before = this.#options.wait === true ? Infinity : 0;
    const attemptsMax = this.#everConnected ? this.#rules.attemptsMax : before;
    return { ...this.#rules, attemptsMax, stopped: false };
  }

  #open(handlers: TransportHandlers): {
    socket: net.Socket;
    onread: boolean;
    ready: 'connect' | 'secureConnect';
  } {
    const place = this.#place;
    const base = { allowHalfOpen: true, noDelay: true };
    const target = place.kind === 'unix' ? { path: place.path } : { host: place.host, port: place.port };
    const isTls = place.kind === 'tls';
    const socket = isTls
      ? tls().connect({ ...clientTlsOptions(this.#options.tls ?? {}), ...base, ...target })
      : net.connect({ ...base, ...target, onread: onreadOptions(handlers) } as net.NetConnectOpts);
    if (!this.#keepsAlive) socket.unref();
    return { socket, onread: !isTls, ready: isTls ? 'secureConnect' : 'connect' };
  }

  #keepAlive(keepsAlive: boolean): this {
    this.#keepsAlive = keepsAlive;
    this.#stream.keepsAlive = keepsAlive;
    const { socket } = this.#stream;
    if (keepsAlive) socket?.ref();
    else socket?.unref();
    return this;
  }

  #leave(leave: () => void): void {
    const { socket } = this.#stream;
    const isIdle = socket === undefined || socket.destroyed;
    leave();
    if (isIdle) this.#destroyed();
  }

  #destroyed(): void {
    if (this.isClosed) return;
    this.#unhook();
    this.detach();
    this.finish();
    this.#resolveGone();
    this.endpoint.lifecycle.publish('close');
  }

  #whyNot(): Error {
    const { signal } = this.#options;
    if (signal?.aborted) return signal.reason as Error;
    return this.#lastError ?? notConnected();
  }

  #late(limit: number): RingwireError {
    const message = `no connection to ${this.address} within ${limit} ms`;
    return new RingwireError('ERR_RINGWIRE_CONNECT_TIMEOUT', message, { limit, cause: this.#lastError });
  }
}
