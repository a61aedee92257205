/**
 * `ringwire bench ab`: two versions side by side in one run, each round a pair, so that a slow machine hits both alike.
 */
import { checkOut } from '../bench/checkout.ts';
import { comparePaired, comparisonTable, DEFAULT_COMPARE, type Comparisons } from '../bench/compare.ts';
import { CONTESTANTS } from '../bench/contestants.ts';
import type { Row } from '../bench/results.ts';
import { runInTurns } from '../bench/run.ts';
import { SCENARIOS } from '../bench/scenarios.ts';
import { chooseScenarios, withoutMissing } from './bench-run.ts';
import { makeProgress } from './progress.ts';
import { writeSummary } from './summary.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const AB_HELP: string = `Usage: ringwire bench ab [options] <base> <head> [pattern ...]

Measures two versions of ringwire in turns, A B B A, and judges the ratio of each pair of rounds: what slows the
machine down slows both. A version is a folder with a built ringwire, or a commit, which is checked out and built.

Options:
  --rounds <n>             pairs per row (default 10; fewer than 6 can never be sure)
  --share <share>          of the full count of messages in each round (default 0.1)
  --min-effect <percent>   differences below this do not matter (default ${DEFAULT_COMPARE.minEffect * 100})
  --json                   print the comparison as JSON
  --help

Exit codes: 0 nothing is slower, 1 a row is slower, 2 a mistake in the arguments, or a version that is none, 4 a measurement failed.

Example:
  ringwire bench ab main . raw-frame
`;

const OPTIONS = {
  rounds: { type: 'string', default: '10' },
  share: { type: 'string', default: '0.1' },
  'min-effect': { type: 'string', default: String(DEFAULT_COMPARE.minEffect * 100) },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function benchAb(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, AB_HELP);
  if (values.help) {
    process.stdout.write(AB_HELP);
    return 0;
  }
  const [base, head, ...patterns] = positionals;
  if (base === undefined || head === undefined)
    throw new UsageError('two versions are needed, the base and the head', AB_HELP);
  const chosen = chooseScenarios(SCENARIOS, patterns, AB_HELP);
  // Whoever else is measured is the same on both sides.
  const ours = new Set(CONTESTANTS.filter((each) => each.ours).map((each) => each.name));
  const rounds = Math.trunc(readNumber('rounds', values.rounds, 1, AB_HELP));
  const share = readNumber('share', values.share, 0, AB_HELP);
  const options = {
    ...DEFAULT_COMPARE,
    minEffect: readNumber('min-effect', values['min-effect'], 0, AB_HELP) / 100,
  };
  const progress = makeProgress();
  const checkouts: { remove(): void }[] = [];
  try {
    const scenarios = await withoutMissing(
      chosen.filter(({ contestant }) => ours.has(contestant)),
      progress.say,
    );
    const libraries = [base, head].map((version) => {
      const checkout = checkOut(version, progress.say);
      checkouts.push(checkout);
      return checkout.library;
    });
    const [before = [], after = []] = await runInTurns(scenarios, libraries, {
      rounds,
      share,
      progress: progress.show,
    });
    progress.clear();
    return answer(
      { rows: comparePaired(pairs(before, after), options), onlyBase: [], onlyHead: [] },
      values.json,
    );
  } finally {
    for (const checkout of checkouts) checkout.remove();
  }
}

function pairs(before: readonly Row[], after: readonly Row[]): [Row, Row][] {
  const known = new Map(before.map((row) => [row.id, row]));
  return after.flatMap((row): [Row, Row][] => {
    const base = known.get(row.id);
    return base === undefined ? [] : [[base, row]];
  });
}

function answer(comparisons: Comparisons, json: boolean): number {
  const table = comparisonTable(comparisons);
  process.stdout.write(json ? `${JSON.stringify(comparisons, null, 2)}\n` : `${table}\n`);
  writeSummary('ab', table);
  return comparisons.rows.some((row) => row.verdict === 'slower') ? 1 : 0;
}
