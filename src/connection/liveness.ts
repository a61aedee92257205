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
  /** Nothing follows what waits, and then the connection closes. */
  readonly isEnding: boolean;
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
  readonly sinceMs: number;
  readonly mark: number;
  readonly bytes: number;
}

export class Liveness {
  readonly #limits: LivenessLimits;
  readonly #signs: Signs;
  readonly #handlers: LivenessHandlers;
  /** Set while there is something to wait for: an idle connection owns next to nothing. */
  #frame: Stretch | undefined = undefined;
  #stall: Stretch | undefined = undefined;
  #heard: Stretch | undefined = undefined;
  #floodSinceMs: number | undefined = undefined;
  #turnsSpent = 0;
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
    if (unfinishedBytes === 0) {
      this.#frame = undefined;
      return undefined;
    }
    const frame = this.#frame;
    const { frameTimeoutMs: limit, frameProgressBytesMin } = this.#limits;
    const goesOn = frame !== undefined && frame.mark === handledCount;
    if (goesOn && nowMs - frame.sinceMs < limit) return undefined;
    const actual = receivedBytes - (frame?.bytes ?? 0);
    if (goesOn && actual * 1_000 < frameProgressBytesMin * (nowMs - frame.sinceMs)) {
      const message = `a message that began is not complete after ${limit} ms, in which ${actual} bytes came`;
      return fault('FRAME_TIMEOUT', message, limit);
    }
    this.#frame = { sinceMs: nowMs, mark: handledCount, bytes: receivedBytes };
    return undefined;
  }

  #checkStall(nowMs: number): RingwireError | undefined {
    const { pendingBytes, drainCount } = this.#signs;
    const { writeStallTimeoutMs: limit } = this.#limits;
    const bytesMin = this.#bytesToTake();
    if (bytesMin === 0) {
      this.#stall = undefined;
      return undefined;
    }
    const stall = this.#stall;
    const goesOn = stall !== undefined && stall.mark === drainCount;
    if (goesOn && nowMs - stall.sinceMs < limit) return undefined;
    const { takenBytes } = this.#signs;
    const actual = takenBytes - (stall?.bytes ?? 0);
    if (goesOn && actual < bytesMin) {
      const message = `the peer took ${actual} bytes in ${limit} ms, ${pendingBytes} wait for it`;
      return fault('SLOW_CONSUMER_TIME', message, limit);
    }
    this.#stall = { sinceMs: nowMs, mark: drainCount, bytes: takenBytes };
    return undefined;
  }

  /** What a peer that keeps up takes in `writeStallTimeoutMs`; 0 when it may leave everything where it is. */
  #bytesToTake(): number {
    const { isFull, isEnding, pendingBytes } = this.#signs;
    const { pendingBytesSoft } = this.#limits;
    if (isEnding) return Math.min(pendingBytes, pendingBytesSoft);
    return isFull && pendingBytes >= pendingBytesSoft ? pendingBytesSoft : 0;
  }

  #checkFlood(nowMs: number): RingwireError | undefined {
    const limit = this.#limits.floodTimeoutMs;
    if (limit === Infinity) return undefined;
    const { turnsSpent } = this.#signs;
    if (turnsSpent === this.#turnsSpent) this.#floodSinceMs = undefined;
    else this.#floodSinceMs ??= nowMs;
    this.#turnsSpent = turnsSpent;
    if (this.#floodSinceMs === undefined || nowMs - this.#floodSinceMs < limit) return undefined;
    const message = `the peer has spent its turn of the event loop again and again for ${limit} ms`;
    return fault('FLOOD', message, limit);
  }

  #checkHeartbeat(nowMs: number): RingwireError | undefined {
    if (!this.#signs.canPing) return undefined;
    const { receivedBytes, isFull, isEnding } = this.#signs;
    const heard = this.#heard;
    // While much waits, a ping waits behind it, and behind the end nothing leaves: then the bytes that are taken are the sign of life.
    const taken = isFull || isEnding ? this.#signs.takenBytes : (heard?.bytes ?? 0);
    if (heard === undefined || receivedBytes !== heard.mark || taken !== heard.bytes) {
      this.#heard = { sinceMs: nowMs, mark: receivedBytes, bytes: taken };
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
    if (!isEnding && silentMs >= heartbeatMs * (this.#pings + 1)) this.#handlers.ping(++this.#pings);
    return undefined;
  }
}

function fault(name: string, message: string, limit: number): RingwireError {
  return new RingwireError(`ERR_RINGWIRE_${name}` as ErrorCode, message, { limit, closed: true });
}
