/**
 * The class IPC: node-ipc's methods, with its argument lists. Each instance has its own settings, server and connections.
 *
 * Invariant: `of` has no prototype, so any string is a good id; the methods cannot be overwritten.
 */
import type { Stats } from '../connection/counters.ts';
import { secureRoot } from '../transports/secure-root.ts';
import { loadOwn, onFirstUse } from '../loading.ts';
import { type Callback, localArguments, netArguments } from './arguments.ts';
import type { Client } from './client.ts';
import { Config } from './config.ts';
import { type Log, writeLog } from './log.ts';
import type { Server } from './server.ts';
import type { Shared } from './shared.ts';

const engine = onFirstUse(() => loadOwn('ipc/engine') as typeof import('./engine.ts'));

/** What callbacks of `connectTo` and `connectToNet` are called with: the instance, or nothing when the id was connected already. */
export type ConnectCallback = (ipc?: IPC) => void;

export type ConnectTo = (
  id: string,
  ...rest: [] | [path: string | Hole, callback?: ConnectCallback] | [callback: ConnectCallback]
) => void;
export type ConnectToNet = (id: string, ...rest: (string | number | ConnectCallback | Hole)[]) => void;
export type Disconnect = (id: string) => void;
export type Serve = (
  ...args: [] | [path: string | Hole, callback?: () => void] | [callback: () => void]
) => void;
export type ServeNet = (...args: (string | number | (() => void) | Hole)[]) => void;

/** node-ipc's API: settings, at most one server at a time, any number of clients. The default export is an instance. */
export class IPC {
  readonly config: Config = new Config();
  /** The clients by their id. */
  readonly of: Record<string, Client> = Object.create(null) as Record<string, Client>;
  /** The server that `serve` or `serveNet` made last; false before. */
  server: Server | false = false;
  /** Every server of this instance that is listening, also those that `server` does not show any more. */
  readonly servers: Server[] = [];
  readonly #log: Log = (...args) => writeLog(this.config, args);
  #sharedWhenUsed: Shared | undefined = undefined;

  #flushesAtExit = false;

  readonly #connectTo: ConnectTo = (id, ...rest) => {
    if (!this.#checkId(id)) return;
    const { path, callback } = localArguments('connectTo', rest);
    this.#openClient(id, path ?? this.#defaultPath(id), undefined, callback);
  };
  readonly #connectToNet: ConnectToNet = (id, ...rest) => {
    if (!this.#checkId(id)) return;
    const { host, port, udp, callback } = netArguments('connectToNet', rest);
    if (udp !== undefined)
      throw new TypeError('connectToNet knows no UDP: UDP sockets on both sides are made by serveNet');
    this.#openClient(id, host ?? this.config.networkHost, port ?? this.config.networkPort, callback);
  };
  readonly #disconnect: Disconnect = (id) => {
    const client = this.of[id];
    if (client === undefined) return;
    client.close();
    delete this.of[id];
  };
  readonly #serve: Serve = (...args) => {
    const { path, callback } = localArguments('serve', args);
    const address = path ?? this.#defaultPath(this.config.id);
    const server = new (engine().Server)(address, this.config, this.#log, undefined, undefined, this.#shared);
    this.#openServer(server, callback);
  };
  readonly #serveNet: ServeNet = (...args) => {
    const { host, port, udp, callback } = netArguments('serveNet', args);
    const server = new (engine().Server)(
      host ?? this.config.networkHost,
      this.config,
      this.#log,
      port ?? this.config.networkPort,
      udp,
      this.#shared,
    );
    this.#openServer(server, callback);
  };

  /** Writes to the log, as ringwire does. */
  get log(): (...args: unknown[]) => void {
    return this.#log;
  }

  /** `connectTo(id[, path][, callback])`: connects to a local socket as `ipc.of[id]`. */
  get connectTo(): ConnectTo {
    return this.#connectTo;
  }

  /** `connectToNet(id[, host][, port][, callback])`: connects over TCP, or TLS when `config.tls` is set, as `ipc.of[id]`. */
  get connectToNet(): ConnectToNet {
    return this.#connectToNet;
  }

  /** Ends the connection to `id` and removes it from `ipc.of`. */
  get disconnect(): Disconnect {
    return this.#disconnect;
  }

  /** `serve([path][, callback])`: makes `ipc.server` for a local socket; `ipc.server.start()` starts it, the callback hears 'start'. */
  get serve(): Serve {
    return this.#serve;
  }

  /**
   * `serveNet([host][, port][, 'udp4' | 'udp6'][, callback])`: makes `ipc.server` for TCP, for TLS when `config.tls` is set, or for UDP,
   * where both sides are servers.
   */
  get serveNet(): ServeNet {
    return this.#serveNet;
  }

  get #shared(): Shared {
    return (this.#sharedWhenUsed ??= new (engine().Shared)(this.config, this.#log));
  }

  /** What has passed, what waits and what was refused: all stream clients and servers of this instance, those included that are gone. */
  stats(): Stats {
    return this.#shared.stats();
  }

  // Assignment is ignored, as in node-ipc, and no error in strict code.
  set log(_value) {}
  set connectTo(_value) {}
  set connectToNet(_value) {}
  set disconnect(_value) {}
  set serve(_value) {}
  set serveNet(_value) {}

  #openClient(id: string, path: string, port: number | undefined, callback: Callback | undefined): void {
    const known = this.of[id];
    if (known !== undefined) {
      if (known.socket !== false && !known.socket.destroyed) {
        this.#log('Already Connected to', id, '- So executing success without connection');
        callback?.();
        return;
      }
      known.close();
    }
    this.#flushAtExit();
    const forget = (): void => {
      if (this.of[id] === client) delete this.of[id];
    };
    const client: Client = new (engine().Client)(this.config, this.#log, forget, this.#shared);
    client.id = id;
    client.path = path;
    client.port = port;
    this.of[id] = client;
    try {
      client.connect();
    } catch (error) {
      delete this.of[id];
      throw error;
    }
    (callback as ConnectCallback | undefined)?.(this);
  }

  /** `emit` and `process.exit` in one turn: the end of the tick, when messages leave, would never come. */
  #flushAtExit(): void {
    if (this.#flushesAtExit) return;
    this.#flushesAtExit = true;
    process.setMaxListeners(process.getMaxListeners() + 1);
    process.on('exit', () => {
      for (const client of Object.values(this.of)) client.flush();
      for (const server of this.servers) server.flush();
    });
  }

  #openServer(server: Server, callback: Callback | undefined): void {
    this.#flushAtExit();
    const live = this.servers.filter((each) => each.isLive);
    if (live.length > 0) {
      this.#log(
        'ipc.server is being replaced; the server on',
        live.map((each) => each.path).join(', '),
        'goes on, see ipc.servers',
      );
    }
    this.servers.splice(0, this.servers.length, ...live, server);
    this.server = server;
    if (callback !== undefined) server.on('start', callback);
  }

  #defaultPath(id: string): string {
    const root = this.config.secureRoot ? secureRoot() : this.config.socketRoot;
    return `${root}${this.config.appspace}${id}`;
  }

  #checkId(id: string): boolean {
    if (id) return true;
    this.#log(
      'Service id required',
      'Requested service connection without specifying service id. Aborting connection attempt',
    );
    return false;
  }
}

/** Arguments that count as left out. */
export type Hole = undefined | null | false | '';
