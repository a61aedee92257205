/**
 * The TypeScript datagram endpoint of the conformance pack, on a real socket; each case comes from a socket of its own, so that it is a peer of its own.
 * They are closed at the end: the port of one that is closed may be the next one's, whose datagrams would then look like repeated ones.
 *
 * Invariant: a run is over when the endpoint has seen the datagram that follows the case.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { Emitter } from '../../src/emitter.ts';
import { DatagramEndpoint } from '../../src/endpoints/datagram.ts';
import { within } from '../hostile/stage.ts';
import type { Observed } from './observed.ts';
import { messageLine } from './observed.ts';

/** The least that an endpoint can be told. */
const LIMIT = 1200;
/** One message `end` on the agreed event 5, in a datagram with a session of its own. */
const LAST: Buffer = Buffer.from(
  'f5440101000000000000009900000000 0300000005000300656e640000000000'.replaceAll(' ', ''),
  'hex',
);
const LAST_LINE = 'message agreed 5 656e64';

function deferred(): { promise: Promise<void>; resolve: () => void } {
  const holder: { resolve?: () => void } = {};
  const promise = new Promise<void>((resolve) => (holder.resolve = resolve));
  return { promise, resolve: holder.resolve as () => void };
}

export class Datagrams {
  readonly #endpoint: DatagramEndpoint;
  readonly #sockets: dgram.Socket[] = [];
  #log: string[] = [];
  #seen: () => void = () => {};

  private constructor(started: () => void) {
    this.#endpoint = new DatagramEndpoint(
      new Emitter(),
      {
        type: 'udp4',
        host: '127.0.0.1',
        port: 0,
        wire: 'binary',
        codec: 'raw',
        receive: 'copy',
        encoding: 'utf8',
        delimiter: '\f',
        agreed: Object.fromEntries([1, 2, 3, 4, 5].map((id) => [`agreed ${id}`, id])),
        structs: {},
        settings: { fragment: true, fragmentedBytesMax: LIMIT },
      },
      {
        started,
        received: (_, event, data) => {
          const line = messageLine(event, data);
          if (line === LAST_LINE) this.#seen();
          else this.#log.push(line);
          return undefined;
        },
        identified: () => {},
        error: () => {},
        drained: () => {},
        stats: () => {},
        closed: () => {},
      },
    );
  }

  static async open(): Promise<Datagrams> {
    const { promise, resolve } = deferred();
    const datagrams = new Datagrams(resolve);
    datagrams.#endpoint.start();
    await within('the endpoint to be bound', promise);
    return datagrams;
  }

  /** Messages in their order; faults, which an endpoint only counts, behind them. */
  async run(pieces: readonly Buffer[]): Promise<Observed> {
    this.#log = [];
    const before = new Map(Object.entries(this.#endpoint.stats().faultsByCode));
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    this.#sockets.push(socket);
    await once(socket, 'listening');
    const { port } = this.#endpoint.socket.address();
    const seen = new Promise<void>((resolve) => (this.#seen = resolve));
    for (const piece of [...pieces, LAST]) socket.send(piece, port, '127.0.0.1');
    await within('the last datagram', seen);
    const faults = Object.entries(this.#endpoint.stats().faultsByCode).flatMap(([code, count]) =>
      Array.from(
        { length: count - (before.get(code) ?? 0) },
        () => `error ${code.replace('ERR_RINGWIRE_', '')}`,
      ),
    );
    return { events: [...this.#log, ...faults.toSorted()], closed: false, sent: Buffer.alloc(0) };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    const closed = once(this.#endpoint.socket, 'close');
    this.#endpoint.stop();
    await closed;
  }
}
