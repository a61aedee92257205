/**
 * Whether a peer keeps up: a message that has begun goes on, what is sent to it is taken, it answers when it is asked for a sign of
 * life, and, where that is wished, it leaves turns to others. It looks at counters on the watchdog's beat and decides; the connection acts.
 *
 * Invariant: no deadline is counted from before the beat that first saw its reason, so none ends early.
 */
import { RingwireError, type ErrorCode } from '../errors.ts';
import type { Limits } from '../limits.ts';

export type LivenessLimits = Pick<
  Limits,
  | 'pendingBytesSoft'
  | 'frameTimeoutMs'
  | 'frameProgressBytesMin'
  | 'writeStallTimeoutMs'
  | 'heartbeatMs'
  | 'heartbeatMissesMax'
  | 'floodTimeoutMs'
>;

/** What is looked at. */
export interface Signs {
  /** Bytes of a message that has not arrived completely. */
  readonly unfinishedBytes: number;
  readonly receivedBytes: number;
  /** Messages that were handled or refused. */
  readonly handledCount: number;
  /** How often the peer spent its whole turn. */
  readonly turnsSpent: number;
  /** More than the soft mark waits, or did and has not drained. */
  readonly isFull: boolean;
  readonly pendingBytes: number;
  readonly drainCount: number;
  /** Bytes that the system has taken off us for this peer. */
  readonly takenBytes: number;
  /** The peer knows pings. */
  readonly canPing: boolean;
}

export interface LivenessHandlers {
  ping(token: number): void;
  cut(error: RingwireError): void;
}

/** A stretch of time, and how far the counters were when it began. */
interface Stretch {
  sinceMs: number;
  mark: number;
  bytes: number;
}

const NEVER = -1;

export class Liveness {
  readonly #limits: LivenessLimits;
  readonly #signs: Signs;
  readonly #handlers: LivenessHandlers;
  readonly #frame: Stretch = { sinceMs: NEVER, mark: 0, bytes: 0 };
  readonly #stall: Stretch = { sinceMs: NEVER, mark: 0, bytes: 0 };
  readonly #flood: Stretch = { sinceMs: NEVER, mark: 0, bytes: 0 };
  readonly #heard: Stretch = { sinceMs: NEVER, mark: 0, bytes: 0 };
  #lastMs = 0;
  #pings = 0;

  constructor(limits: LivenessLimits, signs: Signs, handlers: LivenessHandlers) {
    this.#limits = limits;
    this.#signs = signs;
    this.#handlers = handlers;
  }

  /** @param nowMs on a clock that never goes back */
  check(nowMs: number): void {
    const found =
      this.#checkFrame(nowMs) ??
      this.#checkStall(nowMs) ??
      this.#checkFlood(nowMs) ??
      this.#checkHeartbeat(nowMs);
    this.#lastMs = nowMs;
    if (found !== undefined) this.#handlers.cut(found);
  }

  #checkFrame(nowMs: number): RingwireError | undefined {
    const { unfinishedBytes, handledCount, receivedBytes } = this.#signs;
    const frame = this.#frame;
    const { frameTimeoutMs: limit, frameProgressBytesMin } = this.#limits;
    if (unfinishedBytes === 0) frame.sinceMs = NEVER;
    else if (frame.sinceMs === NEVER || frame.mark !== handledCount)
      restart(frame, nowMs, handledCount, receivedBytes);
    else if (nowMs - frame.sinceMs >= limit) {
      const actual = receivedBytes - frame.bytes;
      if (actual * 1_000 < frameProgressBytesMin * (nowMs - frame.sinceMs)) {
        return fault(
          'FRAME_TIMEOUT',
          `a message that began is not complete after ${limit} ms, ${actual} bytes came`,
          limit,
        );
      }
      restart(frame, nowMs, handledCount, receivedBytes);
    }
    return undefined;
  }

  #checkStall(nowMs: number): RingwireError | undefined {
    const { isFull, pendingBytes, drainCount, takenBytes } = this.#signs;
    const stall = this.#stall;
    const { writeStallTimeoutMs: limit, pendingBytesSoft } = this.#limits;
    if (!isFull || pendingBytes < pendingBytesSoft) stall.sinceMs = NEVER;
    else if (stall.sinceMs === NEVER || stall.mark !== drainCount)
      restart(stall, nowMs, drainCount, takenBytes);
    else if (nowMs - stall.sinceMs >= limit) {
      const actual = takenBytes - stall.bytes;
      if (actual < pendingBytesSoft) {
        return fault(
          'SLOW_CONSUMER_TIME',
          `the peer took ${actual} bytes in ${limit} ms, ${pendingBytes} wait for it`,
          limit,
        );
      }
      restart(stall, nowMs, drainCount, takenBytes);
    }
    return undefined;
  }

  #checkFlood(nowMs: number): RingwireError | undefined {
    const limit = this.#limits.floodTimeoutMs;
    if (limit === Infinity) return undefined;
    const { turnsSpent } = this.#signs;
    const flood = this.#flood;
    if (turnsSpent === flood.mark) flood.sinceMs = NEVER;
    else if (flood.sinceMs === NEVER) flood.sinceMs = nowMs;
    else if (nowMs - flood.sinceMs >= limit) {
      return fault(
        'FLOOD',
        `the peer has spent its turn of the event loop again and again for ${limit} ms`,
        limit,
      );
    }
    flood.mark = turnsSpent;
    return undefined;
  }

  #checkHeartbeat(nowMs: number): RingwireError | undefined {
    if (!this.#signs.canPing) return undefined;
    const { receivedBytes, isFull, takenBytes } = this.#signs;
    const heard = this.#heard;
    // While much waits, a ping waits behind it: then the bytes that are taken are the sign of life.
    const taken = isFull ? takenBytes : heard.bytes;
    if (heard.sinceMs === NEVER || receivedBytes !== heard.mark || taken !== heard.bytes) {
      restart(heard, nowMs, receivedBytes, taken);
      this.#pings = 0;
      return undefined;
    }
    const { heartbeatMs, heartbeatMissesMax } = this.#limits;
    const silentMs = nowMs - heard.sinceMs;
    const limit = heartbeatMs * heartbeatMissesMax;
    // The sign may have come up to a beat before it was seen, and the next look comes a beat later.
    if (silentMs + 2 * (nowMs - this.#lastMs) >= limit) {
      return fault('PEER_DEAD', `the peer gave no sign of life for ${limit} ms`, limit);
    }
    if (silentMs >= heartbeatMs * (this.#pings + 1)) this.#handlers.ping(++this.#pings);
    return undefined;
  }
}

function restart(stretch: Stretch, nowMs: number, mark: number, bytes: number): void {
  stretch.sinceMs = nowMs;
  stretch.mark = mark;
  stretch.bytes = bytes;
}

function fault(name: string, message: string, limit: number): RingwireError {
  return new RingwireError(`ERR_RINGWIRE_${name}` as ErrorCode, message, { limit, closed: true });
}
