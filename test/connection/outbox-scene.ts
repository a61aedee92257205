/**
 * An outbox by itself, with low marks. The transport is this file: it takes what it is given and confirms when the test says so. Held messages are
 * texts, and looks at the memory of all peers are counted.
 *
 * Invariant: what was written stays in `writes` until it is confirmed.
 */
import type { Segment } from '../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { Counters } from '../../src/connection/counters.ts';
import { MemoryBudget } from '../../src/connection/memory-budget.ts';
import { Outbox } from '../../src/connection/outbox.ts';
import type { SharedMessage } from '../../src/connection/shared-message.ts';
import type { SlowConsumerPolicy } from '../../src/limits.ts';

export const SOFT = 1_000;
export const HARD = 4_000;

interface Held {
  readonly key: string;
  readonly bytes: number;
}

export class Scene {
  readonly pool: SlabPool;
  readonly counters = new Counters();
  readonly memory = new MemoryBudget(Infinity);
  readonly overflows: unknown[] = [];
  readonly refusals: unknown[] = [];
  readonly released: string[] = [];
  readonly writes: Segment[] = [];
  drains = 0;
  checks = 0;
  failing = '';
  readonly outbox: Outbox;

  /** @param pool where its slabs come from */
  constructor(slowConsumer: SlowConsumerPolicy = 'drop-newest', pool: SlabPool = new SlabPool()) {
    this.pool = pool;
    this.memory.check = () => void this.checks++;
    this.outbox = new Outbox(
      pool,
      { pendingBytesSoft: SOFT, pendingBytesMax: HARD },
      { slowConsumer, counters: this.counters, memory: this.memory },
      {
        write: (segments) => void this.writes.push(...segments),
        release: (message) => this.#release(message),
        refused: (error) => void this.refusals.push(error),
        overflowed: (error) => void this.overflows.push(error),
        drained: () => void this.drains++,
      },
    );
  }

  #release({ key, bytes }: Held): void {
    if (key === this.failing) throw new Error(key);
    this.released.push(key);
    this.outbox.writer.append(Buffer.alloc(bytes));
  }

  put(bytes: number): boolean {
    this.outbox.writer.append(Buffer.alloc(bytes));
    return this.outbox.added();
  }

  hold(key: string, bytes: number): void {
    this.outbox.hold({ key, bytes } as unknown as SharedMessage);
  }

  /** Writes everything that the transport has got. */
  confirm(isLost = false): void {
    for (const each of this.writes.splice(0)) this.outbox.written(each, isLost);
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.counters.snapshot([]).dropped;
  }
}
