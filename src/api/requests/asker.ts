/**
 * The requests that this side makes on one connection: numbered, at most so many under way at once, each with a deadline.
 *
 * Invariant: a request is in the queue, under way, or settled; when the connection goes, none is left.
 */
import type { Codec } from '../../codecs/codec.ts';
import { retain } from '../../codecs/raw.ts';
import type { Connection } from '../../connection/connection.ts';
import { RingwireError } from '../../errors.ts';
import type { Frame } from '../../frames/frame.ts';
import { FrameKind } from '../../frames/header.ts';
import type { Limits } from '../../limits.ts';
import type { Histogram } from '../histogram.ts';
import { type Asked, timedOut } from './asked.ts';
import { ByCorrelation } from './by-correlation.ts';
import { errorOf } from './remote-error.ts';

export type AskerLimits = Pick<Limits, 'requestsOpenMax' | 'requestsQueuedMax'>;

const CORRELATION_MAX: number = 2 ** 32 - 1;

export class Asker {
  readonly #connection: Connection;
  readonly #limits: AskerLimits;
  readonly #roundTrips: Histogram;
  /** Of credits. */
  readonly #raw: Codec;
  readonly #open = new ByCorrelation<Asked>();
  #queue: Asked[] = [];
  /** The first of the queue that was not sent. */
  #queueAt = 0;
  #correlation = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #timerMs = Infinity;
  #closed = false;

  constructor(connection: Connection, raw: Codec, limits: AskerLimits, roundTrips: Histogram) {
    this.#connection = connection;
    this.#limits = limits;
    this.#roundTrips = roundTrips;
    this.#raw = raw;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get queuedCount(): number {
    return this.#queue.length - this.#queueAt;
  }

  ask(asked: Asked): void {
    const now = performance.now();
    asked.askedAtMs = now;
    if (this.#closed) {
      asked.failed(notConnected());
      return;
    }
    if (this.#open.size < this.#limits.requestsOpenMax) this.#send(asked);
    else if (this.queuedCount < this.#limits.requestsQueuedMax) this.#queue.push(asked);
    else asked.failed(this.#overflow());
    if (asked.deadlineMs < this.#timerMs) this.#watch(asked.deadlineMs, now);
  }

  /** The deadline of a stream has begun to run. */
  awaits(asked: Asked, now: number): void {
    if (asked.deadlineMs < this.#timerMs) this.#watch(asked.deadlineMs, now);
  }

  /** The program gives a request up. The other side is told when it knows of it. */
  giveUp(asked: Asked, error: Error): void {
    if (this.#open.get(asked.correlation) === asked) {
      this.#settle(asked);
      this.#tell(FrameKind.cancel, asked, undefined);
    } else {
      const at = this.#queue.indexOf(asked, this.#queueAt);
      if (at < 0) return;
      this.#queue.splice(at, 1);
    }
    asked.failed(error);
  }

  /** `items` more of a stream may come. */
  grant(asked: Asked, items: number): void {
    if (this.#open.get(asked.correlation) !== asked) return;
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(items, 0);
    this.#tell(FrameKind.credit, asked, payload);
  }

  /** @throws MessageError when the answer cannot be read: the request has failed then */
  answered(frame: Frame, codec: Codec): void {
    const asked = this.#open.get(frame.correlation);
    // The other side could not know that we had given up.
    if (asked === undefined) return;
    if (frame.kind === FrameKind.item) this.#item(asked, frame, codec);
    else {
      this.#settle(asked);
      this.#finish(asked, frame, codec);
    }
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const [open, queued] = [this.#open.clear(), this.#queue.slice(this.#queueAt)];
    this.#queue = [];
    this.#queueAt = 0;
    for (const asked of open) {
      asked.failed(
        new RingwireError(
          'ERR_RINGWIRE_REQUEST_LOST',
          `the connection went before ${asked.event} was answered; it may have been carried out`,
        ),
      );
    }
    for (const asked of queued) asked.failed(notConnected());
  }

  #item(asked: Asked, frame: Frame, codec: Codec): void {
    const value = this.#decode(asked, frame, codec);
    if (!asked.item(value)) {
      this.#settle(asked);
      this.#tell(FrameKind.cancel, asked, undefined);
    }
  }

  #finish(asked: Asked, frame: Frame, codec: Codec): void {
    if (frame.kind === FrameKind.end) asked.ended();
    else {
      const value = this.#decode(asked, frame, codec);
      if (frame.kind === FrameKind.error) asked.failed(errorOf(value, asked.event));
      else {
        this.#roundTrips.record((performance.now() - asked.askedAtMs) * 1_000);
        asked.responded(value);
      }
    }
  }

  #decode(asked: Asked, frame: Frame, codec: Codec): unknown {
    try {
      return valueOf(frame, codec);
    } catch (error) {
      this.#settle(asked);
      if (frame.kind === FrameKind.item) this.#tell(FrameKind.cancel, asked, undefined);
      asked.failed(error as Error);
      throw error;
    }
  }

  #send(asked: Asked): void {
    asked.correlation = this.#nextCorrelation();
    try {
      this.#connection.sendExchange(FrameKind.request, asked, asked.input);
    } catch (error) {
      asked.failed(error as Error);
      return;
    }
    asked.input = undefined;
    this.#open.add(asked);
  }

  #nextCorrelation(): number {
    do {
      this.#correlation = this.#correlation === CORRELATION_MAX ? 1 : this.#correlation + 1;
    } while (!this.#open.hasPlace(this.#correlation));
    return this.#correlation;
  }

  /** Makes room for the next of the queue. */
  #settle(asked: Asked): void {
    this.#open.delete(asked);
    while (this.#queueAt < this.#queue.length && this.#open.size < this.#limits.requestsOpenMax) {
      this.#send(this.#queue[this.#queueAt++] as Asked);
    }
    if (this.#queueAt > 0 && (this.#queueAt === this.#queue.length || this.#queueAt > 1_024)) {
      this.#queue = this.#queue.slice(this.#queueAt);
      this.#queueAt = 0;
    }
  }

  /** A cancel without which the other side only works longer than it has to; or a credit, which only a connection that ends refuses. */
  #tell(kind: number, asked: Asked, payload: Buffer | undefined): void {
    try {
      const { correlation, event, eventId } = asked;
      const codec = payload === undefined ? undefined : this.#raw;
      this.#connection.sendExchange(kind, { correlation, event, eventId, codec }, payload);
    } catch {
      // The peer reads nothing at present, or is gone.
    }
  }

  /** One timer, for the earliest deadline. Most requests are answered long before theirs, so it rarely runs. */
  #watch(deadlineMs: number, now: number): void {
    clearTimeout(this.#timer);
    this.#timerMs = deadlineMs;
    this.#timer = setTimeout(() => this.#sweep(), Math.min(Math.max(1, deadlineMs - now), 2 ** 31 - 1));
    this.#timer.unref();
  }

  #sweep(): void {
    const now = performance.now();
    this.#timerMs = Infinity;
    let next = Infinity;
    for (const asked of [...this.#open.list(), ...this.#queue.slice(this.#queueAt)]) {
      // A timer may run a little early.
      if (asked.deadlineMs <= now + 1) {
        this.giveUp(asked, timedOut(asked.event, asked.timeoutMs));
      } else if (asked.deadlineMs < next) next = asked.deadlineMs;
    }
    if (next < Infinity && !this.#closed) this.#watch(next, now);
  }

  #overflow(): RingwireError {
    const limit = this.#limits.requestsQueuedMax;
    const message = `${limit} requests wait for their turn already: the next one was not queued`;
    return new RingwireError('ERR_RINGWIRE_BACKPRESSURE', message, { limit });
  }
}

/** What a frame of an exchange says, the program's own: a handler may keep it. */
export function valueOf(frame: Frame, codec: Codec): unknown {
  return codec.name === 'raw' ? retain(frame) : codec.decode(frame);
}

export function notConnected(): RingwireError {
  return new RingwireError('ERR_RINGWIRE_NOT_CONNECTED', 'there is no connection to the peer');
}
