/**
 * What the clients and servers of one IPC instance share: the bytes that wait for all their peers, the counts, and the log of what goes
 * wrong with peers, at most one line a second for each.
 *
 * Invariant: nothing here is older than the instance, and a peer that is gone is not kept.
 */
import { Counters, type Stats } from '../connection/counters.ts';
import { MemoryBudget } from '../connection/memory-budget.ts';
import { KeptBytes } from '../connection/kept-bytes.ts';
import type { Accounts } from '../endpoints/context.ts';
import { LOG_LINE_MS_MIN } from '../limits.ts';
import { warnOfTrust } from '../transports/tls-options.ts';
import type { Config } from './config.ts';
import { totalPendingBytesMax } from './config-limits.ts';
import { type Log, oneLine } from './log.ts';

interface Line {
  atMs: number;
  /** Lines that were not written since. */
  leftOut: number;
}

export class Shared {
  readonly #config: Config;
  readonly #log: Log;
  readonly #memory: MemoryBudget = new MemoryBudget(Infinity);
  readonly #kept: KeptBytes = new KeptBytes(Infinity);
  readonly #counters: Counters = new Counters();
  readonly #lines = new WeakMap<object, Line>();
  #warned = false;

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /** With the bound as it is set now. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
  accounts(): Accounts {
    this.#memory.bytesMax = totalPendingBytesMax(this.#config);
    this.#kept.bytesMax = this.#memory.bytesMax;
    return { memory: this.#memory, kept: this.#kept, counters: this.#counters };
  }

  stats(): Stats {
    return this.#counters.snapshot(this.#memory.members());
  }

  /** @param peer whose fault it is; an object that stands for it */
  logFault(what: string, peer: object, error: Error): void {
    if (this.#config.silent) return;
    const line = this.#lines.get(peer) ?? { atMs: -LOG_LINE_MS_MIN, leftOut: 0 };
    this.#lines.set(peer, line);
    const nowMs = performance.now();
    if (nowMs - line.atMs < LOG_LINE_MS_MIN) {
      line.leftOut++;
      return;
    }
    const more = line.leftOut > 0 ? ` (and ${line.leftOut} more since the last line)` : '';
    line.atMs = nowMs;
    line.leftOut = 0;
    const { code = error.name } = error as { code?: unknown };
    this.#log(what, oneLine(`${String(code)}: ${error.message}`) + more);
  }

  /** Says once that TLS settings, or the environment, ask for trust in anybody. */
  warnOfTrust(settings: unknown, isServer: boolean): void {
    if (!this.#warned) this.#warned = warnOfTrust(settings, isServer);
  }
}
