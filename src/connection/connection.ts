/**
 * One peer: joins transport, wire and outbox. There is one receive loop, one place where errors arrive, and one close. It does not
 * know why it exists: connecting, accepting and retrying belong to the endpoints.
 *
 * Invariant: handlers run only from the receive loop; after `closed` has been reported nothing is reported any more.
 */
import type { Segment } from '../bytes/byte-writer.ts';
import type { Codec } from '../codecs/codec.ts';
import type { Publisher, Slot } from '../emitter.ts';
import type { RingwireError } from '../errors.ts';
import { MAGIC } from '../frames/control.ts';
import { OPENING_BRACE } from '../frames/delimited.ts';
import type { Frame } from '../frames/frame.ts';
import type { StreamTransport, TransportHandlers } from '../transports/stream.ts';
import { makeSender } from './acknowledged-sender.ts';
import type { Exchange } from './exchange.ts';
import { BinaryWire } from './binary-wire.ts';
import {
  type ConnectionContext,
  type ConnectionHandlers,
  type ExchangeReceiver,
  NO_EXCHANGES,
  type Traffic,
  type WireChoice,
} from './contracts.ts';
import type { DelimitedWire } from './delimited-wire.ts';
import { sayGoodbye } from './farewell.ts';
import { Handshake } from './handshake.ts';
import type { Link } from './link.ts';
import type { Outbox } from './outbox.ts';
import { type ReaderChoice, Receiver, type ReceiverHandlers } from './receiver.ts';
import { callSafely, rethrowLater } from './safely.ts';
import type { Sender, SenderHandlers } from './sender.ts';
import type { SharedMessage } from './shared-message.ts';
import { WatchedPeer, type WatchedHandlers } from './watched-peer.ts';
import type { Sink, Wire } from './wire.ts';

type Roles = TransportHandlers & SenderHandlers & ReceiverHandlers & Sink & WatchedHandlers;

export class Connection implements Roles {
  emitter: Publisher;
  origin: unknown = undefined;
  /** Who answers requests and takes answers. */
  exchanges: ExchangeReceiver = NO_EXCHANGES;
  readonly #context: ConnectionContext;
  readonly #choice: WireChoice;
  readonly #handlers: ConnectionHandlers;
  /** The sending half; endpoints that send much use it without the detour. */
  readonly sender: Sender;
  readonly #outbox: Outbox;
  readonly #receiver: Receiver;
  #watched: WatchedPeer | undefined = undefined;
  readonly #hooked: boolean;
  readonly #handshake: Handshake;
  isCut = false;
  #closed = false;
  #receivedMessages = 0;

  constructor(context: ConnectionContext, choice: WireChoice, handlers: ConnectionHandlers) {
    this.#context = context;
    this.#choice = choice;
    this.#handlers = handlers;
    this.#hooked = handlers.received !== undefined || handlers.handled !== undefined;
    this.emitter = context.emitter;
    this.sender = makeSender(context, context.makeWire(choice.first, this), this, choice.delivery);
    this.#outbox = this.sender.outbox;
    this.#handshake = new Handshake(context.limits.handshakeTimeoutMs, (error) => this.broken(error));
    this.#receiver = new Receiver(context.ring, context.limits, context.memory, this);
    if (this.wire instanceof BinaryWire && !choice.followPeer) this.wire.greet();
  }

  get wire(): Wire {
    return this.sender.wire;
  }

  get link(): Link {
    return this.sender.link;
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  get isFull(): boolean {
    return this.sender.isFull;
  }

  get traffic(): Traffic {
    return {
      sentMessages: this.sender.sentMessages,
      sentBytes: this.sender.sentBytes,
      receivedMessages: this.#receivedMessages,
      receivedBytes: this.#receiver.receivedBytes,
    };
  }

  /** Takes a transport that is connected; what was sent before leaves now. */
  open(transport: StreamTransport): void {
    this.sender.transport = transport;
    this.#watched = new WatchedPeer(this.#context, this.#receiver, this.#outbox, transport, this);
    this.#outbox.open();
    transport.start();
    if (this.wire.kind === 'binary') this.#handshake.begin();
    else this.#handlers.established(undefined, 0);
  }

  /**
   * Encodes and queues one message; it leaves at the end of the tick. What it throws was not queued: ERR_RINGWIRE_FRAME_TOO_LARGE, what the codec throws; what the peer brings about is reported instead.
   * @returns false when the peer is slow: 'drained' follows. Above the hard mark the policy for slow peers was applied
   */
  send(event: string, data: unknown): boolean {
    return this.sender.send(event, data);
  }

  /** `send` for one frame of a request or a stream. @throws RingwireError also ERR_RINGWIRE_BACKPRESSURE above the hard mark */
  sendExchange(kind: number, exchange: Exchange, data: unknown): boolean {
    return this.sender.sendExchange(kind, exchange, data);
  }

  /** Encodes a message for all connections whose wire has the same `sharingKey`. @throws what `send` throws */
  share(event: string, data: unknown): SharedMessage {
    return this.sender.share(event, data);
  }

  sendShared(message: SharedMessage): boolean {
    return this.sender.sendShared(message);
  }

  /** Whether the peer decodes a codec of the ringwire wire, as far as it is known. */
  speaks(codec: Codec): boolean {
    return (this.wire as BinaryWire).speaks(codec);
  }

  flush(): void {
    this.sender.flush();
  }

  /** Closes after what was sent has left, and where messages are acknowledged after they were. */
  end(): void {
    this.link.finish(() => this.#end());
  }

  #end(): void {
    this.#outbox.finish(() => this.sender.transport?.end());
  }

  /** Closes now. What was sent in this tick is still offered to the system; what it does not take at once is lost. */
  destroy(): void {
    this.link.sayLast();
    this.sender.flush();
    this.sender.transport?.destroy();
  }

  receiving(): Buffer {
    return this.#receiver.writable();
  }

  received(bytes: number): void {
    this.#receiver.received(bytes);
  }

  receivedChunk(chunk: Buffer): void {
    this.#receiver.receivedChunk(chunk);
  }

  written(segment: Segment, isLost: boolean): void {
    this.#outbox.written(segment, isLost);
  }

  ended(): void {
    this.#receiver.ended();
  }

  exhausted(): void {
    // The peer may only have closed its own direction: what is answered within this turn still reaches it.
    setImmediate(() => this.#end());
  }

  failed(error: Error): void {
    // Behind a cut the system may have its say about the goodbye: the reason has been told.
    if (!this.#closed && !this.isCut) this.#report(error);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handshake.end();
    this.#receiver.stop();
    const unsentBytes = this.link.lost(this.#outbox.abandon());
    this.link.leave();
    this.#watched?.leave(unsentBytes);
    this.#handlers.closed(unsentBytes);
  }

  drained(): void {
    this.#handlers.drained();
  }

  overflowed(error: RingwireError): void {
    if (error.closed) this.cut(error);
    else callSafely(() => this.#handlers.error(error));
  }

  pause(): void {
    this.sender.transport?.pause();
  }

  resume(): void {
    this.sender.transport?.resume();
  }

  value(slot: Slot, data: unknown): void {
    this.#receivedMessages++;
    if (this.#hooked) this.#hookBefore(slot, data);
    // A message that is refused says nothing about its sender either.
    this.#handlers.identified?.(data);
    this.#publish(slot, data);
  }

  bytes(slot: Slot, data: unknown): void {
    this.#receivedMessages++;
    if (this.#hooked) this.#hookBefore(slot, data);
    this.#publish(slot, data);
  }

  #publish(slot: Slot, data: unknown): void {
    try {
      this.emitter.publishTo(slot, data, this.origin);
    } catch (error) {
      rethrowLater(error);
    }
    if (this.#hooked) this.#handlers.handled?.();
  }

  #hookBefore(slot: Slot, data: unknown): void {
    const refusal = this.#handlers.received?.(slot.name, data);
    if (refusal === undefined) return;
    this.#handlers.handled?.();
    throw refusal;
  }

  exchanged(frame: Frame, slot: Slot | undefined, codec: Codec): void {
    this.#receivedMessages++;
    this.exchanges.exchanged(frame, slot, codec);
  }

  refused(error: Error): void {
    callSafely(() => this.#report(error));
  }

  #report(error: Error): void {
    this.#context.counters.failed(error);
    this.#handlers.error(error);
  }

  respond(bytes: Buffer): void {
    this.sender.respond(bytes);
  }

  established(peerId: string, features: number): void {
    this.link.greeted(() => {
      this.#handshake.end();
      callSafely(() => this.#handlers.established(peerId, features));
    });
  }

  /** The peer's first byte tells its wire. */
  choose(firstByte: number): ReaderChoice {
    if (this.wire.kind === 'delimited' && firstByte === MAGIC && this.#choice.followPeer) {
      this.sender.turnTo(this.#context.makeWire('binary', this));
      this.#handshake.begin();
    } else if (this.wire.kind === 'binary' && firstByte === OPENING_BRACE && !this.#choice.followPeer) {
      // A server that has not heard us yet may have sent messages in node-ipc's wire before its greeting.
      return { wire: this.wire, prelude: this.#context.makeWire('delimited', this) as DelimitedWire };
    }
    return { wire: this.wire };
  }

  /** Ends the connection with a peer that does not keep up: what it has not taken is given up. */
  cut(error: RingwireError): void {
    if (this.isCut || this.#closed) return;
    this.#finish(error, this.#outbox.cut());
  }

  /** The frame boundaries are gone: the peer is told why, if it can be, and cut. */
  broken(error: Error): void {
    if (!this.isCut && !this.#closed) this.#finish(error, true);
  }

  #finish(error: Error, mayExplain: boolean): void {
    this.isCut = true;
    this.#handshake.end();
    this.#receiver.stop();
    this.#outbox.close();
    this.link.leave();
    callSafely(() => this.#report(error));
    sayGoodbye(this.sender, error, mayExplain);
  }
}
