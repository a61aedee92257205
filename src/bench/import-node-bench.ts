/**
 * The JSON lines of `node --experimental-bench --bench --bench-reporter=json`, as Node 26.10 writes them: of each benchmark the line
 * `bench:complete`, which repeats its samples.
 *
 * Refuses runs with failed benchmarks and runs that were cut off before their summary.
 */
import type { Imported } from './import.ts';
import type { Row } from './results.ts';

interface Complete {
  readonly namePath: readonly string[];
  readonly params?: Readonly<Record<string, unknown>>;
  readonly samples: readonly { readonly operations: number; readonly duration_ns: string }[];
  readonly skip?: unknown;
  readonly error?: unknown;
}

/** @throws Error whose message says what is wrong, SyntaxError when a line is not JSON */
export function readNodeBench(text: string): Imported {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as { type: string; data: unknown });
  const summary = lines.findLast(({ type }) => type === 'bench:summary');
  if (summary === undefined) throw new Error('it has no summary: the run was cut off');
  const complete = lines.filter(({ type }) => type === 'bench:complete').map(({ data }) => data as Complete);
  if ((summary.data as { success?: unknown }).success !== true) {
    const failed = complete.filter(({ error }) => error !== undefined).map(nameOf);
    throw new Error(`not all of its benchmarks succeeded: ${failed.join(', ')}`);
  }
  const rows = complete.filter(({ skip }) => skip === undefined).map(rowOf);
  return { rows, node: undefined };
}

function rowOf(benchmark: Complete): Row {
  return {
    id: nameOf(benchmark),
    unit: 'operations/s',
    better: 'higher',
    samples: benchmark.samples.map(
      ({ operations, duration_ns: duration }) => (operations * 1e9) / Number(duration),
    ),
  };
}

/** `suite/name`, and the parameters in the order in which Node has sorted them: `suite/name/size=1000`. */
function nameOf({ namePath, params = {} }: Complete): string {
  const settings = Object.entries(params).map(([key, value]) => `${key}=${String(value)}`);
  return [...namePath, ...settings].join('/');
}
