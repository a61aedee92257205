/**
 * `ringwire bench history`: results over time, where they changed, and whether the newest change is for the worse.
 */
import { DEFAULT_CHANGE } from '../bench/change-points.ts';
import { readHistory } from '../bench/history.ts';
import { figure } from '../bench/report/figures.ts';
import { isWorse, type Trend, type Trends, trendsOf } from '../bench/trends.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const HISTORY_HELP: string = `Usage: ringwire bench history [options] <history.ndjson> [pattern ...]

Looks for lasting changes in a history: a file with one result of 'ringwire bench run' per line, the newest last. Only
results of the newest one's machine are compared. A change shows in the median of three results or more, is too large for
chance (E-divisive with a permutation test) and large enough to matter. Patterns choose the rows whose name contains one of them.

Options:
  --min-effect <percent>   changes below this do not matter (default ${DEFAULT_CHANGE.minEffect * 100})
  --alpha <share>          how often a change may be seen where there is none (default ${DEFAULT_CHANGE.alpha})
  --json                   print medians and changes as JSON
  --help

Exit codes: 0 no row's newest change is for the worse, 1 a row's is, 2 a mistake in the arguments or the file.

Example:
  ringwire bench history results.ndjson raw-frame --min-effect 10
`;

const OPTIONS = {
  'min-effect': { type: 'string', default: String(DEFAULT_CHANGE.minEffect * 100) },
  alpha: { type: 'string', default: String(DEFAULT_CHANGE.alpha) },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const SPARKS = '▁▂▃▄▅▆▇█';
const SPARKS_MAX = 60;

/** @returns the exit code */
export function benchHistory(words: readonly string[]): number {
  const { values, positionals } = readArguments(words, OPTIONS, HISTORY_HELP);
  if (values.help) {
    process.stdout.write(HISTORY_HELP);
    return 0;
  }
  const [file, ...patterns] = positionals;
  if (file === undefined) throw new UsageError('a history file is needed', HISTORY_HELP);
  const options = {
    minEffect: readNumber('min-effect', values['min-effect'], 0, HISTORY_HELP) / 100,
    alpha: readNumber('alpha', values.alpha, 0, HISTORY_HELP),
  };
  const history = readHistory(file);
  const { machine } = history[history.length - 1] as (typeof history)[number];
  const trends = trendsOf(history, machine, options, (id) =>
    patterns.length === 0 ? true : patterns.some((pattern) => id.includes(pattern)),
  );
  if (trends.rows.length === 0 && patterns.length > 0) {
    throw new UsageError(
      `no row of the newest result has ${patterns.join(' or ')} in its name`,
      HISTORY_HELP,
    );
  }
  process.stdout.write(
    values.json ? `${JSON.stringify(trends, null, 2)}\n` : text(trends, options.minEffect),
  );
  return trends.rows.some(isWorse) ? 1 : 0;
}

function text({ machine, results, others, rows }: Trends, minEffect: number): string {
  const { cpu, cores, kernel, node } = machine;
  const changes = rows.flatMap((row) =>
    row.changes.map(
      ({ date, before, after, ratio, p }) =>
        `| ${row.id} | ${date.slice(0, 16).replace('T', ' ')} | ${figure(before, row.unit)} -> ${figure(after, row.unit)} | ${ratio.toFixed(3)} ${ratio < 1 ? 'worse' : 'better'} | ${p.toFixed(3)} |`,
    ),
  );
  const widest = Math.max(0, ...rows.map(({ id }) => id.length));
  return [
    `${cpu}, ${cores} cores; ${kernel}; Node ${node}`,
    `${results} results${others === 0 ? '' : `; ${others} of other machines are left out`}`,
    '',
    ...(changes.length === 0
      ? ['no row has changed']
      : ['| row | since | before -> after | ratio | p |', '|---|---|---|---|---|', ...changes]),
    '',
    ...rows.map((row) => {
      const last = row.points.at(-1)?.median ?? Number.NaN;
      return `${row.id.padEnd(widest)}  ${sparkline(row, minEffect)}  ${figure(last, row.unit)}`;
    }),
    '',
  ].join('\n');
}

/** The newest medians as bars. Less than what matters is drawn flat: noise is not to look like change. */
function sparkline({ points }: Trend, minEffect: number): string {
  const medians = points.slice(-SPARKS_MAX).map((point) => point.median);
  const least = Math.min(...medians);
  const range = Math.max(Math.max(...medians) - least, 2 * minEffect * least);
  return medians
    .map((value) => SPARKS[range === 0 ? 0 : Math.round(((value - least) / range) * (SPARKS.length - 1))])
    .join('');
}
