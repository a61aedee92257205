/**
 * `ringwire bench`: finds the subcommand.
 */
import { benchAb } from './bench-ab.ts';
import { benchCompare } from './bench-compare.ts';
import { benchHistory } from './bench-history.ts';
import { benchReport } from './bench-report.ts';
import { benchRun } from './bench-run.ts';
import { UsageError } from './usage.ts';

const BENCH_HELP = `Usage: ringwire bench <subcommand>

Subcommands:
  run [pattern ...]                 measure messages between processes on this machine
  ab <base> <head> [pattern ...]    measure two versions side by side: is the head slower?
  compare <base.json> <head.json>   is the head slower than the base?
  history <history> [pattern ...]   where did results change over time, and is the newest change for the worse?
  report <results.json>             tables and charts, as Markdown or as one HTML page

ringwire bench <subcommand> --help tells more.
`;

/** @returns the exit code */
export async function bench(words: readonly string[]): Promise<number> {
  const [subcommand, ...rest] = words;
  if (subcommand === 'run') return benchRun(rest);
  if (subcommand === 'ab') return benchAb(rest);
  if (subcommand === 'compare') return benchCompare(rest);
  if (subcommand === 'history') return benchHistory(rest);
  if (subcommand === 'report') return benchReport(rest);
  if (subcommand === '--help') {
    process.stdout.write(BENCH_HELP);
    return 0;
  }
  const what =
    subcommand === undefined ? 'a subcommand is missing' : `there is no subcommand '${subcommand}'`;
  throw new UsageError(what, BENCH_HELP);
}
