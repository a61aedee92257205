/**
 * `ringwire bench export`: a kept result on stdout, in the format of another tool.
 */
import { EXPORTS, type ExportFormat } from '../bench/export.ts';
import { readResults } from '../bench/results.ts';
import { readArguments, UsageError } from './usage.ts';

const EXPORT_HELP = `Usage: ringwire bench export --to <format> [options] <results.json>

Prints a result of 'ringwire bench run' in the format of another tool.

Formats:
  csv                       one line per sample: id, unit, better, round, value
  junit                     a passed test case per row, the figures as properties
  github-action-benchmark   for its tools customSmallerIsBetter and customBiggerIsBetter; needs --better
                            when the result has rows of both directions
  bencher                   Bencher Metric Format, for bencher run --adapter json
  benchstat                 one line per sample, for Go's benchstat

Options:
  --better <direction>   only the rows for which higher, or lower, is better
  --help

Exit codes: 0 written, 2 a mistake in the arguments or the file.

Examples:
  ringwire bench export --to github-action-benchmark --better lower result.json > latency.json
  ringwire bench export --to benchstat main.json > main.txt
`;

const OPTIONS = {
  to: { type: 'string' },
  better: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export function benchExport(words: readonly string[]): number {
  const { values, positionals } = readArguments(words, OPTIONS, EXPORT_HELP);
  if (values.help) {
    process.stdout.write(EXPORT_HELP);
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('one result file is needed', EXPORT_HELP);
  if (!isFormat(values.to)) {
    const what = values.to === undefined ? '--to is missing' : `--to knows no '${values.to}'`;
    throw new UsageError(`${what}: it takes ${Object.keys(EXPORTS).join(', ')}`, EXPORT_HELP);
  }
  const { better } = values;
  if (better !== undefined && better !== 'higher' && better !== 'lower')
    throw new UsageError(`--better is higher or lower, not '${better}'`, EXPORT_HELP);
  const results = readResults(file);
  const rows = better === undefined ? results.rows : results.rows.filter((row) => row.better === better);
  process.stdout.write(EXPORTS[values.to]({ ...results, rows }));
  return 0;
}

function isFormat(text: string | undefined): text is ExportFormat {
  return text !== undefined && Object.hasOwn(EXPORTS, text);
}
