/**
 * The rows of a result, sorted by what people ask: how fast one way, to and from many, how long an echo takes, what it costs.
 *
 * Invariant: every row is in exactly one group.
 */
import type { Results, Row } from '../results.ts';
import { type RowName, rowName } from '../row-name.ts';
import { bootstrap, type Interval, median } from '../statistics.ts';

export interface Summary extends Pick<Row, 'id' | 'unit' | 'better'> {
  readonly name: RowName | undefined;
  readonly median: number;
  readonly interval: Interval;
  readonly rounds: number;
  /** How much of the C pair's and of the bare sockets' rate it reaches: same transport, payload and shape. */
  readonly toC: number | undefined;
  readonly toNet: number | undefined;
}

/** A row whose id could be read. */
export type Named = Summary & { readonly name: RowName };

/** Rows that are compared with each other. */
export interface Group {
  readonly transport: string;
  readonly payload: string;
  readonly shape: string;
  /** Empty where rows have different ones. */
  readonly unit: string;
  /** Rates: best first. Latencies: by contestant, lowest median first, then by percentile. */
  readonly rows: readonly Named[];
}

export interface Groups {
  readonly oneWay: readonly Group[];
  readonly fan: readonly Group[];
  /** Rates of other shapes. */
  readonly rates: readonly Group[];
  readonly latency: readonly Group[];
  /** What messages cost: processor time, system calls, whatever else was counted. */
  readonly costs: readonly Group[];
  /** Rows without a name. */
  readonly unnamed: readonly Summary[];
}

const PERCENTILES: readonly string[] = ['p50', 'p90', 'p99', 'p99.9', 'max'];
/** Contestants without a p50 come last. */
const WITHOUT_P50 = Number.POSITIVE_INFINITY;

export function summarize({ rows }: Results): Summary[] {
  const known = new Map(rows.map((row) => [row.id, row]));
  const reference = (row: Row, name: RowName | undefined, contestant: string): number | undefined => {
    if (name === undefined || name.metric !== undefined || name.contestant === contestant) return undefined;
    const other = known.get(`${name.transport}/${contestant}/${name.payload}/${name.shape}`);
    return other === undefined ? undefined : pairedRatio(row.samples, other.samples);
  };
  return rows.map((row) => {
    const name = rowName(row.id);
    return {
      id: row.id,
      unit: row.unit,
      better: row.better,
      name,
      median: median(row.samples),
      interval: bootstrap([row.samples], (values) => median(values ?? [])),
      rounds: row.samples.length,
      toC: reference(row, name, 'c'),
      toNet: reference(row, name, 'net'),
    };
  });
}

export function groupRows(summaries: readonly Summary[]): Groups {
  const named = summaries.filter((row): row is Named => row.name !== undefined);
  const rates = named.filter(({ name }) => name.metric === undefined);
  const shaped = (wanted: (shape: string) => boolean): Group[] =>
    grouped(rates.filter(({ name }) => wanted(name.shape))).map(bestFirst);
  return {
    oneWay: shaped((shape) => shape === 'one-way'),
    fan: shaped(isFan),
    rates: shaped((shape) => shape !== 'one-way' && !isFan(shape)),
    latency: grouped(named.filter(isPercentile)).map(byContestant),
    costs: grouped(
      named.filter((row) => row.name.metric !== undefined && !isPercentile(row)),
      () => '',
    ),
    unnamed: summaries.filter((row) => row.name === undefined),
  };
}

/** Those that the group has, in their order. */
export function percentilesOf({ rows }: Group): string[] {
  return PERCENTILES.filter((each) => rows.some(({ name }) => name.metric === each));
}

/** Rounds are taken in turns, so what slows one slows the other: the median of the rounds' ratios. */
function pairedRatio(samples: readonly number[], reference: readonly number[]): number {
  const pairs = Math.min(samples.length, reference.length);
  return median(samples.slice(0, pairs).map((value, round) => value / (reference[round] as number)));
}

function grouped(rows: readonly Named[], unitOf = (row: Named): string => row.unit): Group[] {
  const groups = new Map<string, Group & { readonly rows: Named[] }>();
  for (const row of rows) {
    const { transport, payload, shape } = row.name;
    const unit = unitOf(row);
    const key = JSON.stringify([transport, payload, shape, unit]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { transport, payload, shape, unit, rows: [row] });
    else group.rows.push(row);
  }
  return Array.from(groups.values());
}

function bestFirst(group: Group): Group {
  const sign = group.rows[0]?.better === 'higher' ? -1 : 1;
  return { ...group, rows: group.rows.toSorted((a, b) => sign * (a.median - b.median)) };
}

function byContestant(group: Group): Group {
  const typical = new Map(
    group.rows.filter(({ name }) => name.metric === 'p50').map((row) => [row.name.contestant, row.median]),
  );
  const level = ({ name }: Named): number => typical.get(name.contestant) ?? WITHOUT_P50;
  const rows = group.rows.toSorted((a, b) => {
    if (level(a) !== level(b)) return level(a) < level(b) ? -1 : 1;
    return a.name.contestant.localeCompare(b.name.contestant, 'en') || percentile(a) - percentile(b);
  });
  return { ...group, rows };
}

function isFan(shape: string): boolean {
  return shape.startsWith('fan-');
}

function isPercentile(row: Named): boolean {
  return percentile(row) >= 0;
}

function percentile({ name }: Named): number {
  return PERCENTILES.indexOf(name.metric ?? '');
}
