/**
 * Exactly once, over any number of connections: what one process has sent to another, and what the other made of it. A receiver that was restarted may
 * see again what its predecessor had not acknowledged, and misses nothing.
 *
 * Invariant: each receiver handles a run of the sender's messages without gap and without repetition.
 */
import { type Message, read } from './messages.ts';
import type { Broken } from './flow.ts';

export class Once {
  readonly name: string;
  readonly series: number;
  sentCount = 0;
  deliveredCount = 0;
  readonly #broken: Broken;
  readonly #sent: Message[] = [];
  /** Of each receiver the place that comes next. */
  readonly #next = new Map<string, number>();
  /** Behind the last one that any receiver has handled. */
  #end = 0;

  constructor(name: string, series: number, broken: Broken) {
    this.name = name;
    this.series = series;
    this.#broken = (check, what) => broken(check, `${name}: ${what}`);
  }

  get missing(): string | undefined {
    return this.#end === this.sentCount ? undefined : `${this.name}: ${this.#end} of ${this.sentCount} came`;
  }

  sent(message: Message): void {
    this.#sent[message.place] = message;
    this.sentCount++;
  }

  /** @param receiver a process, of which each life is another one */
  arrived(receiver: string, data: unknown): void {
    const message = read(data);
    const sent = message && this.#sent[message.place];
    if (message === undefined || sent?.offset !== message.offset || sent.size !== message.size) {
      this.#broken('corruption', `message ${message?.place} was never sent here`);
      return;
    }
    const { place } = message;
    const expected = this.#next.get(receiver);
    if (expected === undefined) {
      if (place > this.#end)
        this.#broken('loss', `${receiver} began with ${place}, and ${this.#end} is missing`);
    } else if (place < expected) this.#broken('exactly once', `${receiver} got ${place} again`);
    else if (place > expected)
      this.#broken('loss', `${receiver} got ${place}, and not ${expected} before it`);
    this.#next.set(receiver, place + 1);
    this.#end = Math.max(this.#end, place + 1);
    this.deliveredCount++;
  }
}
