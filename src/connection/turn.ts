/**
 * How much one peer may take of the event loop before the others get theirs: bytes since it last gave way, messages, and time
 * within one go. It only counts and schedules; the connection stops reading.
 *
 * Invariant: once `over`, it stays so until the continuation that `yield` scheduled.
 */
import type { Limits } from '../limits.ts';

export type TurnLimits = Pick<Limits, 'turnBytesMax' | 'turnMessagesMax' | 'turnTimeMsMax'>;

/** The clock is read once for so many messages. */
const CLOCK_STRIDE = 32;

export class Turn {
  over = false;
  readonly #limits: TurnLimits;
  readonly #continue: () => void;
  #bytes = 0;
  #messages = 0;
  #clockAt = CLOCK_STRIDE;
  #startMs = 0;
  #immediate: NodeJS.Immediate | undefined = undefined;

  constructor(limits: TurnLimits, onContinue: () => void) {
    this.#limits = limits;
    this.#continue = onContinue;
  }

  /** A chunk has arrived. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= this.#limits.turnBytesMax) this.over = true;
    this.#startMs = 0;
    this.#clockAt = this.#messages + CLOCK_STRIDE;
  }

  /** A message has been handled. @returns true when the rest of the chunk has to wait */
  isOver(): boolean {
    return ++this.#messages >= this.#clockAt && this.#look();
  }

  /** Lets the loop go round once, then continues. */
  yield(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.over = false;
      this.#bytes = 0;
      this.#messages = 0;
      this.#clockAt = CLOCK_STRIDE;
      this.#startMs = 0;
      this.#continue();
    });
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }

  #look(): boolean {
    this.#clockAt = this.#messages + CLOCK_STRIDE;
    const now = performance.now();
    if (this.#startMs === 0) this.#startMs = now;
    const spent =
      now - this.#startMs >= this.#limits.turnTimeMsMax || this.#messages >= this.#limits.turnMessagesMax;
    if (spent) this.over = true;
    return spent;
  }
}
