/**
 * `ringwire bench compare`: the verdict on two result files, as a table for people, Markdown for a pull request and an exit code for CI.
 */
import { compareResults, type Comparisons, comparisonTable, DEFAULT_COMPARE } from '../bench/compare.ts';
import { type Machine, readResults, type Results } from '../bench/results.ts';
import { writeSummary } from './summary.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const COMPARE_HELP: string = `Usage: ringwire bench compare [options] <base.json> <head.json>

Compares two results of 'ringwire bench run', row by row. A row is faster or slower when the difference is too
large for chance and large enough to matter; 'same' when its whole interval lies within what does not matter;
inconclusive otherwise: more rounds would tell. In $GITHUB_STEP_SUMMARY, when set, the table is appended as Markdown.

Options:
  --min-effect <percent>   differences below this do not matter (default ${DEFAULT_COMPARE.minEffect * 100})
  --alpha <share>          how often a difference may be seen where there is none (default ${DEFAULT_COMPARE.alpha})
  --details                judge more percentiles and what the figures cost as well
  --strict                 inconclusive rows fail as well
  --force                  compare results of different machines
  --json                   print the comparison as JSON
  --help

Exit codes: 0 nothing is slower, 1 a row is slower or missing, 2 a mistake in the arguments or files, 3 inconclusive with --strict.

Example:
  ringwire bench compare main.json branch.json --min-effect 10
`;

const OPTIONS = {
  'min-effect': { type: 'string', default: String(DEFAULT_COMPARE.minEffect * 100) },
  alpha: { type: 'string', default: String(DEFAULT_COMPARE.alpha) },
  details: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export function benchCompare(words: readonly string[]): number {
  const { values, positionals } = readArguments(words, OPTIONS, COMPARE_HELP);
  if (values.help) {
    process.stdout.write(COMPARE_HELP);
    return 0;
  }
  const [baseFile, headFile, ...more] = positionals;
  if (baseFile === undefined || headFile === undefined || more.length > 0) {
    throw new UsageError('two result files are needed, the base and the head', COMPARE_HELP);
  }
  const options = {
    minEffect: readNumber('min-effect', values['min-effect'], 0, COMPARE_HELP) / 100,
    alpha: readNumber('alpha', values.alpha, 0, COMPARE_HELP),
    details: values.details,
  };
  const [base, head] = [readResults(baseFile), readResults(headFile)];
  if (!values.force) checkSameMachine(base, head);
  const comparisons = compareResults(base, head, options);
  const table = comparisonTable(comparisons);
  process.stdout.write(values.json ? `${JSON.stringify(comparisons, null, 2)}\n` : `${table}\n`);
  writeSummary('compare', table);
  return exitCode(comparisons, values.strict);
}

function exitCode({ rows, onlyBase }: Comparisons, strict: boolean): number {
  if (onlyBase.length > 0 || rows.some((row) => row.verdict === 'slower')) return 1;
  return strict && rows.some((row) => row.verdict === 'inconclusive') ? 3 : 0;
}

function checkSameMachine(base: Results, head: Results): void {
  const differing = (['cpu', 'cores', 'kernel', 'node'] satisfies (keyof Machine)[]).filter(
    (key) => base.machine[key] !== head.machine[key],
  );
  if (differing.length === 0) return;
  const details = differing.map((key) => `${key}: ${base.machine[key]} and ${head.machine[key]}`).join('; ');
  throw new UsageError(
    `the results come from different machines (${details}); --force compares them anyway`,
    COMPARE_HELP,
  );
}
