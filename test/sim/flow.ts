/**
 * What was sent in one direction of one connection, and what came of it: the checks of order, of at most once and of wholeness. A mode that promises
 * more than one connection can (each message exactly once over several) makes one flow of several connections.
 *
 * Invariant: without a policy that gives up messages, what has arrived is a beginning of what was sent.
 */
import { type Message, read } from './messages.ts';

/** What the policy for slow peers may do to messages in the middle: nothing, give up older ones, give up older ones of the same event. */
export type Losses = 'none' | 'oldest' | 'latest';

/** Whom a broken promise is told: which check, and what was found. */
export type Broken = (check: string, what: string) => void;

const SERIES_PLACES: number = 2 ** 22;

export class Flow {
  readonly name: string;
  readonly losses: Losses;
  sentCount = 0;
  deliveredCount = 0;
  /** Bits were flipped on the way: what is no message of ours is nobody's fault. */
  isCorrupted = false;
  readonly #broken: Broken;
  readonly #sent = new Map<number, Message & { readonly index: number }>();
  readonly #delivered = new Set<number>();
  /** Index of the newest that has come; of each event where only that order is kept. */
  #newest = -1;
  readonly #newestOf = new Map<string, number>();

  constructor(name: string, losses: Losses, broken: Broken) {
    this.name = name;
    this.losses = losses;
    this.#broken = (check, what) => broken(check, `${name}: ${what}`);
  }

  /** The last that was sent has come, and with it all that may not be given up. */
  get isComplete(): boolean {
    return this.#newest === this.sentCount - 1;
  }

  get missing(): string {
    return `${this.deliveredCount} of ${this.sentCount} came, the newest is ${this.#newest}`;
  }

  sent(message: Message): void {
    this.#sent.set(keyOf(message), { ...message, index: this.sentCount++ });
  }

  arrived(event: string, data: unknown): void {
    const message = read(data);
    const sent = message && this.#sent.get(keyOf(message));
    if (message === undefined || sent?.offset !== message.offset || sent.size !== message.size) {
      const what =
        message === undefined ? 'no message of ours' : `message ${message.series}/${message.place}`;
      if (!this.isCorrupted) this.#broken('corruption', `${what}, which was never sent here`);
      return;
    }
    const { index } = sent;
    if (this.#delivered.has(index)) this.#broken('at most once', `message ${index} came twice`);
    const before = this.losses === 'latest' ? (this.#newestOf.get(event) ?? -1) : this.#newest;
    if (index < before) this.#broken('order', `message ${index} came behind ${before}`);
    if (this.losses === 'none' && index > before + 1 && !this.isCorrupted) {
      this.#broken('loss', `message ${index} came, and ${before + 1} before it did not`);
    }
    this.deliveredCount++;
    this.#delivered.add(index);
    this.#newestOf.set(event, index);
    this.#newest = Math.max(this.#newest, index);
  }
}

function keyOf({ series, place }: Message): number {
  return series * SERIES_PLACES + place;
}
