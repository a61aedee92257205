/**
 * `ringwire bench`: finds the subcommand.
 */
import { benchAb } from './bench-ab.ts';
import { benchCompare } from './bench-compare.ts';
import { benchDoctor } from './bench-doctor.ts';
import { benchExport } from './bench-export.ts';
import { benchFlame } from './bench-flame.ts';
import { benchGate } from './bench-gate.ts';
import { benchHistory } from './bench-history.ts';
import { benchImport } from './bench-import.ts';
import { benchReport } from './bench-report.ts';
import { benchRun } from './bench-run.ts';
import { benchSchema } from './bench-schema.ts';
import { UsageError } from './usage.ts';

const BENCH_HELP = `Usage: ringwire bench <subcommand>

Subcommands:
  run [pattern ...]                 measure messages between processes on this machine
  ab <base> <head> [pattern ...]    measure two versions side by side: is the head slower?
  gate [pattern ...]                does a message cost more than its budget? the check for CI
  compare <base.json> <head.json>   is the head slower than the base?
  history <history> [pattern ...]   where did results change over time, and is the newest change for the worse?
  report <results.json>             tables and charts, as Markdown or as one HTML page
  flame <row>                       where does the time go? a flamegraph of one row
  doctor                            is this machine quiet enough to measure?
  export --to <format> <results>    a result as CSV, JUnit or for another tool
  import <file> ...                 results of tinybench or node:bench, for compare
  schema                            the JSON schema of results

ringwire bench <subcommand> --help tells more.
`;

const SUBCOMMANDS: Readonly<Record<string, (words: readonly string[]) => number | Promise<number>>> = {
  run: benchRun,
  ab: benchAb,
  gate: benchGate,
  compare: benchCompare,
  history: benchHistory,
  report: benchReport,
  flame: benchFlame,
  doctor: benchDoctor,
  export: benchExport,
  import: benchImport,
  schema: benchSchema,
};

/** @returns the exit code */
export async function bench(words: readonly string[]): Promise<number> {
  const [subcommand, ...rest] = words;
  if (subcommand === '--help') {
    process.stdout.write(BENCH_HELP);
    return 0;
  }
  if (subcommand === undefined) throw new UsageError('a subcommand is missing', BENCH_HELP);
  const run = Object.hasOwn(SUBCOMMANDS, subcommand) ? SUBCOMMANDS[subcommand] : undefined;
  if (run === undefined) throw new UsageError(`there is no subcommand '${subcommand}'`, BENCH_HELP);
  return run(rest);
}
