/**
 * A place that is listened on.
 *
 * Invariant: `start` settles when the system really accepts connections.
 */
import events from 'node:events';
import type net from 'node:net';
import type { StreamServer } from '../endpoints/server.ts';
import { listenOnPath } from '../transports/path-server.ts';
import type { Place } from './address.ts';
import type { ListenOptions } from './options.ts';

export class Listening {
  /** With the real port once it listens. */
  place: Place;
  readonly #stream: StreamServer;
  readonly #options: ListenOptions;
  #started: Promise<void> = Promise.resolve();

  constructor(stream: StreamServer, place: Place, options: ListenOptions) {
    this.#stream = stream;
    this.place = place;
    this.#options = options;
  }

  /** @throws RingwireError ERR_RINGWIRE_PATH_IN_USE, _PATH_NOT_SOCKET, _PATH_NOT_OWNED, or an error of the system such as EADDRINUSE */
  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { place } = this;
    const { server } = this.#stream;
    const listening = events.once(server, 'listening');
    if (place.kind === 'unix') {
      const { readableAll = false, writableAll = false } = this.#options;
      listenOnPath(server, { path: place.path, readableAll, writableAll, takeOver: true });
    } else server.listen(place.port, place.host);
    await listening;
    if (place.kind !== 'unix') {
      this.place = { ...place, port: (server.address() as net.AddressInfo).port };
    }
  }

  /** `start` has failed or takes too long: what it may still open is closed. */
  abandon(): void {
    const close = (): void => void this.stop();
    this.#started.then(close, close);
  }

  /** Stops listening; settles when the last connection is gone. */
  stop(): Promise<void> {
    const { server } = this.#stream;
    const closed = new Promise<void>((resolve) => {
      if (server.listening) server.once('close', resolve);
      else resolve();
    });
    this.#stream.stop(true);
    return closed;
  }
}
