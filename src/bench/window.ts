/**
 * What a process spends on its messages between two moments: processor time, garbage collections, memory, system calls. The clock is the
 * monotonic one.
 *
 * Invariant: a figure that the platform does not tell is absent, not zero.
 */
import fs from 'node:fs';
import { GCProfiler } from 'node:v8';

/** Of one process, over its window. */
export interface Costs {
  /** Processor time, user and system, in microseconds per message. */
  readonly cpu: number;
  /** Garbage collections per million messages. */
  readonly gcRuns: number;
  /** Milliseconds in them per million messages. */
  readonly gcTime: number;
  /** Resident megabytes (10^6 bytes) at the end. */
  readonly rss: number;
  /** Bytes of heap that were allocated per message, collected meanwhile or not. */
  readonly heap: number;
  /** Calls of the read and of the write family per thousand messages (Linux). */
  readonly reads?: number;
  readonly writes?: number;
}

/** Nothing of a window that saw no messages, such as that of a sender whose only burst was all there was to send. */
export interface Measured {
  readonly perSecond?: number;
  readonly costs?: Costs;
}

export interface Calls {
  readonly reads: number;
  readonly writes: number;
}

export class Window {
  readonly #collections = new GCProfiler();
  #calls: Calls | undefined = undefined;
  #heap = 0;
  #cpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  #start = 0n;

  begin(): void {
    this.#collections.start();
    this.#calls = readCalls();
    this.#heap = process.memoryUsage().heapUsed;
    this.#cpu = process.cpuUsage();
    this.#start = process.hrtime.bigint();
  }

  /** @param messages how many there were since `begin` */
  end(messages: number): Measured {
    const seconds = Number(process.hrtime.bigint() - this.#start) / 1e9;
    const { user, system } = process.cpuUsage(this.#cpu);
    const { heapUsed, rss } = process.memoryUsage();
    const calls = readCalls();
    const collections = this.#collections.stop().statistics;
    if (messages === 0) return {};
    const millions = messages / 1e6;
    const collected = collections.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
    const costs: Costs = {
      cpu: (user + system) / messages,
      gcRuns: collections.length / millions,
      // The profiler tells microseconds.
      gcTime: sum(collections.map(({ cost }) => cost)) / 1e3 / millions,
      rss: rss / 1e6,
      heap: Math.max(0, heapUsed - this.#heap + sum(collected)) / messages,
      ...(calls &&
        this.#calls && {
          reads: ((calls.reads - this.#calls.reads) / messages) * 1e3,
          writes: ((calls.writes - this.#calls.writes) / messages) * 1e3,
        }),
    };
    return { perSecond: messages / seconds, costs };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Since the process began. */
export function readCalls(): Calls | undefined {
  try {
    const text = fs.readFileSync('/proc/self/io', 'latin1');
    const value = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
    return { reads: value('syscr'), writes: value('syscw') };
  } catch {
    return undefined;
  }
}
