/**
 * Runs micro benches by tinybench: short rounds of all cases in a different order each, one median per case and round.
 *
 * Invariant: no sample counts whose digest was not the expected one.
 */
import { Bench } from 'tinybench';
import type { Row } from '../../src/bench/results.ts';
import { BYTES } from './bytes.ts';
import type { MicroCase } from './case.ts';
import { CODECS } from './codecs.ts';
import { CONNECTION } from './connection.ts';
import { FRAMES } from './frames.ts';

export const CASES: readonly MicroCase[] = [...BYTES, ...FRAMES, ...CODECS, ...CONNECTION];

export interface MicroOptions {
  readonly rounds: number;
  /** Milliseconds of each case in each round. */
  readonly time: number;
  readonly progress?: (round: number, id: string) => void;
}

/** @throws Error when a case gives another result than it has to */
export async function runMicro(cases: readonly MicroCase[], options: MicroOptions): Promise<Row[]> {
  const bench = new Bench({ time: options.time, iterations: 4, warmupTime: options.time, throws: true });
  for (const { id, count, run, expected } of cases) {
    const wanted = expected(count);
    const sample = (): void => {
      if (run(count) !== wanted) throw new Error(`${id}: the result is not the expected one`);
    };
    bench.add(id, sample, { async: false });
  }
  const samples = new Map<string, number[]>(cases.map(({ id }) => [id, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const { id, count } of round % 2 === 0 ? cases.toReversed() : cases) {
      options.progress?.(round, id);
      const task = bench.getTask(id) as NonNullable<ReturnType<typeof bench.getTask>>;
      // A task that has run keeps its result.
      task.reset();
      const { result } = await task.run();
      if (result.state !== 'completed') throw new Error(`${id}: tinybench says ${result.state}`);
      samples.get(id)?.push((result.latency.p50 / count) * 1e6);
    }
  }
  return cases.map(({ id }) => ({ id, unit: 'ns/message', better: 'lower', samples: samples.get(id) ?? [] }));
}
