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
import { FrameError, MessageError, RingwireError } from '../errors.ts';
import { goodbyeFrame, MAGIC } from '../frames/control.ts';
import type { Limits } from '../limits.ts';
import type { StreamTransport, TransportHandlers } from '../transports/stream.ts';
import { BinaryWire } from './binary-wire.ts';
import type { DelimitedWire } from './delimited-wire.ts';
import { Outbox } from './outbox.ts';
import { SharedMessage } from './shared-message.ts';
import { Turn } from './turn.ts';
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

/** How long a peer that was cut may take to read the reason. */
const GOODBYE_MS = 1_000;

/** How every message of node-ipc's wire begins. */
const OPENING_BRACE = 0x7b;

export class Connection implements TransportHandlers, Sink {
  readonly emitter: Emitter;
  origin: unknown = undefined;
  /** The wire in which this side sends. */
  wire: Wire;
  readonly #context: ConnectionContext;
  readonly #choice: WireChoice;
  readonly #handlers: ConnectionHandlers;
  readonly #outbox: Outbox;
  readonly #turn: Turn;
  #transport: StreamTransport | undefined = undefined;
  /** The wire in which the peer sends; undefined until its first byte. */
  #reader: Wire | undefined = undefined;
  #prelude: DelimitedWire | undefined = undefined;
  /** The memory that the kernel was given is not what the parser would ask for now. */
  #staleLanding = false;
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
    this.#outbox = new Outbox(context.pool, context.limits, {
      write: (segments) => this.#transport?.write(segments),
      drained: () => handlers.drained(),
    });
    this.wire = context.makeWire(choice.first, this);
    this.#turn = new Turn(context.limits, () => this.#continue());
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
   * @returns false when the peer is slow: 'drained' follows
   * @throws RingwireError ERR_RINGWIRE_BACKPRESSURE, ERR_RINGWIRE_FRAME_TOO_LARGE, or what the codec throws; nothing is queued then
   */
  send(event: string, data: unknown): boolean {
    this.#outbox.admit();
    this.wire.encode(event, data, this.#outbox.writer);
    return this.#outbox.added();
  }

  /** Encodes a message for all connections whose wire has the same `sharingKey`. @throws what `send` throws */
  share(event: string, data: unknown): SharedMessage {
    return SharedMessage.encode(this.wire, event, data, this.#context.pool);
  }

  /** `send` for a message that was encoded once for several connections of this wire. */
  sendShared(message: SharedMessage): boolean {
    this.#outbox.admit();
    message.writeTo(this.wire, this.#outbox.writer);
    return this.#outbox.added();
  }

  /** Closes after what was sent has left. */
  end(): void {
    this.#outbox.flush();
    this.#transport?.end();
  }

  destroy(): void {
    this.#transport?.destroy();
  }

  // What the transport tells.

  receiving(): Buffer {
    if (this.#reader === undefined || this.#staleLanding) return this.#context.ring.lap(0);
    return this.#reader.parser.writable();
  }

  received(bytes: number): void {
    if (this.#cut) return;
    const ring = this.#context.ring;
    const reader = this.#reader ?? this.#choose(ring.bytes[0] as number);
    if (this.#staleLanding) {
      this.#staleLanding = false;
      reader.parser.feed(ring.bytes.subarray(0, bytes));
    } else reader.parser.advance(bytes);
    this.#turn.count(bytes);
    this.#receive();
  }

  receivedChunk(chunk: Buffer): void {
    if (this.#cut) return;
    const reader = this.#reader ?? this.#choose(chunk[0] as number);
    reader.parser.feed(chunk);
    this.#turn.count(chunk.length);
    this.#receive();
  }

  written(segment: Segment): void {
    this.#outbox.written(segment);
  }

  ended(): void {
    if (!this.#cut && (this.#reader?.parser.unfinishedBytes ?? 0) > 0) {
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
    this.#turn.stop();
    this.#handlers.closed(this.#outbox.abandon());
  }

  // What the wire tells.

  value(slot: Slot, data: unknown): void {
    this.#handlers.identified?.(data);
    this.bytes(slot, data);
  }

  bytes(slot: Slot, data: unknown): void {
    if (this.#hooked) this.#askHook(slot, data);
    try {
      this.emitter.publishTo(slot, data, this.origin);
    } catch (error) {
      rethrowLater(error);
    }
    if (this.#hooked) this.#handlers.handled?.();
  }

  #askHook(slot: Slot, data: unknown): void {
    const refusal = this.#handlers.received?.(slot.name, data);
    if (refusal !== undefined) throw refusal;
  }

  refused(error: Error): void {
    this.#handlers.error(error);
  }

  respond(bytes: Buffer): void {
    this.#outbox.writer.append(bytes);
    this.#outbox.added();
  }

  established(peerId: string): void {
    clearTimeout(this.#handshake);
    this.#handshake = undefined;
    this.#handlers.established(peerId);
  }

  /** The peer's first byte tells its wire. */
  #choose(firstByte: number): Wire {
    const wire = this.wire;
    if (wire.kind === 'delimited' && firstByte === MAGIC && this.#choice.followPeer) {
      this.wire = this.#context.makeWire('binary', this);
      this.#awaitHello();
    } else if (wire.kind === 'binary' && firstByte === OPENING_BRACE) {
      // A server that has not heard us yet may have sent messages in node-ipc's wire before its greeting.
      this.#prelude = this.#context.makeWire('delimited', this) as DelimitedWire;
    }
    this.#reader = this.#prelude ?? this.wire;
    return this.#reader;
  }

  #receive(): void {
    while (!this.#cut) {
      try {
        if (this.#receiveFrames()) return;
      } catch (error) {
        if (error instanceof MessageError) this.refused(error);
        else this.#fail(error as Error);
      }
    }
  }

  /** @returns true when nothing is left to do now */
  #receiveFrames(): boolean {
    if (this.#prelude !== undefined) this.#endPrelude(this.#prelude);
    const reader = this.#reader as Wire;
    const { parser } = reader;
    const turn = this.#turn;
    for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
      reader.receive(frame);
      if (this.#prelude !== undefined && this.#endPrelude(this.#prelude)) return false;
      if (turn.isOver()) {
        parser.park();
        break;
      }
    }
    if (turn.over) {
      this.#staleLanding = true;
      this.#transport?.pause();
      turn.yield();
    }
    return true;
  }

  /** The budget is fresh: what was parked goes on, then the transport. */
  #continue(): void {
    if (this.#closed || this.#cut) return;
    this.#receive();
    if (!this.#turn.over) this.#transport?.resume();
  }

  /** @returns true when the server's greeting starts here, behind its messages in node-ipc's wire */
  #endPrelude(prelude: DelimitedWire): boolean {
    if (prelude.parser.firstByte !== MAGIC) return false;
    this.#prelude = undefined;
    this.#reader = this.wire;
    this.wire.parser.feed(prelude.parser.takeRest());
    return true;
  }

  #awaitHello(): void {
    const limit = this.#context.limits.handshakeTimeoutMs;
    this.#handshake = setTimeout(() => {
      this.#fail(new FrameError('ERR_RINGWIRE_HANDSHAKE_TIMEOUT', `no hello within ${limit} ms`, { limit }));
    }, limit);
  }

  /** The frame boundaries are gone, or never were: the peer is told why, if it can be, and cut. */
  #fail(error: Error): void {
    if (this.#cut || this.#closed) return;
    this.#cut = true;
    clearTimeout(this.#handshake);
    this.#turn.stop();
    this.#handlers.error(error);
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
