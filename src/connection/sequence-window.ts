/**
 * Which datagrams of one sender have come, from their sequence numbers: what was lost, what came late, what came twice. Single datagrams
 * are told apart within a window behind the newest one; what comes from before it is late for good.
 *
 * Invariant: `lost` is the number of datagrams from the first to the newest that have not come, as long as none is reordered by more than
 * the window; a position never repeats, and grows with the sender's order, also over restarts of the sender.
 */
import { SEQUENCE_WINDOW } from '../limits.ts';

export const Arrival = { newest: 0, reordered: 1, duplicate: 2, late: 3 } as const;
export type Arrival = (typeof Arrival)[keyof typeof Arrival];

/** A sender without timing that falls back this far has started again. */
const RESTART_DISTANCE = 32_768;
/** Below this a sender has just begun: what came before is lost, not missed. */
const JOINED_LATE_MIN = 1_024;
const RANGE = 2 ** 32;

export class SequenceWindow {
  lost = 0;
  reordered = 0;
  duplicated = 0;
  /** Came so late that nobody can say whether they came before; they are not taken. */
  late = 0;
  #newest = -1;
  /** How far behind the newest the datagram was that was judged last. */
  #behind = 0;
  /** Position of the number 0; it changes only when the numbers begin anew, so that small integers are all that each datagram changes. */
  #zeroPosition = 1;
  #firstPosition = 0;
  #session = 0;
  /** One bit for each datagram of the window; made with the second datagram: most forged sources send one. */
  #seen: Uint32Array | undefined = undefined;

  /** Of the datagram that was judged last, in the sender's order. */
  get position(): number {
    return this.#zeroPosition + this.#newest - this.#behind;
  }

  /** @param session as 32 bits @param timed the datagram carries a session */
  judge(sequence: number, session: number, timed: boolean): Arrival {
    const distance = (sequence - this.#newest) | 0;
    if (this.#newest < 0 || this.#isRestart(distance, session, timed)) {
      this.#begin(sequence, session);
      return Arrival.newest;
    }
    if (distance > 0) {
      const seen = this.#window();
      if (distance > 1) this.#skip(seen, distance);
      if (sequence < this.#newest) this.#zeroPosition += RANGE;
      this.#newest = sequence;
      this.#behind = 0;
      this.#mark(sequence);
      return Arrival.newest;
    }
    this.#behind = -distance;
    return this.#judgeOld(sequence, -distance);
  }

  #isRestart(distance: number, session: number, timed: boolean): boolean {
    return timed ? session !== this.#session : distance <= -RESTART_DISTANCE;
  }

  #begin(sequence: number, session: number): void {
    const joined = sequence < JOINED_LATE_MIN ? 0 : sequence;
    this.lost += sequence - joined;
    this.#session = session;
    // Behind everything of the run before, which may have used all of its numbers.
    this.#firstPosition = this.#zeroPosition + this.#newest + RANGE;
    this.#zeroPosition = this.#firstPosition - joined;
    this.#newest = sequence;
    this.#behind = 0;
    if (this.#seen !== undefined) {
      this.#seen.fill(0);
      this.#mark(sequence);
    }
  }

  /** Numbers between the newest and this one have not come, so far. */
  #skip(seen: Uint32Array, distance: number): void {
    this.lost += distance - 1;
    if (distance >= SEQUENCE_WINDOW) {
      seen.fill(0);
      return;
    }
    for (let step = 1; step < distance; step++) {
      const bit = (this.#newest + step) & (SEQUENCE_WINDOW - 1);
      seen[bit >>> 5] = (seen[bit >>> 5] as number) & ~(1 << (bit & 31));
    }
  }

  #judgeOld(sequence: number, behind: number): Arrival {
    if (behind >= SEQUENCE_WINDOW) {
      this.late++;
      return Arrival.late;
    }
    const bit = sequence & (SEQUENCE_WINDOW - 1);
    const seen = this.#window();
    if (((seen[bit >>> 5] as number) & (1 << (bit & 31))) !== 0) {
      this.duplicated++;
      return Arrival.duplicate;
    }
    this.#mark(sequence);
    this.reordered++;
    // One from before this side joined was not counted as lost.
    if (this.position >= this.#firstPosition) this.lost--;
    return Arrival.reordered;
  }

  #mark(sequence: number): void {
    const bit = sequence & (SEQUENCE_WINDOW - 1);
    const seen = this.#window();
    seen[bit >>> 5] = (seen[bit >>> 5] as number) | (1 << (bit & 31));
  }

  #window(): Uint32Array {
    if (this.#seen === undefined) {
      this.#seen = new Uint32Array(SEQUENCE_WINDOW / 32);
      this.#mark(this.#newest);
    }
    return this.#seen;
  }
}
