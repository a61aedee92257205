/**
 * The least code that sends frames over a bare socket: a length in front of each, all of a tick in one write, parsed from the 'data' event. No
 * names, no limits, no backpressure beyond the socket's own, no errors: what a program would write for itself, and the yardstick for what
 * the rest costs.
 */
import net from 'node:net';
import { type Contestant, type Endpoint, type Events, type Job, messageOf } from '../contestant.ts';
import { dial, listenArguments } from './net.ts';

const BATCH_BYTES: number = 64 * 1024;
const HEADER_BYTES = 8;

export const BY_HAND: Contestant = {
  name: 'by-hand',
  missing: () => undefined,
  serve: (job, events) =>
    new Promise((resolve, reject) => {
      const writers = new Map<net.Socket, Writer>();
      const server = net.createServer((socket) => {
        writers.set(socket, new Writer(socket, job));
        socket.on('close', () => writers.delete(socket));
        attach(socket, job, events);
        events.opened(socket);
      });
      const endpoint: Endpoint = {
        get address() {
          return typeof job.address === 'string' ? job.address : (server.address() as net.AddressInfo).port;
        },
        send: (peer) => writers.get(peer as net.Socket)?.send() ?? false,
        close: () => {
          server.close();
          for (const socket of writers.keys()) socket.destroy();
        },
      };
      server.on('error', reject);
      server.listen(...listenArguments(job), () => resolve(endpoint));
    }),
  connect: async (job, events) => {
    const socket = dial(job, () => events.opened(socket));
    const writer = new Writer(socket, job);
    attach(socket, job, events);
    return { address: job.address, send: () => writer.send(), close: () => socket.destroy() };
  },
};

class Writer {
  readonly #socket: net.Socket;
  readonly #data: Buffer;
  readonly #batchBytes: number;
  readonly #spare: Buffer[] = [];
  #batch: Buffer | undefined = undefined;
  #end = 0;
  readonly #flush = (): void => void this.flush();

  constructor(socket: net.Socket, { data }: Job) {
    this.#socket = socket;
    this.#data = messageOf(data) as Buffer;
    this.#batchBytes = Math.max(BATCH_BYTES, HEADER_BYTES + this.#data.length);
  }

  send(): boolean {
    const { length } = this.#data;
    let more = true;
    if (this.#end + HEADER_BYTES + length > this.#batchBytes) more = this.flush();
    if (this.#batch === undefined) {
      this.#batch = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#batchBytes);
      process.nextTick(this.#flush);
    }
    this.#batch.writeUInt32LE(length, this.#end);
    this.#batch.set(this.#data, this.#end + HEADER_BYTES);
    this.#end += HEADER_BYTES + length;
    return more;
  }

  flush(): boolean {
    const batch = this.#batch;
    if (batch === undefined) return true;
    const bytes = batch.subarray(0, this.#end);
    this.#batch = undefined;
    this.#end = 0;
    return this.#socket.write(bytes, () => this.#spare.push(batch));
  }
}

function attach(socket: net.Socket, { data }: Job, events: Events): void {
  let rest: Buffer | undefined = undefined;
  socket.on('data', (arrived: Buffer) => {
    const chunk: Buffer = rest === undefined ? arrived : Buffer.concat([rest, arrived]);
    const end = chunk.length;
    let at = 0;
    while (at + HEADER_BYTES <= end) {
      const next = at + HEADER_BYTES + chunk.readUInt32LE(at);
      if (next > end) break;
      if (next - at - HEADER_BYTES !== data) throw new Error('a frame of another size');
      events.received(socket, 1);
      at = next;
    }
    rest = at < end ? chunk.subarray(at) : undefined;
  });
  socket.on('drain', () => events.drained(socket));
  socket.on('error', () => socket.destroy());
}
