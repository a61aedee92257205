/**
 * The last steps of a run, for the report of a failure.
 *
 * Invariant: it keeps a bounded number of lines.
 */
import type { Clock } from './clock.ts';

const LINES_MAX = 400;

export class Trace {
  readonly #lines: string[] = [];
  readonly #clock: Clock;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(text: string): void {
    this.#lines[this.#next++ % LINES_MAX] = `${this.#clock.nowMs.toFixed(2).padStart(10)} ms  ${text}`;
  }

  /** The last so many lines, in order. */
  last(count: number): string[] {
    const lines: string[] = [];
    for (let at = Math.max(0, this.#next - Math.min(count, LINES_MAX)); at < this.#next; at++) {
      lines.push(this.#lines[at % LINES_MAX] as string);
    }
    return lines;
  }
}
