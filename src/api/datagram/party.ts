/**
 * The other side of datagrams, as the program sees it: the same calls as for a peer of a stream, over a transport that promises nothing.
 *
 * Invariant: what cannot be done over UDP is refused by name; nothing waits for an answer that may never come.
 */
import type { Emitter, Handler } from '../../emitter.ts';
import type { RemoteInfo } from '../../endpoints/datagram-link.ts';
import type { DatagramTarget } from '../../endpoints/datagram-peers.ts';
import { type DrainOptions, Draining } from '../draining.ts';
import { MessageReader, type ReaderOptions } from '../reader.ts';
import { notConnected } from '../requests/asker.ts';
import type { AnyContract, Contract, DataArguments, HandlerOf, NameIn } from '../types.ts';
import type { DatagramHub } from './hub.ts';
import { noRequests } from './no-requests.ts';

/** What can be done with the other side of datagrams. `DatagramClient` and `DatagramPeer` are its kinds. */
export abstract class DatagramParty<C extends Contract = AnyContract> {
  protected abstract readonly hub: DatagramHub;
  /** Messages go there. */
  protected abstract readonly target: DatagramTarget;
  protected isClosed = false;
  readonly #draining = new Draining();
  readonly #readers = new Set<MessageReader<unknown>>();

  /** Where its messages are published. */
  protected abstract listeners(): Emitter;

  /**
   * Sends a message by the rule of its event; it leaves at the end of the tick, and may be lost.
   * @returns true, or false when much waits for the peer (await `drained`), or too much: then the message was dropped and counted
   * @throws RingwireError ERR_RINGWIRE_UDP_TOO_LARGE, ERR_RINGWIRE_INVALID_DATA, or what the codec throws; nothing is sent then
   */
  send<K extends NameIn<C['sent']>>(event: K, ...data: DataArguments<C['sent'][K]>): boolean;
  send(event: string, data?: unknown): boolean {
    return this.hub.send(this.target, event, data);
  }

  /** Handlers get the data and where it came from. */
  on<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [source: RemoteInfo]>,
  ): this {
    this.listeners().on(event, handler as Handler);
    return this;
  }

  /** `on` for the next message alone. */
  once<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [source: RemoteInfo]>,
  ): this {
    this.listeners().once(event, handler as Handler);
    return this;
  }

  /** Takes a handler away. */
  off<K extends NameIn<C['received']>>(
    event: K,
    handler: HandlerOf<C['received'][K], [source: RemoteInfo]>,
  ): this {
    this.listeners().off(event, handler as Handler);
    return this;
  }

  /**
   * Messages of one event as an async iterator, which ends when the peer is closed or forgotten.
   * @throws RingwireError ERR_RINGWIRE_BAD_CONFIG
   */
  messages<K extends NameIn<C['received']>>(
    event: K,
    options: ReaderOptions = {},
  ): MessageReader<C['received'][K]> {
    const reader = new MessageReader<unknown>(this.listeners(), event, options, this.hub.keep, (each) =>
      this.#readers.delete(each),
    );
    if (this.isClosed) reader.end();
    else this.#readers.add(reader);
    return reader as MessageReader<C['received'][K]>;
  }

  /** Settles when `send` would say true: when less waits here. It says nothing of the other side. */
  drained(options: DrainOptions = {}): Promise<void> {
    if (this.isClosed || !this.hub.isOpen) return Promise.reject(notConnected());
    return this.#draining.wait(options, !this.hub.isFull(this.target));
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.hub.flush();
  }

  /** Rejects: requests need a stream. ERR_RINGWIRE_UDP_UNSUPPORTED */
  request(request: string, ..._input: unknown[]): Promise<never> {
    return Promise.reject(noRequests(`the request ${request}`));
  }

  /** @throws RingwireError ERR_RINGWIRE_UDP_UNSUPPORTED: streams need a stream */
  stream(request: string, ..._input: unknown[]): never {
    throw noRequests(`the stream ${request}`);
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
}
