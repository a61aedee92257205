/**
 * What two processes remember of each other's messages beyond one connection: which of ours the other side may not have handled, and how many
 * of its messages we have. Which connection carries it, and whether there is one, is for others.
 *
 * Invariant: a message that `send` has accepted is kept until it is acknowledged or the session ends; `received` counts what was handled here.
 */
import { crypto } from '../loading.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import { RingwireError } from '../errors.ts';
import { badControl } from '../frames/control.ts';
import type { SessionState } from '../frames/session.ts';
import type { Limits } from '../limits.ts';
import { insideGetter } from './inside-getter.ts';
import type { Unacknowledged } from './link.ts';
import type { KeptBytes } from './kept-bytes.ts';
import { type FrameTest, ResendWindow } from './resend-window.ts';
import { SharedMessage } from './shared-message.ts';
import type { Wire } from './wire.ts';

export interface SessionContext {
  /** Lends memory for kept messages. */
  readonly keptPool: SlabPool;
  readonly pool: SlabPool;
  readonly limits: Pick<Limits, 'ackBytesMax' | 'ackCountMax' | 'sessionTtlMs' | 'sessionsMax'>;
  readonly kept: KeptBytes;
}

export type SessionStart = Pick<SessionState, 'session' | 'received' | 'first'>;

/** The connection that carries a session. */
export interface Carrier {
  readonly wire: Wire;
  /** It has more than it can send at once. */
  readonly isFull: boolean;
  /** What it is given does not leave any more: it ends, or was cut. */
  readonly isClosed: boolean;
  /** Writes what must precede a message of this name. @throws RingwireError when the peer cannot take it */
  prepare(event: string, shared?: SharedMessage): void;
  /** Sends frames; the memory is borrowed until the peer has acknowledged them. */
  hand(parts: readonly Uint8Array[], messages: number): void;
  drained(): void;
  /** Another connection carries the session from now on. */
  taken(): void;
}

/** So many bytes are handed on before the tick ends. */
const HAND_BYTES = 64 * 1024;

/** Counts modulo 2^32 are ahead of each other by less than this. */
const HALF = 2 ** 31;

export class Session {
  /** Drawn by the side that connected. */
  readonly number: bigint;
  /** Messages of the peer that were handled or refused, modulo 2^32. */
  received: number;
  readonly window: ResendWindow;
  readonly origin = undefined;
  /** Encodes: the wire of the connection, or of the last one, or of the one that is tried. */
  #wire: Wire | undefined = undefined;
  carrier: Carrier | undefined = undefined;
  /** The other side has confirmed it once. */
  isKnown = false;
  isOver = false;
  readonly #context: SessionContext;
  readonly #makeRoom: (asking: Session) => boolean;
  readonly #bytesSoft: number;
  readonly #countSoft: number;
  /** `send` has said false. */
  #full = false;
  #flushing = false;
  #encoding = false;
  /** The last event for which nothing has to be looked at or precede a message any more: most programs send the same one many times in a row. */
  #prepared: string | undefined = undefined;
  #emptied: (() => void) | undefined = undefined;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.flush();
  };

  /**
   * @param start where the counts of both sides begin, as the other side tells them
   * @param makeRoom gives up another session when all sessions together keep too much
   */
  constructor(context: SessionContext, start: SessionStart, makeRoom: (asking: Session) => boolean) {
    const { ackBytesMax, ackCountMax } = context.limits;
    this.number = start.session;
    this.received = start.first;
    this.#makeRoom = makeRoom;
    this.window = new ResendWindow(context.keptPool, context.kept, start.received);
    this.#context = context;
    this.#bytesSoft = ackBytesMax / 2;
    this.#countSoft = ackCountMax / 2;
  }

  /** Until a first connection stands, messages are encoded as they would be on the one that is tried. */
  startWith(wire: Wire): void {
    if (!this.isKnown) this.#wire = wire;
  }

  get wire(): Wire {
    return this.#wire as Wire;
  }

  /** More waits than should. */
  get isFull(): boolean {
    const { bytes, count } = this.window;
    if (bytes >= this.#bytesSoft || count >= this.#countSoft || this.carrier?.isFull === true) return true;
    return this.#context.kept.hasRefused(this);
  }

  get unacknowledged(): Unacknowledged {
    return { messages: this.window.count, bytes: this.window.bytes };
  }

  /** Nothing has passed in either direction. */
  get isUnused(): boolean {
    return this.received === 0 && this.window.first === 0 && this.window.count === 0;
  }

  /**
   * Keeps and sends a message. Without a connection it waits for the next one.
   * @returns false when the caller should wait for the drain; the message was accepted all the same. Also when the session is over: then it was not
   * @throws RingwireError, which those who call it tell where it is the peer's doing: ERR_RINGWIRE_ACK_OVERFLOW when too much is not acknowledged, ERR_RINGWIRE_FRAME_TOO_LARGE and ERR_RINGWIRE_BAD_CODEC
   *   when the peer does not take it, and what the codec throws; nothing is kept then
   */
  send(event: string, data: unknown): boolean {
    if (this.isOver) return false;
    this.#admit();
    if (event !== this.#prepared) this.#prepare(event);
    const { window, wire } = this;
    const { bytes, end } = window.writer;
    this.#encoding = true;
    try {
      wire.encodeShared(event, data, window.writer);
    } catch (error) {
      window.failed(bytes, end);
      throw error;
    } finally {
      this.#encoding = false;
    }
    window.added();
    return this.#added();
  }

  /** `send` for a message that was encoded once for several peers. */
  sendShared(message: SharedMessage): boolean {
    if (this.isOver) return false;
    this.#admit();
    if (this.carrier === undefined) message.check(this.wire);
    else this.carrier.prepare('', message);
    this.window.addParts(message.keep(), message.bytes);
    return this.#added();
  }

  share(event: string, data: unknown): SharedMessage {
    return SharedMessage.encode(this.wire, event, data, this.#context.pool);
  }

  /** Hands on what waits, as far as the connection has room. @param all also beyond that */
  flush(all = false): void {
    const { carrier, window } = this;
    if (carrier === undefined) return;
    for (;;) {
      // Also when it is cut for what it has just been given.
      if (carrier.isClosed || (carrier.isFull && !all)) return;
      const { handed } = window;
      const parts = window.next();
      if (parts === undefined) return;
      carrier.hand(parts, window.handed - handed);
    }
  }

  /** @throws FrameError ERR_RINGWIRE_BAD_CONTROL when a peer that resumes cannot be this session's */
  check({ received, first }: SessionState): void {
    if (!this.window.allows(received))
      throw badControl(`a session that was sent fewer than ${received} messages`);
    if ((this.received - first) >>> 0 >= HALF)
      throw badControl(`a session that has received fewer than ${first} messages`);
  }

  /** @throws FrameError ERR_RINGWIRE_BAD_CONTROL when the peer cannot take what is kept for it */
  checkFit(fits: FrameTest): void {
    if (!this.window.areAll(fits)) throw badControl('a peer that accepts less than when its session began');
  }

  /** A connection carries it. @param received what the peer has, which `check` has let pass */
  attach(carrier: Carrier, received: number): void {
    this.carrier = carrier;
    this.#prepared = undefined;
    this.#wire = carrier.wire;
    this.isKnown = true;
    this.window.acknowledge(received);
    this.window.rewind();
  }

  /** The connection is gone; what is kept waits for the next one. */
  detach(): void {
    this.carrier = undefined;
    this.#prepared = undefined;
  }

  /** @throws FrameError ERR_RINGWIRE_BAD_CONTROL */
  acknowledged(received: number): void {
    if (!this.window.allows(received))
      throw badControl(`an ack for ${received} messages, which were not sent`);
    this.window.acknowledge(received);
    this.flush();
    this.settle();
  }

  /** Tells those who wait for room, here or in other sessions, or for the last acknowledgement. */
  settle(): void {
    this.#context.kept.settle();
    const { bytes, count } = this.window;
    if (count === 0) {
      const emptied = this.#emptied;
      this.#emptied = undefined;
      emptied?.();
    }
    if (!this.#full || bytes >= this.#bytesSoft / 2 || count >= this.#countSoft / 2 || this.isFull) return;
    this.#full = false;
    this.carrier?.drained();
  }

  /** Its connection has room again, for which somebody may wait who has not sent a message: frames of requests fill it too. */
  hasRoom(): void {
    this.#full = true;
    this.flush();
    this.settle();
  }

  /** Calls back when everything is acknowledged. */
  whenEmpty(emptied: () => void): void {
    if (this.window.count === 0) emptied();
    else this.#emptied = emptied;
  }

  /** Nothing follows. @returns an error that counts what was not acknowledged, if there is any */
  end(why: string): RingwireError | undefined {
    const actual = this.window.count;
    this.isOver = true;
    this.carrier = undefined;
    this.window.clear();
    this.#context.kept.leave(this);
    this.#context.kept.settle();
    return actual === 0 ? undefined : unacknowledged(actual, why);
  }

  #prepare(event: string): void {
    // What the peer did not take when it was there would keep it from coming back.
    if (this.carrier === undefined) this.wire.checkShared(event);
    else this.carrier.prepare(event);
    this.#prepared = event;
  }

  #admit(): void {
    if (this.#encoding) throw insideGetter();
    const { bytes, count } = this.window;
    const { limits, kept } = this.#context;
    if (bytes >= limits.ackBytesMax) throw overflow('bytes for this peer', limits.ackBytesMax, bytes);
    if (count >= limits.ackCountMax) throw overflow('messages for this peer', limits.ackCountMax, count);
    while (kept.isFull && this.#makeRoom(this));
    if (!kept.isFull) return;
    this.#full = true;
    kept.refuse(this);
    throw overflow('bytes for all peers together', kept.bytesMax, kept.bytes);
  }

  #added(): boolean {
    if (!this.#flushing) {
      this.#flushing = true;
      process.nextTick(this.#flush);
    }
    // The other side can begin to read.
    if (this.window.unhandedBytes >= HAND_BYTES) this.flush();
    this.#full ||= this.isFull;
    return !this.#full;
  }
}

/** The session of a client, before its first connection. */
export function newSession(context: SessionContext): Session {
  const session = crypto().randomBytes(8).readBigUInt64LE() || 1n;
  return new Session(context, { session, received: 0, first: 0 }, () => false);
}

function overflow(what: string, limit: number, actual: number): RingwireError {
  const message = `${actual} ${what} are not acknowledged, ${limit} are allowed: the message was not accepted; wait for 'drain'`;
  return new RingwireError('ERR_RINGWIRE_ACK_OVERFLOW', message, { limit, actual });
}

export function unacknowledged(actual: number, why: string): RingwireError {
  const message = `${actual} messages were given up without acknowledgement, ${why}; they may have been handled`;
  return new RingwireError('ERR_RINGWIRE_UNACKNOWLEDGED', message, { actual });
}
