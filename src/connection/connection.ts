/**
 * One peer: joins transport, wire and outbox. There is one receive loop, one place where errors arrive, and one close.
 * It does not know why it exists: connecting, accepting and retrying belong to the endpoints.
 *
 * Invariant: handlers run only from the receive loop; after `closed` has been reported nothing is reported any more.
 */
import type { Segment } from '../bytes/byte-writer.ts';
import type { Codec } from '../codecs/codec.ts';
import type { Publisher, Slot } from '../emitter.ts';
import { FrameError, RingwireError } from '../errors.ts';
import { goodbyeFrame, MAGIC } from '../frames/control.ts';
import { OPENING_BRACE } from '../frames/delimited.ts';
import type { Frame } from '../frames/frame.ts';
import type { StreamTransport, TransportHandlers } from '../transports/stream.ts';
import type { Exchange } from './binary-encoder.ts';
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
import { destroyOnceSent } from './farewell.ts';
import { Outbox, type OutboxHandlers } from './outbox.ts';
import { type ReaderChoice, Receiver, type ReceiverHandlers } from './receiver.ts';
import { callSafely, rethrowLater } from './safely.ts';
import { SharedMessage } from './shared-message.ts';
import type { Sink, Wire } from './wire.ts';

export type { ConnectionContext, ConnectionHandlers, WireChoice } from './contracts.ts';

export class Connection implements TransportHandlers, OutboxHandlers, ReceiverHandlers, Sink {
  emitter: Publisher;
  origin: unknown = undefined;
  /** Who answers requests and takes answers. */
  exchanges: ExchangeReceiver = NO_EXCHANGES;
  /** The wire in which this side sends. */
  wire: Wire;
  readonly #context: ConnectionContext;
  readonly #choice: WireChoice;
  readonly #handlers: ConnectionHandlers;
  readonly #outbox: Outbox;
  readonly #receiver: Receiver;
  #transport: StreamTransport | undefined = undefined;
  readonly #hooked: boolean;
  #handshake: NodeJS.Timeout | undefined = undefined;
  #cut = false;
  #closed = false;
  #sentMessages = 0;
  #sentBytes = 0;
  #receivedMessages = 0;
  #receivedBytes = 0;

  constructor(context: ConnectionContext, choice: WireChoice, handlers: ConnectionHandlers) {
    this.#context = context;
    this.#choice = choice;
    this.#handlers = handlers;
    this.#hooked = handlers.received !== undefined || handlers.handled !== undefined;
    this.emitter = context.emitter;
    this.#outbox = new Outbox(context.pool, context.limits, this);
    this.wire = context.makeWire(choice.first, this);
    this.#receiver = new Receiver(context.ring, context.limits, this);
    if (this.wire instanceof BinaryWire && !choice.followPeer) this.wire.greet();
  }

  /** Bytes accepted by `send` whose write has not been confirmed. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** More than the soft mark waits, and a drain will follow. */
  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  get traffic(): Traffic {
    return {
      sentMessages: this.#sentMessages,
      sentBytes: this.#sentBytes,
      receivedMessages: this.#receivedMessages,
      receivedBytes: this.#receivedBytes,
    };
  }

  /** Takes a transport that is connected; what was sent before leaves now. */
  open(transport: StreamTransport): void {
    this.#transport = transport;
    this.#outbox.open();
    transport.start();
    if (this.wire.kind === 'binary') this.#awaitHello();
    else this.#handlers.established(undefined, 0);
  }

  /**
   * Encodes and queues one message; it leaves at the end of the tick.
   * @returns false when the peer is slow: 'drained' follows. Above the hard mark the message was dropped, which the first time
   *   is an error ERR_RINGWIRE_BACKPRESSURE as well
   * @throws RingwireError ERR_RINGWIRE_FRAME_TOO_LARGE, or what the codec throws; nothing is queued then
   */
  send(event: string, data: unknown): boolean {
    const outbox = this.#outbox;
    if (!outbox.admit()) return false;
    this.wire.encode(event, data, outbox.writer);
    this.#sentMessages++;
    return outbox.added();
  }

  /**
   * Queues one frame of a request or a stream.
   * @returns false when the peer is slow: 'drained' follows
   * @throws RingwireError ERR_RINGWIRE_BACKPRESSURE above the hard mark, and what `send` throws; nothing is queued then
   */
  sendExchange(kind: number, exchange: Exchange, data: unknown): boolean {
    const outbox = this.#outbox;
    if (!outbox.admit()) throw outbox.refusal();
    (this.wire as BinaryWire).encodeExchange(kind, exchange, data, outbox.writer);
    this.#sentMessages++;
    return outbox.added();
  }

  /** Encodes a message for all connections whose wire has the same `sharingKey`. @throws what `send` throws */
  share(event: string, data: unknown): SharedMessage {
    return SharedMessage.encode(this.wire, event, data, this.#context.pool);
  }

  /** `send` for a message that was encoded once for several connections of this wire. */
  sendShared(message: SharedMessage): boolean {
    if (!this.#outbox.admit()) return false;
    message.writeTo(this.wire, this.#outbox.writer);
    this.#sentMessages++;
    return this.#outbox.added();
  }

  /** Whether the peer decodes a codec of the ringwire wire, as far as it is known. */
  speaks(codec: Codec): boolean {
    return (this.wire as BinaryWire).speaks(codec);
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.#outbox.flush();
  }

  /** Closes after what was sent has left. */
  end(): void {
    this.#outbox.flush();
    this.#transport?.end();
  }

  /** Closes now. What was sent in this tick is still offered to the system; what it does not take at once is lost. */
  destroy(): void {
    this.#outbox.flush();
    this.#transport?.destroy();
  }

  // What the transport tells.

  receiving(): Buffer {
    return this.#receiver.writable();
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
    this.#receiver.received(bytes);
  }

  receivedChunk(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#receiver.receivedChunk(chunk);
  }

  written(segment: Segment): void {
    this.#outbox.written(segment);
  }

  ended(): void {
    if (!this.#cut && this.#receiver.unfinishedBytes > 0) {
      this.#handlers.error(
        new FrameError('ERR_RINGWIRE_TRUNCATED', 'the peer closed in the middle of a message'),
      );
    }
    // The peer may only have closed its own direction: what its last messages are answered within this turn still reaches it.
    setImmediate(() => this.end());
  }

  failed(error: Error): void {
    if (!this.#closed) this.#handlers.error(error);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshake);
    this.#receiver.stop();
    this.#handlers.closed(this.#outbox.abandon());
  }

  // What the outbox and the receiver ask for.

  write(segments: readonly Segment[]): void {
    for (const segment of segments) this.#sentBytes += segment.bytes.length;
    this.#transport?.write(segments);
  }

  drained(): void {
    this.#handlers.drained();
  }

  pause(): void {
    this.#transport?.pause();
  }

  resume(): void {
    this.#transport?.resume();
  }

  // What the wire tells.

  value(slot: Slot, data: unknown): void {
    this.#handlers.identified?.(data);
    this.bytes(slot, data);
  }

  bytes(slot: Slot, data: unknown): void {
    this.#receivedMessages++;
    if (this.#hooked) this.#hookBefore(slot, data);
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
    callSafely(() => this.#handlers.error(error));
  }

  respond(bytes: Buffer): void {
    this.#outbox.writer.append(bytes);
    this.#outbox.added();
  }

  established(peerId: string, features: number): void {
    clearTimeout(this.#handshake);
    this.#handshake = undefined;
    callSafely(() => this.#handlers.established(peerId, features));
  }

  /** The peer's first byte tells its wire. */
  choose(firstByte: number): ReaderChoice {
    if (this.wire.kind === 'delimited' && firstByte === MAGIC && this.#choice.followPeer) {
      this.wire = this.#context.makeWire('binary', this);
      this.#awaitHello();
    } else if (this.wire.kind === 'binary' && firstByte === OPENING_BRACE && !this.#choice.followPeer) {
      // A server that has not heard us yet may have sent messages in node-ipc's wire before its greeting.
      return { wire: this.wire, prelude: this.#context.makeWire('delimited', this) as DelimitedWire };
    }
    return { wire: this.wire };
  }

  #awaitHello(): void {
    const limit = this.#context.limits.handshakeTimeoutMs;
    this.#handshake = setTimeout(() => {
      this.broken(new FrameError('ERR_RINGWIRE_HANDSHAKE_TIMEOUT', `no hello within ${limit} ms`, { limit }));
    }, limit);
  }

  /** The frame boundaries are gone, or never were: the peer is told why, if it can be, and cut. */
  broken(error: Error): void {
    if (this.#cut || this.#closed) return;
    this.#cut = true;
    clearTimeout(this.#handshake);
    this.#receiver.stop();
    callSafely(() => this.#handlers.error(error));
    const transport = this.#transport;
    if (transport === undefined) return;
    if (this.wire instanceof BinaryWire && error instanceof RingwireError) {
      this.wire.greet();
      this.respond(goodbyeFrame(error.code, error.message));
      this.end();
      destroyOnceSent(transport);
    } else transport.destroy();
  }
}
