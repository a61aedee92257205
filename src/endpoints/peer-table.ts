/**
 * Peers by their address, at most so many, each for at most so long. Sources can be forged, so a flood of new ones only drives out
 * other strangers: who has spoken for a while stays, and who has proved where it is stays longest.
 *
 * Invariant: each peer is in exactly one of the ranks, which are in the order in which their peers were last active.
 */

/** How much is known of a peer; the lowest is forgotten first. */
export const Rank = { stranger: 0, talker: 1, proven: 2 } as const;
export type Rank = (typeof Rank)[keyof typeof Rank];

export interface TableEntry {
  readonly name: string;
  rank: Rank;
  /** When it was heard last, or spoken to if that is all there was. */
  activeMs: number;
}

export class PeerTable<Entry extends TableEntry> {
  readonly #countMax: number;
  readonly #ttlMs: number;
  readonly #forgotten: (entry: Entry) => void;
  /** Maps keep the order of insertion: the first is the one that was silent longest. */
  readonly #ranks: readonly Map<string, Entry>[] = [new Map(), new Map(), new Map()];
  #last: Entry | undefined = undefined;

  constructor(countMax: number, ttlMs: number, forgotten: (entry: Entry) => void) {
    this.#countMax = countMax;
    this.#ttlMs = ttlMs;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#ranks.reduce((sum, rank) => sum + rank.size, 0);
  }

  get(name: string): Entry | undefined {
    for (const rank of this.#ranks) {
      const found = rank.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Adds one; another has to go if the table is full. */
  add(entry: Entry): void {
    if (this.size >= this.#countMax) this.#evict();
    this.#rank(entry.rank).set(entry.name, entry);
    this.#last = entry;
  }

  /** It was active now. */
  touch(entry: Entry, nowMs: number): void {
    entry.activeMs = nowMs;
    if (entry === this.#last) return;
    const rank = this.#rank(entry.rank);
    // One that was forgotten does not come back by itself.
    if (rank.delete(entry.name)) rank.set(entry.name, entry);
    this.#last = entry;
  }

  promote(entry: Entry, rank: Rank): void {
    if (entry.rank >= rank || !this.#rank(entry.rank).delete(entry.name)) return;
    entry.rank = rank;
    this.#rank(rank).set(entry.name, entry);
    this.#last = entry;
  }

  /** Forgets who was silent for too long. */
  expire(nowMs: number): void {
    for (const rank of this.#ranks) {
      for (const entry of rank.values()) {
        if (nowMs - entry.activeMs <= this.#ttlMs) break;
        this.#forget(entry);
      }
    }
  }

  /** Those who have been active within the time to live. */
  *entries(nowMs: number): Generator<Entry, undefined> {
    for (const rank of this.#ranks) {
      for (const entry of rank.values()) if (nowMs - entry.activeMs <= this.#ttlMs) yield entry;
    }
  }

  clear(): void {
    for (const rank of this.#ranks) for (const entry of rank.values()) this.#forget(entry);
  }

  #evict(): void {
    for (const rank of this.#ranks) {
      for (const entry of rank.values()) {
        this.#forget(entry);
        return;
      }
    }
  }

  #forget(entry: Entry): void {
    this.#rank(entry.rank).delete(entry.name);
    if (this.#last === entry) this.#last = undefined;
    this.#forgotten(entry);
  }

  #rank(rank: Rank): Map<string, Entry> {
    return this.#ranks[rank] as Map<string, Entry>;
  }
}
