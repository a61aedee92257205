/**
 * One peer: joins transport, wire and outbox. There is one receive loop, one place where errors arrive, and one close.
 * It does not know why it exists: connecting, accepting and retrying belong to the endpoints.
 *
 * Invariant: handlers run only from the receive loop; after `closed` has been reported nothing is reported any more.
 */
import type { Segment } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import type { Emitter, Slot } from '../emitter.ts';
import { FrameError, type MessageError, RingwireError } from '../errors.ts';
import { goodbyeFrame, MAGIC } from '../frames/control.ts';
import type { Limits } from '../limits.ts';
import type { StreamTransport, TransportHandlers } from '../transports/stream.ts';
import { BinaryWire } from './binary-wire.ts';
import type { DelimitedWire } from './delimited-wire.ts';
import { Outbox, type OutboxHandlers } from './outbox.ts';
import { type ReaderChoice, Receiver, type ReceiverHandlers } from './receiver.ts';
import { SharedMessage } from './shared-message.ts';
import type { Sink, Wire, WireKind } from './wire.ts';

/** What the connections of an endpoint share. */
export interface ConnectionContext {
  readonly ring: ReceiveRing;
  readonly pool: SlabPool;
  readonly limits: Limits;
  readonly emitter: Emitter;
  /** Makes the wire of a kind for one connection. */
  makeWire(kind: WireKind, sink: Sink): Wire;
}

/** How a connection finds its wire. */
export interface WireChoice {
  /** The wire in which this side sends until it knows better. */
  readonly first: WireKind;
  /** Whether the peer's first byte may choose the other one: the side that accepts waits for it, the side that connects has chosen. */
  readonly followPeer: boolean;
}

export interface ConnectionHandlers {
  /** Both sides know each other's wire: at once for node-ipc's wires, after hello on ringwire's. */
  established(peerId: string | undefined): void;
  /** Each message, before its handlers run; only asked for when set. @returns an error when it must not reach them */
  received?: ((event: string, data: unknown) => MessageError | undefined) | undefined;
  /** Each decoded value, before its handlers. */
  identified?: ((data: unknown) => void) | undefined;
  /** After the handlers of each message; only asked for when set. */
  handled?: (() => void) | undefined;
  error(error: Error): void;
  drained(): void;
  /** Exactly once, last. @param unsentBytes accepted and perhaps not delivered */
  closed(unsentBytes: number): void;
}

/** The user's own handler failed: that is the program's affair, but no reason to lose the messages behind it. */
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Handlers that run inside of the receive loop: what they throw is no fault of the peer. */
function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    rethrowLater(error);
  }
}

/** How long a peer that was cut may take to read the reason. */
const GOODBYE_MS = 1_000;

/** How every message of node-ipc's wire begins. */
const OPENING_BRACE = 0x7b;

export class Connection implements TransportHandlers, OutboxHandlers, ReceiverHandlers, Sink {
  readonly emitter: Emitter;
  origin: unknown = undefined;
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

  constructor(context: ConnectionContext, choice: WireChoice, handlers: ConnectionHandlers) {
    this.#context = context;
    this.#choice = choice;
    this.#handlers = handlers;
    this.#hooked = handlers.received !== undefined || handlers.handled !== undefined;
    this.emitter = context.emitter;
    this.#outbox = new Outbox(context.pool, context.limits, this);
    this.wire = context.makeWire(choice.first, this);
    this.#receiver = new Receiver(context.ring, context.limits, this);
    if (this.wire instanceof BinaryWire) this.wire.greet();
  }

  /** Bytes accepted by `send` whose write has not been confirmed. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** Takes a transport that is connected; what was sent before leaves now. */
  open(transport: StreamTransport): void {
    this.#transport = transport;
    this.#outbox.open();
    transport.start();
    if (this.wire.kind === 'binary') this.#awaitHello();
    else this.#handlers.established(undefined);
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
    return this.#outbox.added();
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
    this.#receiver.received(bytes);
  }

  receivedChunk(chunk: Buffer): void {
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

  refused(error: Error): void {
    callSafely(() => this.#handlers.error(error));
  }

  respond(bytes: Buffer): void {
    this.#outbox.writer.append(bytes);
    this.#outbox.added();
  }

  established(peerId: string): void {
    clearTimeout(this.#handshake);
    this.#handshake = undefined;
    callSafely(() => this.#handlers.established(peerId));
  }

  /** The peer's first byte tells its wire. */
  choose(firstByte: number): ReaderChoice {
    if (this.wire.kind === 'delimited' && firstByte === MAGIC && this.#choice.followPeer) {
      this.wire = this.#context.makeWire('binary', this);
      this.#awaitHello();
    } else if (this.wire.kind === 'binary' && firstByte === OPENING_BRACE) {
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
      const timer = setTimeout(() => transport.destroy(), GOODBYE_MS);
      transport.socket.once('finish', () => transport.destroy());
      transport.socket.once('close', () => clearTimeout(timer));
    } else transport.destroy();
  }
}
