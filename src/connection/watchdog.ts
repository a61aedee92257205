/**
 * The one timer of an endpoint: on each beat it lets every open connection look at its peer's deadlines. Nothing is done for
 * a message or a chunk, and the timer keeps no process alive.
 *
 * Invariant: its clock moves by two beats at most for each beat: time in which this process slept or was busy is no peer's fault.
 */
import type { Limits } from '../limits.ts';
import type { BudgetMember, MemoryBudget } from './memory-budget.ts';

export interface Watched extends BudgetMember {
  /** @param nowMs on the watchdog's clock */
  check(nowMs: number): void;
}

export type WatchdogLimits = Pick<
  Limits,
  'frameTimeoutMs' | 'writeStallTimeoutMs' | 'heartbeatMs' | 'floodTimeoutMs'
>;

/** A deadline is kept to within two beats, half a second at most: a quarter of a second costs 10,000 connections some milliseconds. */
const BEAT_MS_MAX = 250;
const BEAT_MS_MIN = 5;
const BEATS_PER_DEADLINE = 20;

/** How often deadlines of these lengths are looked at. */
export function beatOf(limits: WatchdogLimits): number {
  const { frameTimeoutMs, writeStallTimeoutMs, heartbeatMs, floodTimeoutMs } = limits;
  const shortest = Math.min(frameTimeoutMs, writeStallTimeoutMs, heartbeatMs, floodTimeoutMs);
  return Math.max(BEAT_MS_MIN, Math.min(BEAT_MS_MAX, shortest / BEATS_PER_DEADLINE));
}

export class Watchdog {
  readonly connections: Set<Watched> = new Set();
  readonly #beatMs: number;
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  #clockMs = 0;
  #lastMs = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(limits: WatchdogLimits, memory: MemoryBudget, now: () => number = () => performance.now()) {
    this.#beatMs = beatOf(limits);
    this.#memory = memory;
    this.#now = now;
  }

  add(connection: Watched): void {
    this.connections.add(connection);
    if (this.#timer !== undefined) return;
    this.#lastMs = this.#now();
    this.#timer = setInterval(() => this.#beat(), this.#beatMs).unref();
    this.#memory.groups.add(this.connections);
  }

  delete(connection: Watched): void {
    if (!this.connections.delete(connection) || this.connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#memory.groups.delete(this.connections);
  }

  #beat(): void {
    const now = this.#now();
    this.#clockMs += Math.min(now - this.#lastMs, 2 * this.#beatMs);
    this.#lastMs = now;
    for (const connection of this.connections) connection.check(this.#clockMs);
    this.#memory.check();
  }
}
