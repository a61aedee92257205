/**
 * The sessions of a server: those that connections carry, and for a while those whose connection is gone. Which messages are in them it does not know.
 *
 * Invariant: a session is carried by one connection or waits here with a deadline; of those that wait there are at most `sessionsMax`.
 */
import type { RingwireError } from '../errors.ts';
import type { SessionState } from '../frames/session.ts';
import { KEPT_SLAB_BYTES } from '../limits.ts';
import type { Unacknowledged } from './link.ts';
import { Session, type SessionContext } from './session.ts';

export class Sessions {
  readonly #context: SessionContext;
  readonly #failed: (error: RingwireError) => void;
  readonly #all = new Map<bigint, Session>();
  /** Those that wait for their client, the oldest first, each with the end of its time. */
  readonly #waiting = new Map<Session, number>();
  readonly #makeRoom = (asking: Session): boolean => this.#endOldest('to save memory', asking);
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  /** @param failed is told of messages that were given up */
  constructor(context: SessionContext, failed: (error: RingwireError) => void) {
    this.#context = context;
    this.#failed = failed;
  }

  /** Those without a connection. What is sent to them waits. */
  get waiting(): Iterable<Session> {
    return this.#waiting.keys();
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get unacknowledged(): Unacknowledged {
    const total = { messages: 0, bytes: 0 };
    for (const { window } of this.#all.values()) {
      total.messages += window.count;
      total.bytes += window.bytes;
    }
    return total;
  }

  get(number: bigint): Session | undefined {
    return this.#all.get(number);
  }

  make(state: SessionState): Session {
    const session = new Session(this.#context, state, this.#makeRoom);
    this.#all.set(session.number, session);
    return session;
  }

  /** Another connection is about to carry it: if one does, that one is told. Until then it waits, and nobody has to make room for it. */
  take(session: Session): void {
    const { carrier } = session;
    if (carrier === undefined) return;
    session.detach();
    this.#waiting.set(session, this.#endOfTime());
    carrier.taken();
  }

  /** A connection carries it again. */
  resume(session: Session): void {
    this.#waiting.delete(session);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Its connection is gone. */
  wait(session: Session): void {
    session.detach();
    if (this.#closed) {
      this.end(session, 'the server was closed');
      return;
    }
    if (session.window.bytes < KEPT_SLAB_BYTES) session.window.compact();
    const { sessionsMax } = this.#context.limits;
    this.#waiting.set(session, this.#endOfTime());
    if (this.#waiting.size > sessionsMax) this.#endOldest(`there are more than ${sessionsMax} sessions`);
    this.#watch();
  }

  /** It will not be resumed. */
  end(session: Session, why: string): void {
    this.#all.delete(session.number);
    this.resume(session);
    const error = session.end(why);
    if (error !== undefined) this.#failed(error);
  }

  /** Those that wait end now, the others with their connection. */
  close(): void {
    this.#closed = true;
    for (const session of this.#waiting.keys()) this.end(session, 'the server was closed');
  }

  #endOfTime(): number {
    return performance.now() + this.#context.limits.sessionTtlMs;
  }

  #endOldest(why: string, except?: Session): boolean {
    for (const oldest of this.#waiting.keys()) {
      if (oldest === except) continue;
      this.end(oldest, why);
      return true;
    }
    return false;
  }

  /** One timer, for the session that has waited longest. */
  #watch(): void {
    const [oldest] = this.#waiting.values();
    if (this.#timer !== undefined || oldest === undefined) return;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(1, oldest - performance.now()));
    this.#timer.unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [session, endMs] of this.#waiting) {
      if (endMs > now) break;
      this.end(session, `the peer did not come back within ${this.#context.limits.sessionTtlMs} ms`);
    }
    this.#watch();
  }
}
