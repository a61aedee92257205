/**
 * `dgram.Socket` over the simulated network: datagrams are lost, doubled, delayed past each other and damaged as the seed says.
 *
 * Invariant: what arrives is a copy; the memory of a datagram is the sender's again when the system has taken it.
 */
import { EventEmitter } from 'node:events';
import type { Host } from './clock.ts';
import type { Network } from './network.ts';

const BUFFER_BYTES: number = 4 * 1024 * 1024;
const ADDRESS = '127.0.0.1';

type Sent = (error: Error | null, bytes: number) => void;

export class FakeDatagramSocket extends EventEmitter {
  readonly host: Host;
  readonly #network: Network;
  #port = 0;
  #recvBytes = BUFFER_BYTES;
  #sendBytes = BUFFER_BYTES;
  #isClosed = false;

  constructor(network: Network) {
    super();
    this.#network = network;
    this.host = network.clock.current as Host;
  }

  bind({ port }: { port: number }, bound: () => void): this {
    this.#port = port;
    this.#network.clock.after(0, this.host, () => {
      if (this.#network.datagramSockets.has(port)) {
        this.emit('error', Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' }));
        return;
      }
      this.#network.datagramSockets.set(port, this);
      bound();
    });
    return this;
  }

  send(bytes: Uint8Array, port: number, _address: string, sent?: Sent): void {
    const { clock, chance, faults } = this.#network;
    const { length } = bytes;
    const copies = chance.hits(faults.datagramLoss) ? 0 : chance.hits(faults.datagramDouble) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#network.carry(Buffer.from(bytes), this.#port, port);
    if (sent !== undefined) clock.after(0, this.host, () => sent(null, length));
  }

  /** A datagram has come. */
  arrived(bytes: Buffer, port: number): void {
    if (this.#isClosed) return;
    this.emit('message', bytes, { address: ADDRESS, family: 'IPv4', port, size: bytes.length });
  }

  getSendQueueCount(): number {
    return 0;
  }

  address(): { address: string; family: string; port: number } {
    return { address: ADDRESS, family: 'IPv4', port: this.#port };
  }

  close(): this {
    this.#isClosed = true;
    this.#network.datagramSockets.delete(this.#port);
    this.#network.clock.after(0, this.host, () => this.emit('close'));
    return this;
  }

  getRecvBufferSize(): number {
    return this.#recvBytes;
  }

  setRecvBufferSize(bytes: number): void {
    this.#recvBytes = bytes;
  }

  getSendBufferSize(): number {
    return this.#sendBytes;
  }

  setSendBufferSize(bytes: number): void {
    this.#sendBytes = bytes;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
