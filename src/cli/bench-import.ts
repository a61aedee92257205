/**
 * `ringwire bench import`: results of tinybench or node:bench as a ringwire result on stdout.
 */
import { importResults, SAMPLES_MAX } from '../bench/import.ts';
import { makeResults, type Results } from '../bench/results.ts';
import { readArguments, UsageError } from './usage.ts';

const IMPORT_HELP: string = `Usage: ringwire bench import <file> ...

Turns results of other tools into the format of 'ringwire bench run --json', so that 'ringwire bench compare' judges them.
One file: its samples become the rounds, at most ${SAMPLES_MAX} of them, evenly spread quantiles of more. Several files, all of
the same benchmarks: each is one round with its median. Prefer that: samples of one process know nothing of
what changes from start to start. The machine is taken to be this one.

Files:
  tinybench 6   JSON.stringify(bench.tasks.map(({ name, result }) => ({ name, result }))), or an object of such;
                with retainSamples the samples are used, without them the median
  node:bench    node --experimental-bench --bench --bench-reporter=json file.mjs (Node 26.9 or later)

Options:
  --json   what it prints is JSON anyway
  --help

Exit codes: 0 written, 2 a mistake in the arguments, or a file with failed or unfinished benchmarks.

Examples:
  ringwire bench import tinybench.json > head.json && ringwire bench compare base.json head.json
  ringwire bench import run-1.ndjson run-2.ndjson run-3.ndjson run-4.ndjson run-5.ndjson > base.json
`;

/** @returns the exit code */
export function benchImport(words: readonly string[]): number {
  const { values, positionals } = readArguments(
    words,
    { json: { type: 'boolean', default: true }, help: { type: 'boolean', default: false } },
    IMPORT_HELP,
  );
  if (values.help) {
    process.stdout.write(IMPORT_HELP);
    return 0;
  }
  if (positionals.length === 0) throw new UsageError('a file is missing', IMPORT_HELP);
  const { rows, node } = importResults(positionals);
  const results = makeResults(rows);
  const { machine } = results;
  const imported: Results = { ...results, machine: { ...machine, node: node ?? machine.node } };
  process.stdout.write(`${JSON.stringify(imported, null, 2)}\n`);
  return 0;
}
