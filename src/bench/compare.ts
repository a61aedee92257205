/**
 * Is the new one slower? A verdict per row, with an interval and a p value: two results of separate runs, or ratios of rounds that were
 * taken in turns. A verdict needs both: a difference too large for chance, and one large enough to matter.
 *
 * Invariant: a ratio above 1 is better, whichever direction the row's unit has.
 */
import type { Results, Row } from './results.ts';
import { bootstrap, centre, holm, type Interval, rankSumTest, shift, signedRankTest } from './statistics.ts';

export type Verdict = 'faster' | 'slower' | 'same' | 'inconclusive';

export interface Comparison {
  readonly id: string;
  readonly unit: string;
  readonly rounds: number;
  /** How many times as good the head is as the base. */
  readonly ratio: number;
  readonly interval: Interval;
  /** Corrected for the number of rows. */
  readonly p: number;
  readonly verdict: Verdict;
}

export interface CompareOptions {
  /** Differences below this share do not matter. */
  readonly minEffect: number;
  /** How often a difference may be seen where there is none. */
  readonly alpha: number;
  /** Judge the rows that are details as well. */
  readonly details?: boolean;
}

export const DEFAULT_COMPARE: CompareOptions = { minEffect: 0.05, alpha: 0.05 };

export interface Comparisons {
  readonly rows: readonly Comparison[];
  /** Rows that only one of the two has. */
  readonly onlyBase: readonly string[];
  readonly onlyHead: readonly string[];
}

type Undecided = Omit<Comparison, 'verdict'>;

/** Two separate runs: ranks of all rounds of one against all of the other. */
export function compareResults(
  base: Results,
  head: Results,
  options: CompareOptions = DEFAULT_COMPARE,
): Comparisons {
  const before = new Map(base.rows.map((row) => [row.id, row]));
  const ids = new Set(head.rows.map((row) => row.id));
  const both = head.rows.filter((row) => {
    const known = before.get(row.id);
    return known !== undefined && isJudged(row, options) && isJudged(known, options);
  });
  return {
    rows: decide(
      both.map((row) => compareRows(before.get(row.id) as Row, row)),
      options,
    ),
    onlyBase: base.rows.filter((row) => !ids.has(row.id)).map((row) => row.id),
    onlyHead: head.rows.filter((row) => !before.has(row.id)).map((row) => row.id),
  };
}

/** Rounds in turns: `base.samples[n]` and `head.samples[n]` were measured side by side, so what hits one hits the other. */
export function comparePaired(
  pairs: readonly (readonly [base: Row, head: Row])[],
  options: CompareOptions = DEFAULT_COMPARE,
): Comparison[] {
  const judged = pairs.filter(([base, head]) => isJudged(base, options) && isJudged(head, options));
  return decide(
    judged.map(([base, head]) => {
      const before = logs(base);
      const ratios = logs(head).map((value, round) => value - (before[round] ?? Number.NaN));
      return undecided(
        head,
        ratios.length,
        centre(ratios),
        bootstrap([ratios], centre),
        signedRankTest(ratios),
      );
    }),
    options,
  );
}

/** A ratio to nothing says nothing: rows with a zero, such as garbage collections that did not happen, are for the reader. */
function isJudged({ detail, samples }: Row, { details }: CompareOptions): boolean {
  return (details === true || detail !== true) && samples.every((value) => value > 0);
}

function compareRows(base: Row, head: Row): Undecided {
  const [before, after] = [logs(base), logs(head)];
  const interval = bootstrap([before, after], (a = [], b = []) => shift(a, b));
  const rounds = Math.min(before.length, after.length);
  return undecided(head, rounds, shift(before, after), interval, rankSumTest(before, after));
}

/** Ratios are symmetric as logarithms: twice as fast and half as fast lie equally far from 1. */
function logs(row: Row): number[] {
  return row.samples.map((value) => (row.better === 'higher' ? Math.log(value) : -Math.log(value)));
}

function undecided(
  { id, unit }: Row,
  rounds: number,
  log: number,
  { low, high }: Interval,
  p: number,
): Undecided {
  return {
    id,
    unit,
    rounds,
    ratio: Math.exp(log),
    interval: { low: Math.exp(low), high: Math.exp(high) },
    p,
  };
}

function decide(rows: readonly Undecided[], options: CompareOptions): Comparison[] {
  const corrected = holm(rows.map((row) => row.p));
  return rows.map((row, index) => {
    const p = corrected[index] ?? 1;
    return { ...row, p, verdict: verdictOf(row, p, options) };
  });
}

function verdictOf({ ratio, interval }: Undecided, p: number, { minEffect, alpha }: CompareOptions): Verdict {
  const [least, most] = [1 / (1 + minEffect), 1 + minEffect];
  if (p < alpha && ratio >= most && interval.low > 1) return 'faster';
  if (p < alpha && ratio <= least && interval.high < 1) return 'slower';
  return interval.low >= least && interval.high <= most ? 'same' : 'inconclusive';
}

/** The comparison as a Markdown table, worst rows first. */
export function comparisonTable({ rows, onlyBase, onlyHead }: Comparisons): string {
  const order: readonly Verdict[] = ['slower', 'inconclusive', 'faster', 'same'];
  const sorted = rows.toSorted(
    (a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || a.ratio - b.ratio,
  );
  const lines = sorted.map(
    ({ id, verdict, ratio, interval, p, rounds }) =>
      `| ${id} | ${verdict} | ${ratio.toFixed(3)} | ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)} | ${p.toFixed(4)} | ${rounds} |`,
  );
  const missing = [
    ...onlyBase.map((id) => `\n- only in the base: ${id}`),
    ...onlyHead.map((id) => `\n- only in the head: ${id}`),
  ];
  return [
    '| row | verdict | head / base | 95 % interval | p | rounds |',
    '|---|---|---|---|---|---|',
    ...lines,
    ...missing,
  ].join('\n');
}
