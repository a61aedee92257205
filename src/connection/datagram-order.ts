/**
 * The modes of events on datagrams, and what one peer's messages were the newest of their kind.
 *
 * Invariant: a message is stale when one of the same kind that its sender sent later has been taken; no more kinds than a bound are
 * remembered, the oldest are forgotten first.
 */
import { ORDERED_KEYS_MAX } from '../limits.ts';

/** 'unordered' as they come; 'sequenced' without those that come late; 'latest' only the newest value of each key. */
export type DatagramMode = 'unordered' | 'sequenced' | 'latest';

/** How the messages of one event are sent and handed over by UDP. */
export interface EventRule {
  /** 'unordered' */
  readonly mode?: DatagramMode;
  /** What the values of a 'latest' event are kept apart by; without one the event has one value. */
  readonly key?: (data: never) => string | number;
  /** The sender gives a message up that has waited longer. */
  readonly maxAgeMs?: number;
}

/** The kind of a message in the mode 'latest'. @throws what the program's own function throws */
export function keyOf(event: string, rule: EventRule, data: unknown): string {
  return rule.key === undefined ? event : `${event}\0${String(rule.key(data as never))}`;
}

export class DatagramOrder {
  readonly #newest = new Map<string, number>();

  /** Takes note of a message. @returns true when it comes too late */
  isStale(kind: string, position: number): boolean {
    const newest = this.#newest.get(kind);
    if (newest !== undefined && position < newest) return true;
    if (newest === undefined && this.#newest.size >= ORDERED_KEYS_MAX) {
      for (const oldest of this.#newest.keys()) {
        this.#newest.delete(oldest);
        break;
      }
    }
    this.#newest.set(kind, position);
    return false;
  }
}
