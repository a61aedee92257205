/**
 * One end of a connection as the operating system keeps it: what waits to leave, what has arrived, and who is told. It stands where libuv's stream
 * stands below a `net.Socket`.
 *
 * Invariant: what a write hands over is read when the system takes it; a `done` is called once, for the whole write.
 */
import type { Host } from './clock.ts';
import type { Link, Network } from './network.ts';

/** The socket above. */
export interface HandleOwner {
  /** How many bytes a read may bring. */
  readonly readRoom: number;
  arrived(bytes: Buffer): void;
  ended(): void;
  failed(code: string, call: string): void;
}

interface Write {
  readonly chunks: readonly Uint8Array[];
  chunk: number;
  at: number;
  readonly done: (code?: string) => void;
}

interface Arrival {
  readonly bytes: Buffer;
  readonly atMs: number;
}

export class Handle {
  readonly link: Link;
  readonly host: Host;
  peer!: Handle;
  owner: HandleOwner | undefined = undefined;
  isClosed = false;
  reading = false;
  // What the transport asks libuv's handle for.
  bytesWritten = 0;
  writeQueueSize = 0;
  /** There when an accepted handle may be wrapped again. */
  useUserBuffer: (() => void) | undefined = () => {};
  readonly #network: Network;
  #writes: Write[] = [];
  #finish: ((code?: string) => void) | undefined = undefined;
  #arrivals: Arrival[] = [];
  #arrivedBytes = 0;
  #lastMs = 0;
  #endMs = Infinity;
  #endTold = false;
  #isReset = false;
  /** The machine is gone: nobody reads, nobody answers. */
  isDark = false;
  /** After so long without a word from the other end the system asks for one. */
  keepAliveMs = Infinity;

  constructor(network: Network, link: Link, host: Host) {
    this.#network = network;
    this.link = link;
    this.host = host;
  }

  /** @returns true when everything was taken at once; otherwise `done` follows */
  write(chunks: readonly Uint8Array[], done: (code?: string) => void): boolean {
    const { clock, chance, faults } = this.#network;
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    this.bytesWritten += bytes;
    this.writeQueueSize += bytes;
    if (this.#isReset || chance.hits(faults.writeError)) {
      this.link.fault ??= 'write error';
      this.#network.trace.add(`${this.name} write fails`);
      if (!this.#isReset) this.#network.cut(this.link);
      clock.after(0, this.host, () => done('EPIPE'));
      return false;
    }
    let isAtOnce = false;
    let isReturned = false;
    const told = (code?: string): void => {
      if (isReturned) done(code);
      else isAtOnce = true;
    };
    this.#writes.push({ chunks, chunk: 0, at: 0, done: told });
    if (this.#writes.length === 1) this.#take();
    isReturned = true;
    return isAtOnce;
  }

  /** An end behind everything that was written. */
  shutdown(done: (code?: string) => void): void {
    this.#finish = done;
    if (this.#writes.length === 0) this.#end();
  }

  readStart(): void {
    this.reading = true;
    this.wake();
  }

  readStop(): void {
    this.reading = false;
  }

  close(closed: () => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.owner = undefined;
    const { clock } = this.#network;
    const writes = this.#writes.splice(0);
    if (writes.length > 0) this.link.fault ??= 'closed with writes';
    clock.after(0, this.host, () => {
      for (const write of writes) write.done('ECANCELED');
      closed();
    });
    // What nobody has read makes a reset of the end.
    if (this.#arrivedBytes > 0) this.peer.reset();
    else this.#endPeer();
    this.#arrivals = [];
    this.#arrivedBytes = 0;
    this.peer.#room();
  }

  /** The connection does not exist any more, as far as the network knows. */
  reset(): void {
    if (this.isClosed || this.#isReset) return;
    this.link.fault ??= 'reset';
    this.#isReset = true;
    this.wake();
    const { clock } = this.#network;
    clock.after(this.#network.latency(), this.host, () => {
      for (const write of this.#writes.splice(0)) write.done('ECONNRESET');
      this.#finish?.('ENOTCONN');
      this.#finish = undefined;
    });
  }

  goDark(): void {
    this.isDark = true;
    this.#writes = [];
  }

  /** The machine is back and does not know the connection. */
  forget(): void {
    if (!this.isDark) return;
    this.isClosed = true;
    const { peer } = this;
    const { clock, hasKeepAlive } = this.#network;
    if (this.#arrivedBytes > 0) peer.reset();
    else if (hasKeepAlive && peer.keepAliveMs < Infinity)
      clock.after(peer.keepAliveMs, peer.host, () => peer.reset());
    this.#arrivals = [];
    this.#arrivedBytes = 0;
  }

  /** Looks again whether there is something to tell. */
  wake(): void {
    if (!this.isClosed) this.#network.clock.after(0, this.host, () => this.#deliver());
  }

  get name(): string {
    return `link ${this.link.id} ${this.host.name}`;
  }

  /** The system takes what it has room for. */
  #take(): void {
    const { chance, faults, clock } = this.#network;
    while (this.#writes.length > 0) {
      const write = this.#writes[0] as Write;
      const chunk = write.chunks[write.chunk] as Uint8Array;
      let bytes = Math.min(faults.capacityBytes - this.peer.#arrivedBytes, chunk.length - write.at);
      if (bytes <= 0 && chunk.length > 0) return;
      const isPart = bytes > 1 && chance.hits(faults.partialWrite);
      if (isPart) bytes = chance.between(1, bytes);
      this.peer.#arrive(Buffer.from(chunk.subarray(write.at, write.at + bytes)));
      this.writeQueueSize -= bytes;
      write.at += bytes;
      if (write.at === chunk.length) {
        write.at = 0;
        write.chunk++;
        if (write.chunk === write.chunks.length) {
          this.#writes.shift();
          write.done();
        }
      }
      if (isPart) {
        clock.after(this.#network.latency(), this.host, () => this.#take());
        return;
      }
    }
    if (this.#finish !== undefined && !this.isClosed) this.#end();
  }

  #end(): void {
    const finish = this.#finish as (code?: string) => void;
    this.#finish = undefined;
    const { clock, chance, faults } = this.#network;
    const fails = this.#isReset || chance.hits(faults.closeError);
    if (fails) this.link.fault ??= 'shutdown error';
    else this.#endPeer();
    clock.after(0, this.host, () => finish(fails ? 'ENOTCONN' : undefined));
  }

  #endPeer(): void {
    const { peer } = this;
    if (peer.#endMs < Infinity || peer.isClosed) return;
    peer.#endMs = Math.max(peer.#lastMs, this.#network.clock.nowMs + this.#network.latency());
    this.#network.clock.after(peer.#endMs - this.#network.clock.nowMs, peer.host, () => peer.#deliver());
  }

  #arrive(bytes: Buffer): void {
    const { clock, chance, faults } = this.#network;
    if (this.isClosed) {
      // Nobody is there: the sender hears of it.
      clock.after(this.#network.latency(), this.peer.host, () => this.peer.reset());
      return;
    }
    if (chance.hits(faults.corruption) && bytes.length > 0) {
      this.link.fault ??= 'corruption';
      this.link.isCorrupted = true;
      const at = chance.random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << chance.random.below(8));
      this.#network.trace.add(`${this.name} a bit flips`);
    }
    this.#lastMs = Math.max(this.#lastMs, clock.nowMs + this.#network.latency());
    this.#arrivals.push({ bytes, atMs: this.#lastMs });
    this.#arrivedBytes += bytes.length;
    clock.after(this.#lastMs - clock.nowMs, this.host, () => this.#deliver());
  }

  /** One read. */
  #deliver(): void {
    const { owner } = this;
    if (this.isClosed || !this.reading || owner === undefined || this.isDark || this.link.isSilent) return;
    const { clock, chance, faults } = this.#network;
    let available = 0;
    for (const { bytes, atMs } of this.#arrivals) if (atMs <= clock.nowMs) available += bytes.length;
    if (available === 0) this.#deliverEnd(owner);
    else if (chance.hits(faults.readError)) {
      this.#network.trace.add(`${this.name} read fails`);
      this.#network.cut(this.link);
      owner.failed('ECONNRESET', 'read');
    } else {
      let bytes = Math.min(available, owner.readRoom);
      if (chance.hits(faults.partialRead)) bytes = chance.between(1, bytes);
      const chunk = this.#shift(bytes);
      this.peer.#room();
      owner.arrived(chunk);
      this.wake();
    }
  }

  #deliverEnd(owner: HandleOwner): void {
    if (this.#isReset) owner.failed('ECONNRESET', 'read');
    else if (this.#arrivals.length === 0 && this.#endMs <= this.#network.clock.nowMs && !this.#endTold) {
      this.#endTold = true;
      owner.ended();
    }
  }

  #shift(count: number): Buffer {
    const chunk = Buffer.alloc(count);
    let at = 0;
    while (at < count) {
      const { bytes, atMs } = this.#arrivals[0] as Arrival;
      const part = bytes.copy(chunk, at);
      at += part;
      if (part < bytes.length) this.#arrivals[0] = { bytes: bytes.subarray(part), atMs };
      else this.#arrivals.shift();
    }
    this.#arrivedBytes -= count;
    return chunk;
  }

  /** The peer has made room. */
  #room(): void {
    if (this.isClosed || this.#writes.length === 0) return;
    this.#network.clock.after(0, this.host, () => this.#take());
  }
}
