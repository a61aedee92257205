/**
 * `ringwire bench`: finds the subcommand.
 */
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

Example:
  ringwire bench run --quick raw
`;

type Subcommand = (words: readonly string[]) => number | Promise<number>;

/** Each is loaded when it is typed: none waits for the others. */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<Subcommand>>> = {
  run: async () => (await import('./bench-run.ts')).benchRun,
  ab: async () => (await import('./bench-ab.ts')).benchAb,
  gate: async () => (await import('./bench-gate.ts')).benchGate,
  compare: async () => (await import('./bench-compare.ts')).benchCompare,
  history: async () => (await import('./bench-history.ts')).benchHistory,
  report: async () => (await import('./bench-report.ts')).benchReport,
  flame: async () => (await import('./bench-flame.ts')).benchFlame,
  doctor: async () => (await import('./bench-doctor.ts')).benchDoctor,
  export: async () => (await import('./bench-export.ts')).benchExport,
  import: async () => (await import('./bench-import.ts')).benchImport,
  schema: async () => (await import('./bench-schema.ts')).benchSchema,
};

/** @returns the exit code */
export async function bench(words: readonly string[]): Promise<number> {
  const [subcommand, ...rest] = words;
  if (subcommand === '--help') {
    process.stdout.write(BENCH_HELP);
    return 0;
  }
  if (subcommand === undefined) throw new UsageError('a subcommand is missing', BENCH_HELP);
  const load = Object.hasOwn(SUBCOMMANDS, subcommand) ? SUBCOMMANDS[subcommand] : undefined;
  if (load === undefined) throw new UsageError(`there is no subcommand '${subcommand}'`, BENCH_HELP);
  return (await load())(rest);
}
