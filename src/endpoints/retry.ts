/**
 * When to try again. The rules are asked for at each step, so a program may change them while it waits.
 *
 * Invariant: `attempts` counts the tries since the last connection, or with a growing pause since the last one that was worth something.
 */

export interface RetryRules {
  /** The pause before a try, in milliseconds. */
  delayMs: number;
  /** Most tries after a disconnect. */
  attemptsMax: number;
  /** Give up now, also in the middle of a pause. */
  stopped: boolean;
  /** Double the pause with each try up to this, and draw it at random from zero on; undefined keeps it fixed. */
  backoffMsMax: number | undefined;
}

/** How soon a change of the rules is noticed during a pause. */
const LOOK_MS = 50;

export class Retry {
  attempts = 0;
  /** Whether a pause keeps the process alive, as it does with node-ipc. */
  keepsAlive = true;
  readonly #rules: () => RetryRules;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(rules: () => RetryRules) {
    this.#rules = rules;
  }

  /** Whether the rules allow another try. */
  get isAllowed(): boolean {
    const rules = this.#rules();
    return !rules.stopped && this.attempts < rules.attemptsMax;
  }

  /** node-ipc counts from here. With a growing pause this alone proves nothing: a server that accepts and closes at once is still in trouble. */
  connected(): void {
    if (this.#rules().backoffMsMax === undefined) this.attempts = 0;
  }

  /** The connection has lasted, or has brought a message. */
  proven(): void {
    this.attempts = 0;
  }

  /** Waits the pause, then calls one of the two. */
  schedule(tryAgain: () => void, giveUp: () => void): void {
    this.cancel();
    const end = performance.now() + this.#pause();
    const wait = (): void => {
      const left = end - performance.now();
      if (this.#rules().stopped) giveUp();
      else if (left > 0) this.#sleep(wait, left);
      else {
        this.attempts++;
        tryAgain();
      }
    };
    this.#sleep(wait, end - performance.now());
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #sleep(wait: () => void, leftMs: number): void {
    // On a machine that is busy the end of the pause may be over already.
    this.#timer = setTimeout(wait, Math.max(0, Math.min(LOOK_MS, leftMs)));
    if (!this.keepsAlive) this.#timer.unref();
  }

  #pause(): number {
    const { delayMs, backoffMsMax } = this.#rules();
    if (backoffMsMax === undefined) return delayMs;
    return Math.random() * Math.min(backoffMsMax, delayMs * 2 ** Math.min(this.attempts, 30));
  }
}
