/**
 * What joins a connection to a session: the agreement after hello, acknowledgements in both directions, the end. It keeps no message.
 *
 * Invariant: no message passes before both sides have named the session, and none after `leave`.
 */
import { RingwireError } from '../errors.ts';
import { badControl, Control, goodbyeFrame } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
import {
  ackFrame,
  readAckCount,
  readSession,
  sessionFrame,
  setAckCount,
  type SessionState,
} from '../frames/session.ts';
import { ACK_DELAY_MS, ACK_MESSAGES, ATTACH_BYTES_MIN } from '../limits.ts';
import type { BinaryWire } from './binary-wire.ts';
import { type Link, NOTHING_KEPT, type Unacknowledged } from './link.ts';
import type { Sender } from './sender.ts';
import { type Carrier, Session, unacknowledged } from './session.ts';
import { Sessions } from './sessions.ts';
import type { SharedMessage } from './shared-message.ts';

/** The session of a client, or those of a server's clients. */
export type Delivery = Session | Sessions;

export interface LinkHandlers {
  cut(error: RingwireError): void;
  refused(error: Error): void;
  drained(): void;
}

export class SessionLink implements Link, Carrier {
  /** Known once both sides have named it; stays for those who still send to a peer that is away. */
  session: Session | undefined = undefined;
  readonly #delivery: Delivery;
  readonly #sender: Sender;
  readonly #handlers: LinkHandlers;
  readonly #ack: Buffer = ackFrame();
  /** Messages that were handled and not acknowledged. */
  #owed = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #left = false;
  #whenAgreed: () => void = () => {};
  readonly #acknowledge = (): void => this.acknowledge();

  constructor(delivery: Delivery, sender: Sender, handlers: LinkHandlers) {
    this.#delivery = delivery;
    this.#sender = sender;
    this.#handlers = handlers;
  }

  get wire(): BinaryWire {
    return this.#sender.wire as BinaryWire;
  }

  get keeps(): boolean {
    return this.session?.isOver === false;
  }

  /** The connection is over or about to be: the session has another one, waits for it, or has ended. */
  get hasLeft(): boolean {
    return this.#left;
  }

  get isClosed(): boolean {
    return this.#sender.outbox.isClosed;
  }

  get unacknowledged(): Unacknowledged {
    return this.session?.unacknowledged ?? NOTHING_KEPT;
  }

  get isFull(): boolean {
    return this.#sender.outbox.isFull;
  }

  /** The side that connected names its session. */
  greeted(agreed: () => void): void {
    this.#whenAgreed = agreed;
    if (!(this.#delivery instanceof Session)) return;
    const { number, received, window } = this.#delivery;
    this.#tell({ session: number, remembered: false, received, first: window.first });
  }

  control(kind: number, frame: Frame): void {
    if (kind === Control.ack) this.#agreed.acknowledged(readAckCount(frame));
    else {
      if (this.session !== undefined) throw badControl('a second session frame');
      const state = readSession(frame);
      if (this.#delivery instanceof Session) this.#answered(this.#delivery, state);
      else this.#named(this.#delivery, state);
    }
  }

  counted(isMessage: boolean): void {
    const session = this.#agreed;
    if (!isMessage) return;
    session.received = (session.received + 1) >>> 0;
    // At the end of the tick, when its handlers have been called.
    if (++this.#owed === ACK_MESSAGES) process.nextTick(this.#acknowledge);
    else this.#timer ??= setTimeout(this.#acknowledge, ACK_DELAY_MS).unref();
  }

  /** Tells the peer what was handled, unless it reads nothing: then that is told when it does. */
  acknowledge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#owed === 0 || this.#left || this.isFull || this.isClosed) return;
    this.#owed = 0;
    setAckCount(this.#ack, this.#agreed.received);
    this.#sender.respond(this.#ack);
  }

  finish(done: () => void): void {
    const end = (): void => {
      this.sayLast();
      done();
    };
    if (this.session === undefined || this.#left) end();
    else this.session.whenEmpty(end);
  }

  /** What was handled, and that a client ends its session. */
  sayLast(): void {
    if (this.session === undefined || this.#left) return;
    this.acknowledge();
    if (this.#delivery instanceof Session) this.#sender.respond(goodbyeFrame(undefined, ''));
  }

  heardGoodbye(): void {
    const { session } = this;
    if (session === undefined || this.#left || this.#delivery instanceof Session) return;
    this.#left = true;
    this.#delivery.end(session, 'the peer has ended its session');
  }

  leave(): void {
    clearTimeout(this.#timer);
    if (this.#left) return;
    this.#left = true;
    const { session } = this;
    if (session?.carrier !== this) return;
    if (this.#delivery instanceof Session) session.detach();
    else this.#delivery.wait(session);
  }

  lost(): number {
    return 0;
  }

  /** The outbox has room again. */
  hasRoom(): void {
    this.acknowledge();
    this.session?.hasRoom();
  }

  // What the session asks for.

  prepare(event: string, shared?: SharedMessage): void {
    const { writer } = this.#sender.outbox;
    if (shared === undefined) this.wire.prepareShared(event, writer);
    else shared.prepare(this.wire, writer);
  }

  hand(parts: readonly Uint8Array[], messages: number): void {
    const { outbox } = this.#sender;
    for (const part of parts) {
      // Small parts lie in pooled memory, which a hostile ack could set free too early.
      if (part.length < ATTACH_BYTES_MIN) outbox.writer.append(part);
      else outbox.writer.attach(part);
    }
    this.#sender.sentMessages += messages;
    outbox.added();
  }

  drained(): void {
    this.#handlers.drained();
  }

  taken(): void {
    const message = 'another connection carries the session of this one from now on';
    this.#handlers.cut(new RingwireError('ERR_RINGWIRE_SESSION_TAKEN', message, { closed: true }));
  }

  get #agreed(): Session {
    if (this.session === undefined) throw badControl('a message or an ack before the session');
    return this.session;
  }

  #tell(state: SessionState): void {
    this.#sender.respond(sessionFrame(state));
  }

  readonly #fits = (payloadBytes: number, codec: number): boolean =>
    payloadBytes <= this.wire.bytesMax && this.wire.speaks({ id: codec });

  /** The side that accepted: a client names its session. */
  #named(sessions: Sessions, state: SessionState): void {
    if (state.remembered) throw badControl('only the side that accepted remembers');
    const known = sessions.get(state.session);
    known?.check(state);
    known?.checkFit(this.#fits);
    // Behind the checks: who cannot resume it takes it from nobody. Before the counts are told: nothing is handled twice.
    if (known !== undefined) sessions.take(known);
    // Whoever hears of that may have ended it: a server that closes keeps none.
    const remembered = known?.isOver === false;
    const session = remembered ? known : sessions.make(state);
    sessions.resume(session);
    session.attach(this, state.received);
    const { number, received, window } = session;
    this.#tell({ session: number, remembered, received, first: window.first });
    this.#begin(session);
  }

  /** The side that connected: the server has answered. */
  #answered(session: Session, state: SessionState): void {
    if (state.session !== session.number) throw badControl('an answer for another session');
    const { received, window } = session;
    const { remembered } = state;
    if (remembered) {
      session.check(state);
      session.checkFit(this.#fits);
    } else if (state.received !== window.first || state.first !== received) {
      throw badControl('a new session that does not begin where it was told to');
    }
    const wasLost = session.isKnown && !remembered && !session.isUnused;
    session.attach(this, state.received);
    if (wasLost) this.#handlers.refused(sessionLost(window.count));
    // What was accepted before the peer was known may be more than it takes.
    if (!window.areAll(this.#fits)) {
      this.#handlers.refused(unacknowledged(window.keepOnly(this.#fits), 'which the peer does not accept'));
    }
    this.#begin(session);
  }

  #begin(session: Session): void {
    this.session = session;
    if (session.window.count > 0) this.wire.announceAll(this.#sender.outbox.writer);
    this.#whenAgreed();
    session.flush();
    session.settle();
  }
}

function sessionLost(actual: number): RingwireError {
  const message = `the server does not remember the session: ${actual} messages are sent again and may be handled twice`;
  return new RingwireError('ERR_RINGWIRE_SESSION_LOST', message, { actual });
}
