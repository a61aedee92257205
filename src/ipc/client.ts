/**
 * `ipc.of.<id>`: node-ipc's client object over a StreamClient. Lifecycle events and messages share one namespace, as they do there.
 *
 * Invariant: a failed or lost connection publishes 'disconnect' once; 'destroy' follows when no further try will be made.
 */
import net from 'node:net';
import { tls } from '../loading.ts';
import { Counters, type Stats } from '../connection/counters.ts';
import { StreamClient } from '../endpoints/client.ts';
import { makeContext } from '../endpoints/context.ts';
import { Emitter } from '../emitter.ts';
import { KEEP_ALIVE_MS } from '../limits.ts';
import { checkPath, localAddress } from '../transports/local-path.ts';
import { onreadOptions, type TransportHandlers } from '../transports/stream.ts';
import { clientTlsOptions } from '../transports/tls-options.ts';
import type { Config } from './config.ts';
import { contextOptions, interfaceOptions, retryBound, retryRules, wireOf } from './config-options.ts';
import { eventGate } from './gate.ts';
import { inLog, type Log, oneLine } from './log.ts';
import { ClientQueue } from './queue.ts';
import { Shared } from './shared.ts';

/** A connection to a server in node-ipc's manner: what stands in `ipc.of`. */
export class Client extends Emitter {
  readonly config: Config;
  readonly log: Log;
  id = '';
  /** Path of a local socket, or host. */
  path = '';
  /** Set for TCP and TLS. */
  port: number | undefined = undefined;
  explicitlyDisconnected = false;
  /** The class itself, as node-ipc's clients have it. */
  readonly Client: typeof Client = Client;
  readonly #onDestroy: () => void;
  readonly #shared: Shared;
  #stream: StreamClient | undefined = undefined;

  /** @param onDestroy called after 'destroy', when nothing of the client works any more */
  constructor(config: Config, log: Log, onDestroy: () => void, shared: Shared = new Shared(config, log)) {
    super();
    this.config = config;
    this.log = log;
    this.#onDestroy = onDestroy;
    this.#shared = shared;
  }

  /** The socket of the current connection or try; false before the first. */
  get socket(): net.Socket | false {
    return this.#stream?.socket ?? false;
  }

  /** The queue of sync mode, with node-ipc's names for it. */
  readonly queue: ClientQueue = new ClientQueue(() => this.#stream?.sync);

  /** Tries left before the client gives up. */
  get retriesRemaining(): number {
    return Math.max(0, retryBound(this.config) - (this.#stream?.attempts ?? 0));
  }

  /** Starts connecting. Called by `connectTo` and `connectToNet`; call it yourself to connect a client that was destroyed again. */
  connect(): void {
    if (!this.path) {
      this.log(
        '\n\n######\nerror: ',
        this.id,
        ' client has not specified socket path it wishes to connect to.',
      );
      return;
    }
    this.log('requested connection to ', this.id, this.path);
    this.#stream ??= this.#newStream();
    this.#stream.connect();
  }

  /**
   * Sends a message; with `config.rawBuffer` the one argument is what is sent.
   * @returns true, or false when the peer is slow ('drain' follows), or when the message was dropped: there is no connection,
   *   or maxPendingBytes wait already (the event 'error' says so once)
   * @throws RingwireError ERR_RINGWIRE_FRAME_TOO_LARGE, ERR_RINGWIRE_INVALID_EVENT, or what JSON.stringify throws; nothing is sent then. What is due
   *   to the server's limits is not thrown but an 'error'
   */
  emit(type: string, data?: unknown): boolean {
    if (this.config.logPayloads)
      this.log('dispatching event to ', this.id, this.path, ' : ', type, ',', data);
    return this.#stream?.send(type, data) ?? false;
  }

  /** Writes what was sent in this tick now instead of at its end. */
  flush(): void {
    this.#stream?.flush();
  }

  /** What has passed, what waits and what was refused, over all connections of this client. */
  stats(): Stats {
    return this.#stream?.stats() ?? new Counters().snapshot([]);
  }

  /** Ends the connection for good: 'disconnect' and 'destroy' follow if there was one. */
  close(): void {
    this.explicitlyDisconnected = true;
    this.off('*', '*');
    this.#stream?.disconnect();
  }

  #newStream(): StreamClient {
    const { config } = this;
    const accounts = this.#shared.accounts();
    const context = makeContext(this, { ...contextOptions(config, false), accounts });
    if (config.tls && this.port !== undefined) this.#shared.warnOfTrust(config.tls, false);
    const options = {
      wire: wireOf(config, false),
      window: config.sync ? Math.max(1, config.window) : 0,
      connect: (handlers: TransportHandlers) => this.#open(handlers),
      retry: () => retryRules(config),
    } as const;
    const gate = eventGate(config);
    const { logPayloads } = config;
    return new StreamClient(context, options, {
      connected: () => {
        this.log('connected to ', this.id, this.path);
        this.publish('connect');
      },
      received:
        gate === undefined && !logPayloads
          ? undefined
          : (event, data) => {
              if (logPayloads) this.log('detected event', oneLine(event), inLog(data));
              return gate?.(event);
            },
      error: (error) => {
        this.#shared.logFault('error: ', this, error);
        this.publish('error', error);
      },
      drained: () => this.publish('drain'),
      closed: (unsentBytes) => this.#closed(unsentBytes),
      destroyed: () => {
        this.publish('destroy');
        this.#onDestroy();
      },
    });
  }

  #open(handlers: TransportHandlers): {
    socket: net.Socket;
    onread: boolean;
    ready: 'connect' | 'secureConnect';
  } {
    const { config, port } = this;
    const base = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    };
    if (port === undefined) {
      const address = localAddress(this.path);
      checkPath(address);
      const socket = net.connect({ ...base, path: address, onread: onreadOptions(handlers) });
      return { socket, onread: true, ready: 'connect' };
    }
    const target = { ...base, host: this.path, port, ...interfaceOptions(config) };
    if (config.tls) {
      const socket = tls().connect({ ...clientTlsOptions(config.tls), ...target });
      return { socket, onread: false, ready: 'secureConnect' };
    }
    return {
      socket: net.connect({ ...target, onread: onreadOptions(handlers) }),
      onread: true,
      ready: 'connect',
    };
  }

  #closed(unsentBytes: number): void {
    this.log(
      'connection closed',
      this.id,
      this.path,
      unsentBytes > 0 ? `${unsentBytes} bytes were not sent` : '',
      this.retriesRemaining,
      'tries remaining',
    );
    this.publish('disconnect');
  }
}
