/**
 * How much one peer may take of the event loop before the others get theirs: bytes since it last gave way, messages, and time
 * within one go. It only counts and schedules; the connection stops reading.
 *
 * Invariant: once `over`, it stays so until the continuation that `yield` scheduled.
 */
import type { Limits } from '../limits.ts';

export type TurnLimits = Pick<Limits, 'turnBytesMax' | 'turnMessagesMax' | 'turnTimeMsMax'>;

/** Between two looks at the clock lie at most so many messages; fewer as soon as they take long. */
const STRIDE_MAX = 64;
/** A stride that took longer than this share of the time is too long. */
const LONG_SHARE = 1 / 8;

export class Turn {
  over = false;
  /** How often the budget was spent. */
  spentCount = 0;
  /** Messages that were handled or refused, since the start. */
  handledCount = 0;
  /** Messages to handle before `isOver` is asked again. */
  stride = 1;
  readonly #limits: TurnLimits;
  readonly #continue: () => void;
  #bytes = 0;
  #messages = 0;
  #startMs = 0;
  #lookMs = 0;
  #immediate: NodeJS.Immediate | undefined = undefined;

  constructor(limits: TurnLimits, onContinue: () => void) {
    this.#limits = limits;
    this.#continue = onContinue;
  }

  /** A chunk has arrived. */
  arrived(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= this.#limits.turnBytesMax) this.over = true;
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
      this.#bytes = 0;
      this.#messages = 0;
      this.#startMs = performance.now();
      this.#lookMs = this.#startMs;
      this.#continue();
    });
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }
}
