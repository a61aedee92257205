/**
 * How much one peer may take of the event loop before the others get theirs: bytes and messages since it last gave way, and time within one go.
 * It only counts and schedules; the connection stops reading. Who was read to the end gives way by itself: to stop reading there and begin
 * again would cost a sixth of the rate of 1 KiB messages.
 *
 * Invariant: once `over`, it stays so until the continuation that `yield` scheduled.
 */
import type { Limits } from '../limits.ts';

export type TurnLimits = Pick<Limits, 'turnBytesMax' | 'turnMessagesMax' | 'turnTimeMsMax'>;

/** Between two looks at the clock lie at most so many messages; fewer as soon as they take long. */
const STRIDE_MAX = 64;
/** A stride that took longer than this share of the time is too long. */
const LONG_SHARE = 1 / 8;
/** Who gives way with this share of the bytes spent has spent its turn as well: a local socket holds less than the default budget. */
const FLOOD_SHARE = 1 / 2;

export class Turn {
  over = false;
  /** How often the turn was spent. */
  spentCount = 0;
  /** Messages that were handled or refused, since the start. */
  handledCount = 0;
  /** Messages to handle before `isOver` is asked again. */
  stride = 1;
  readonly #limits: TurnLimits;
  readonly #continue: () => void;
  #bytes = 0;
  #messages = 0;
  #gaveWay = false;
  #startMs = 0;
  #lookMs = 0;
  #immediate: NodeJS.Immediate | undefined = undefined;

  constructor(limits: TurnLimits, onContinue: () => void) {
    this.#limits = limits;
    this.#continue = onContinue;
  }

  /** A chunk has arrived. @param isAll the socket had no more: the loop goes round before the next one */
  arrived(bytes: number, isAll: boolean): void {
    if (this.#gaveWay) this.#reset();
    this.#gaveWay = isAll;
    this.#bytes += bytes;
    const { turnBytesMax } = this.#limits;
    // One full read of the default budget is not beyond it: what the peer sent meanwhile mostly ends the turn without a stop.
    if (!isAll) this.over ||= this.#bytes > turnBytesMax;
    else if (this.#bytes >= turnBytesMax * FLOOD_SHARE) this.spentCount++;
    this.#startMs = performance.now();
    this.#lookMs = this.#startMs;
  }

  /** So many messages have been handled. */
  handled(messages: number): void {
    this.#messages += messages;
    this.handledCount += messages;
  }

  /** To be asked after a stride of messages. @returns true when the rest of the chunk has to wait */
  isOver(): boolean {
    const now = performance.now();
    const isLong = now - this.#lookMs > this.#limits.turnTimeMsMax * LONG_SHARE;
    this.#lookMs = now;
    this.stride = isLong ? 1 : Math.min(2 * this.stride, STRIDE_MAX);
    const spent =
      now - this.#startMs >= this.#limits.turnTimeMsMax || this.#messages >= this.#limits.turnMessagesMax;
    if (spent) this.over = true;
    return spent;
  }

  /** Lets the loop go round once, then continues. */
  yield(): void {
    this.spentCount++;
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.over = false;
      this.#reset();
      this.#startMs = performance.now();
      this.#lookMs = this.#startMs;
      this.#continue();
    });
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }

  #reset(): void {
    this.#bytes = 0;
    this.#messages = 0;
  }
}
