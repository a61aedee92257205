/**
 * The unsent bytes of all connections of an instance together, and what has arrived of messages that are not complete. Above the bound the
 * peer with the most of both is cut, then the next one, until the rest fits: it is the peer that costs the others most.
 *
 * Invariant: `bytes` is what the outboxes have accounted for, `receivingBytes` the receivers; a connection that was cut is accounted for no more.
 */
import { RingwireError } from '../errors.ts';
import type { Counted } from './counters.ts';

export interface BudgetMember extends Counted {
  readonly isCut: boolean;
  /** Bytes of a message that has not arrived completely, above what each peer may have anyway. */
  readonly receivingBytes: number;
  /** Ends the connection and gives up what it holds. */
  cut(error: RingwireError): void;
}

/**
 * Of the bound, from which on memory is short. Before that a peer may have much under way, which counts no more when the peer is cut, and stays
 * in use until its socket is gone: with all of these together the process stays within a twentieth of the bound.
 */
const SHORT_SHARE: number = 1 / 32;

export class MemoryBudget {
  /** Unsent. */
  bytes = 0;
  receivingBytes = 0;
  bytesMax: number;
  /** The connections that are open, endpoint by endpoint. */
  readonly groups: Set<Iterable<BudgetMember>> = new Set();
  #checking = false;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get isOver(): boolean {
    return this.bytes + this.receivingBytes > this.bytesMax;
  }

  /** So much waits, with `more` bytes, that it should lie close together and where it can still be dropped. */
  isShort(more = 0): boolean {
    return this.bytes + more > this.bytesMax * SHORT_SHARE;
  }

  /** Cuts the largest peers while there is too much. */
  check(): void {
    // A handler that hears of a cut may send again.
    if (this.#checking) return;
    this.#checking = true;
    while (this.isOver && this.#cutLargest());
    this.#checking = false;
  }

  *members(): Iterable<BudgetMember> {
    for (const group of this.groups) yield* group;
  }

  #cutLargest(): boolean {
    let largest: BudgetMember | undefined;
    let most = 0;
    for (const member of this.members()) {
      const bytes = member.pendingBytes + member.receivingBytes;
      if (member.isCut || bytes <= most) continue;
      largest = member;
      most = bytes;
    }
    if (largest === undefined) return false;
    const before = this.bytes + this.receivingBytes;
    const message = `${before} bytes of all peers together wait to leave or have come of unfinished messages, ${this.bytesMax} are allowed: this one has the most, ${most}`;
    largest.cut(
      new RingwireError('ERR_RINGWIRE_MEMORY_LIMIT', message, {
        limit: this.bytesMax,
        actual: before,
        closed: true,
      }),
    );
    return true;
  }
}
