/**
 * Results of other benchmark tools as rows that `compare` judges: tinybench 6 as JSON, and the JSON lines of Node's own `node:bench`.
 *
 * Refuses files with failed, unfinished or unmeasurably short tasks, with the reason: half a result compares as if it were whole. Skipped
 * benchmarks are left out, as their author wanted.
 * Invariant: every sample is one value that the other tool measured, or a quantile of such values; none is made up.
 */
import fs from 'node:fs';
import { RingwireError } from '../errors.ts';
import { readNodeBench } from './import-node-bench.ts';
import { readTinybench } from './import-tinybench.ts';
import type { Row } from './results.ts';
import { median, quantile } from './statistics.ts';

export interface Imported {
  readonly rows: readonly Row[];
  /** The version of Node that it was measured on, where the file tells. */
  readonly node: string | undefined;
}

/** The number that node:bench takes by default. More samples of one process tell nothing new, and rank tests take the square of it. */
export const SAMPLES_MAX = 30;

/**
 * The rows of one file, with its own samples, or of several: then each file is a round, and its median the sample. A program that is started
 * anew is a fresh start for the optimizer and the memory as well, so several files tell more than one with more samples.
 * @throws RingwireError ERR_RINGWIRE_BENCH_FILE
 */
export function importResults(files: readonly string[]): Imported {
  const all = files.map((file) => readOne(file));
  const [first, ...others] = all;
  if (first === undefined) return { rows: [], node: undefined };
  if (others.length === 0) return withSamples(first, ({ samples }) => atMost(SAMPLES_MAX, samples));
  others.forEach((other, index) => checkAlike(first, other, files[index + 1] as string));
  return withSamples(first, ({ id }) => all.map((each) => level(each, id)));
}

function withSamples({ rows, node }: Imported, samplesOf: (row: Row) => readonly number[]): Imported {
  return {
    rows: rows.map((row) => ({ id: row.id, unit: row.unit, better: row.better, samples: samplesOf(row) })),
    node,
  };
}

/** Quantiles that are evenly spread: the same distribution in fewer values. They come sorted, which an unpaired comparison does not mind. */
function atMost(count: number, samples: readonly number[]): readonly number[] {
  if (samples.length <= count) return samples;
  return Array.from({ length: count }, (_, index) => quantile(samples, (index + 0.5) / count));
}

function level({ rows }: Imported, id: string): number {
  return median(rows.find((row) => row.id === id)?.samples ?? []);
}

function checkAlike(first: Imported, other: Imported, file: string): void {
  const [expected, found] = [first, other].map(({ rows }) =>
    rows
      .map(({ id }) => id)
      .toSorted()
      .join(', '),
  );
  if (expected !== found) throw refuse(file, `it has the rows ${found}, the first file has ${expected}`);
  if (first.node !== other.node)
    throw refuse(file, `it was measured on Node ${other.node}, the first file on ${first.node}`);
}

function readOne(file: string): Imported {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw refuse(file, 'it cannot be read', cause);
  }
  let imported: Imported;
  try {
    imported = isNodeBench(text) ? readNodeBench(text) : readTinybench(text);
  } catch (cause) {
    throw refuse(file, cause instanceof SyntaxError ? 'it is not JSON' : (cause as Error).message, cause);
  }
  checkRows(file, imported.rows);
  return imported;
}

function checkRows(file: string, rows: readonly Row[]): void {
  if (rows.length === 0) throw refuse(file, 'it holds no finished benchmark');
  const ids = new Set<string>();
  for (const { id, samples } of rows) {
    if (ids.has(id)) throw refuse(file, `it has more than one '${id}'`);
    ids.add(id);
    if (samples.length === 0 || !samples.every((each) => each > 0 && Number.isFinite(each)))
      throw refuse(file, `'${id}' has samples that are no time: was it too short for the clock?`);
  }
}

/** Every line of it is a record of its own, named `bench:` something. */
function isNodeBench(text: string): boolean {
  return /^\s*\{\s*"type"\s*:\s*"bench:/.test(text);
}

function refuse(file: string, why: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} cannot be imported: ${why}`, { cause });
}
