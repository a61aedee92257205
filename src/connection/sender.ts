/**
 * The sending half of a connection: messages become bytes in the wire of the moment and go to the outbox, or wait one by one where the
 * policy for slow peers gives up older ones. It decides nothing about the connection.
 *
 * Invariant: what is counted as sent was encoded whole; a message that throws leaves nothing.
 */
import type { ByteWriter, Segment } from '../bytes/byte-writer.ts';
import type { RingwireError } from '../errors.ts';
import { FrameKind } from '../frames/header.ts';
import type { StreamTransport } from '../transports/stream.ts';
import type { Exchange } from './exchange.ts';
import type { BinaryWire } from './binary-wire.ts';
import type { ConnectionContext } from './contracts.ts';
import { type Link, NO_LINK } from './link.ts';
import { Outbox, type OutboxHandlers } from './outbox.ts';
import { SharedMessage } from './shared-message.ts';
import type { QuickEncoder, Wire } from './wire.ts';

/** Whether a message could not be sent because of the peer: what it speaks, what it accepts, what it does not acknowledge. */
export function isPeersDoing(wire: Wire, event: string, error: unknown): error is Error {
  // Only a program's own code throws anything else.
  if (!(error instanceof Error)) return false;
  return (error as RingwireError).code === 'ERR_RINGWIRE_ACK_OVERFLOW' || wire.isPeersDoing(event, error);
}

export interface SenderHandlers {
  /** One message could not be sent after all. */
  refused(error: Error): void;
  /** The hard mark was reached; the peer has to go when the error says `closed`. */
  overflowed(error: RingwireError): void;
  drained(): void;
}

export class Sender implements OutboxHandlers {
  readonly outbox: Outbox;
  #wire: Wire;
  /** What the wire and the outbox have for short messages, kept here because each step on the way to them costs one of those. */
  #quick: QuickEncoder | undefined;
  readonly #writer: ByteWriter;
  transport: StreamTransport | undefined = undefined;
  sentMessages = 0;
  readonly link: Link = NO_LINK;
  sentBytes = 0;
  readonly #context: ConnectionContext;
  readonly #handlers: SenderHandlers;

  constructor(context: ConnectionContext, wire: Wire, handlers: SenderHandlers) {
    this.#context = context;
    this.#handlers = handlers;
    this.#wire = wire;
    this.#quick = wire.quick;
    this.outbox = new Outbox(context.pool, context.limits, context, this);
    this.#writer = this.outbox.writer;
  }

  /** The wire in which this side sends. */
  get wire(): Wire {
    return this.#wire;
  }

  send(event: string, data: unknown): boolean {
    if (this.#quick?.encodeOpen(event, data, this.#writer) === true) {
      this.sentMessages++;
      return true;
    }
    const { outbox } = this;
    try {
      if (!outbox.admit()) return outbox.holds && this.#hold(this.share(event, data));
      this.wire.encode(event, data, outbox.writer);
    } catch (error) {
      return this.notSent(event, error);
    }
    this.sentMessages++;
    return outbox.added();
  }

  /** What a peer brings about is told, never thrown: it must not end a program that sends to it. @throws what is the program's own doing */
  protected notSent(event: string, error: unknown): boolean {
    if (!isPeersDoing(this.wire, event, error)) throw error;
    this.#handlers.refused(error);
    return !this.isFull;
  }

  sendExchange(kind: number, exchange: Exchange, data: unknown): boolean {
    const { outbox } = this;
    // A credit that is refused would stop its stream for ever; two of them wait for a stream at most.
    if (!outbox.admitKept(kind === FrameKind.credit)) throw outbox.refuseKept();
    (this.wire as BinaryWire).encodeExchange(kind, exchange, data, outbox.writer);
    this.sentMessages++;
    return outbox.added();
  }

  share(event: string, data: unknown): SharedMessage {
    const { pool, keyOf } = this.#context;
    return SharedMessage.encode(this.wire, event, data, pool, keyOf?.(event, data));
  }

  sendShared(message: SharedMessage): boolean {
    const { outbox } = this;
    if (!outbox.admit()) return outbox.holds && this.#hold(message);
    this.release(message);
    return outbox.added();
  }

  /** More waits than should, and a drain will follow. */
  get isFull(): boolean {
    return this.outbox.isFull;
  }

  /** A message would be accepted, and nobody need wait behind it. */
  get hasRoom(): boolean {
    return !this.isFull && !this.outbox.isClosed;
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    this.outbox.flush();
  }

  /** Bytes of the wire itself. */
  respond(bytes: Buffer): void {
    this.outbox.writer.append(bytes);
    this.outbox.added();
  }

  /** What was held leaves in the old wire, what follows in the new one. */
  turnTo(wire: Wire): void {
    this.outbox.releaseAll();
    this.#wire = wire;
    this.#quick = wire.quick;
  }

  /** @returns false: the peer is slow */
  #hold(message: SharedMessage): false {
    // What cannot be sent is refused now, while the caller hears of it.
    message.prepare(this.wire, this.outbox.writer);
    this.outbox.hold(message);
    return false;
  }

  // What the outbox asks for.

  release(message: SharedMessage): void {
    message.writeTo(this.wire, this.outbox.writer);
    this.sentMessages++;
  }

  write(segments: readonly Segment[]): void {
    for (const segment of segments) this.sentBytes += segment.length;
    this.transport?.write(segments);
  }

  refused(error: Error): void {
    this.#handlers.refused(error);
  }

  overflowed(error: RingwireError): void {
    this.#handlers.overflowed(error);
  }

  drained(): void {
    this.#handlers.drained();
  }
}
