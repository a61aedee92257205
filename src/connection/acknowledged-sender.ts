/**
 * The sending half of a connection whose messages are acknowledged: they go to the session, which keeps them and hands them on.
 *
 * Invariant: frames of requests never overtake messages that were sent before them.
 */
import type { Exchange } from './exchange.ts';
import type { ConnectionContext } from './contracts.ts';
import { Sender, type SenderHandlers } from './sender.ts';
import { type Delivery, type LinkHandlers, SessionLink } from './session-link.ts';
import { Session } from './session.ts';
import type { SharedMessage } from './shared-message.ts';
import type { Wire } from './wire.ts';

export class AcknowledgedSender extends Sender {
  override readonly link: SessionLink;
  readonly #counters: ConnectionContext['counters'];

  constructor(
    context: ConnectionContext,
    wire: Wire,
    handlers: SenderHandlers & LinkHandlers,
    delivery: Delivery,
  ) {
    super(context, wire, handlers);
    this.#counters = context.counters;
    this.link = new SessionLink(delivery, this, handlers);
    if (delivery instanceof Session) delivery.startWith(wire);
  }

  override get isFull(): boolean {
    return this.link.session?.isFull ?? super.isFull;
  }

  override get hasRoom(): boolean {
    return super.hasRoom && this.link.keeps;
  }

  override send(event: string, data: unknown): boolean {
    if (!this.link.keeps) return this.#refuse();
    try {
      return (this.link.session as Session).send(event, data);
    } catch (error) {
      return this.notSent(event, error);
    }
  }

  /** To many: a session is reached once, by the connection that carries it or as one that waits. Who has not agreed on one is none of the many yet. */
  override sendShared(message: SharedMessage): boolean {
    if (this.link.hasLeft || this.link.session === undefined) return true;
    return this.link.keeps ? (this.link.session as Session).sendShared(message) : this.#refuse();
  }

  override sendExchange(kind: number, exchange: Exchange, data: unknown): boolean {
    this.link.session?.flush(true);
    return super.sendExchange(kind, exchange, data);
  }

  override flush(): void {
    this.link.session?.flush();
    super.flush();
  }

  /** The outbox has room again. */
  override drained(): void {
    this.link.hasRoom();
  }

  #refuse(): false {
    this.#counters.refused('ERR_RINGWIRE_NOT_CONNECTED');
    return false;
  }
}

/** @param delivery set where messages are acknowledged */
export function makeSender(
  context: ConnectionContext,
  wire: Wire,
  handlers: SenderHandlers & LinkHandlers,
  delivery: Delivery | undefined,
): Sender {
  if (delivery === undefined) return new Sender(context, wire, handlers);
  return new AcknowledgedSender(context, wire, handlers, delivery);
}
