/**
 * The rows of a history over time: medians and where they changed. Only results of one machine are looked at, and only rows that its
 * newest result still has: what is no longer measured cannot be repaired.
 *
 * Invariant: a ratio above 1 is better, whichever direction the row's unit has.
 */
import { type ChangeOptions, findChangePoints } from './change-points.ts';
import { sameMachine } from './history.ts';
import type { Machine, Results, Row } from './results.ts';
import { median } from './statistics.ts';

export interface Change {
  /** Of the first result after the change. */
  readonly date: string;
  readonly before: number;
  readonly after: number;
  readonly ratio: number;
  readonly p: number;
}

export interface Trend {
  readonly id: string;
  readonly unit: string;
  readonly better: Row['better'];
  readonly points: readonly { readonly date: string; readonly median: number }[];
  readonly changes: readonly Change[];
}

export interface Trends {
  readonly machine: Machine;
  /** Results of this machine, and of others. */
  readonly results: number;
  readonly others: number;
  readonly rows: readonly Trend[];
}

/** @param wanted which rows, by their ids */
export function trendsOf(
  history: readonly Results[],
  machine: Machine,
  options: ChangeOptions,
  wanted: (id: string) => boolean = () => true,
): Trends {
  const mine = history.filter((entry) => sameMachine(entry.machine, machine));
  // Zeros, such as collections that did not happen, have no ratio to others.
  const rows = (mine.at(-1)?.rows ?? []).filter(({ id, detail }) => detail !== true && wanted(id));
  const points = new Map(rows.map(({ id }) => [id, [] as { date: string; median: number }[]]));
  for (const { date, rows: measured } of mine) {
    for (const { id, samples } of measured)
      if (samples.every((value) => value > 0)) points.get(id)?.push({ date, median: median(samples) });
  }
  return {
    machine,
    results: mine.length,
    others: history.length - mine.length,
    rows: rows.map((row) => trend(row, points.get(row.id) ?? [], options)),
  };
}

/** Whether the newest change of the row made it worse. */
export function isWorse({ changes }: Trend): boolean {
  return (changes.at(-1)?.ratio ?? 1) < 1;
}

function trend({ id, unit, better }: Row, points: Trend['points'], options: ChangeOptions): Trend {
  const found = findChangePoints(
    points.map((point) => point.median),
    options,
  );
  const changes = found.map(({ index, before, after, p }) => ({
    date: points[index]?.date ?? '',
    before,
    after,
    ratio: better === 'higher' ? after / before : before / after,
    p,
  }));
  return { id, unit, better, points, changes };
}
