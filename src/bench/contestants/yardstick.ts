/**
 * What the gate compares with: bytes, or values as JSON, framed by their length, all of a tick in one write, read in place. It is the kind of work
 * that ringwire does, with the least code, so what disturbs one disturbs the other as much. A call of the system for each message, or a new
 * Buffer for each read, as `ndjson` and `by-hand` have them, would be slowed less or more by a busy machine.
 */
import net from 'node:net';
import { canRewrap, rewrap } from '../../transports/accept.ts';
import { onreadOptions } from '../../transports/stream.ts';
import { type Contestant, type Events, type Job, makeCheck, messageOf } from '../contestant.ts';

const BATCH_BYTES: number = 64 * 1024;
const HEADER_BYTES = 4;

export const YARDSTICK: Contestant = {
  name: 'yardstick',
  missing: () => undefined,
  serve: (job, events) =>
    new Promise((resolve, reject) => {
      const ends = new Set<End>();
      const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
        if (!canRewrap(accepted)) throw new Error('accepted sockets of this Node cannot read in place');
        const end = new End(job, events);
        ends.add(end);
        end.open(rewrap(accepted, end));
        events.opened(end);
      });
      server.on('error', reject);
      server.listen(job.address, () =>
        resolve({
          address: job.address,
          send: (peer) => (peer as End).send(),
          close: () => {
            server.close();
            for (const end of ends) end.close();
          },
        }),
      );
    }),
  connect: async (job, events) => {
    const end = new End(job, events);
    const socket = net.connect({ path: String(job.address), onread: onreadOptions(end) });
    end.open(socket.on('connect', () => events.opened(end)));
    return { address: job.address, send: () => end.send(), close: () => end.close() };
  },
};

/** One end of a connection. */
class End {
  readonly #events: Events;
  readonly #data: unknown;
  readonly #check: (arrived: unknown) => void;
  /** A batch is left as soon as it is full: it may exceed its size by one message. */
  readonly #batchBytes: number;
  readonly #spare: Buffer[] = [];
  readonly #memory: Buffer;
  readonly #flush = (): void => void this.flush();
  #socket: net.Socket | undefined = undefined;
  #batch: Buffer | undefined = undefined;
  #written = 0;
  #unread = 0;

  constructor(job: Job, events: Events) {
    this.#events = events;
    this.#data = messageOf(job.data);
    this.#check = makeCheck(job.data);
    const size = typeof job.data === 'number' ? job.data : Buffer.byteLength(JSON.stringify(job.data));
    this.#batchBytes = BATCH_BYTES + HEADER_BYTES + size;
    this.#memory = Buffer.allocUnsafeSlow(this.#batchBytes);
  }

  /** Reads begin. */
  open(socket: net.Socket): void {
    this.#socket = socket;
    socket.on('drain', () => this.#events.drained(this));
    socket.on('error', () => socket.destroy());
    socket.resume();
  }

  close(): void {
    this.#socket?.destroy();
  }

  send(): boolean {
    if (this.#batch === undefined) {
      this.#batch = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#batchBytes);
      process.nextTick(this.#flush);
    }
    const start = this.#written + HEADER_BYTES;
    const length = this.#write(this.#batch, start);
    this.#batch.writeUInt32LE(length, this.#written);
    this.#written = start + length;
    return this.#written < BATCH_BYTES || this.flush();
  }

  #write(batch: Buffer, start: number): number {
    const data = this.#data;
    if (!Buffer.isBuffer(data)) return batch.write(JSON.stringify(data), start);
    batch.set(data, start);
    return data.length;
  }

  flush(): boolean {
    const batch = this.#batch;
    if (batch === undefined) return true;
    const bytes = batch.subarray(0, this.#written);
    this.#batch = undefined;
    this.#written = 0;
    return (this.#socket as net.Socket).write(bytes, () => this.#spare.push(batch));
  }

  /** Where the system reads to: behind what is left of the read before. */
  receiving(): Buffer {
    return this.#memory.subarray(this.#unread);
  }

  received(bytes: number): void {
    const memory = this.#memory;
    const end = this.#unread + bytes;
    let at = 0;
    while (at + HEADER_BYTES <= end) {
      const start = at + HEADER_BYTES;
      const next = start + memory.readUInt32LE(at);
      if (next > end) break;
      this.#read(start, next);
      this.#events.received(this, 1);
      at = next;
    }
    memory.copyWithin(0, at, end);
    this.#unread = end - at;
  }

  #read(start: number, end: number): void {
    const data = this.#data;
    if (!Buffer.isBuffer(data)) this.#check(JSON.parse(this.#memory.toString('utf8', start, end)));
    else if (end - start !== data.length) throw new Error('a frame of another size');
  }
}
