/**
 * `ringwire bench`: finds the subcommand.
 */
import { benchAb } from './bench-ab.ts';
import { benchCompare } from './bench-compare.ts';
import { benchDoctor } from './bench-doctor.ts';
import { benchExport } from './bench-export.ts';
import { benchImport } from './bench-import.ts';
import { benchRun } from './bench-run.ts';
import { benchSchema } from './bench-schema.ts';
import { UsageError } from './usage.ts';

const BENCH_HELP = `Usage: ringwire bench <subcommand>

Subcommands:
  run [pattern ...]                 measure messages between processes on this machine
  ab <base> <head> [pattern ...]    measure two versions side by side: is the head slower?
  compare <base.json> <head.json>   is the head slower than the base?
  doctor                            is this machine quiet enough to measure?
  export --to <format> <results>    a result as CSV, JUnit or for another tool
  import <file> ...                 results of tinybench or node:bench, for compare
  schema                            the JSON schema of results

ringwire bench <subcommand> --help tells more.
`;

/** @returns the exit code */
export async function bench(words: readonly string[]): Promise<number> {
  const [subcommand, ...rest] = words;
  if (subcommand === 'run') return benchRun(rest);
  if (subcommand === 'ab') return benchAb(rest);
  if (subcommand === 'compare') return benchCompare(rest);
  if (subcommand === 'doctor') return benchDoctor(rest);
  if (subcommand === 'export') return benchExport(rest);
  if (subcommand === 'import') return benchImport(rest);
  if (subcommand === 'schema') return benchSchema(rest);
  if (subcommand === '--help') {
    process.stdout.write(BENCH_HELP);
    return 0;
  }
  const what =
    subcommand === undefined ? 'a subcommand is missing' : `there is no subcommand '${subcommand}'`;
  throw new UsageError(what, BENCH_HELP);
}
