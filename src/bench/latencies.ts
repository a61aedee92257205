/**
 * Round trips as a histogram: Node's own (HDR, three figures), so that a million of them cost no memory.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** In microseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class LatencyRecorder {
  readonly #histogram: RecordableHistogram = createHistogram();

  /** @param milliseconds as `performance.now()` counts */
  record(milliseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1e6)));
  }

  get latencies(): Latencies {
    const at = (percentile: number): number => this.#histogram.percentile(percentile) / 1e3;
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: this.#histogram.max / 1e3 };
  }
}
