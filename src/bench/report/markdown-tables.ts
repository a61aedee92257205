/**
 * Tables in Markdown: rates with their intervals and references, latencies and costs with one column per metric.
 *
 * Invariant: what comes from a result is shown as it is, whichever characters it has.
 */
import { figure, threeDigits } from './figures.ts';
import type { Group, Named, Summary } from './groups.ts';

export function rateTable({ rows }: Group): string {
  return table(
    ['contestant', 'median', '95 % interval', 'of C', 'of net', 'rounds'],
    rows.map((row) => [
      row.name.contestant,
      figure(row.median, row.unit),
      interval(row),
      share(row.toC),
      share(row.toNet),
      String(row.rounds),
    ]),
  );
}

/** One line per contestant, one column per metric. */
export function pivotTable({ rows }: Group, metrics: readonly string[]): string {
  const contestants = new Map<string, Map<string, Named>>();
  for (const row of rows) {
    const metricRows = contestants.get(row.name.contestant) ?? new Map<string, Named>();
    contestants.set(row.name.contestant, metricRows.set(row.name.metric ?? '', row));
  }
  return table(
    ['contestant', ...metrics],
    Array.from(contestants, ([contestant, metricRows]) => [
      contestant,
      ...metrics.map((metric) => {
        const row = metricRows.get(metric);
        return row === undefined ? '' : figure(row.median, row.unit);
      }),
    ]),
  );
}

export function plainTable(rows: readonly Summary[]): string {
  return table(
    ['row', 'median', '95 % interval', 'better', 'rounds'],
    rows.map((row) => [row.id, figure(row.median, row.unit), interval(row), row.better, String(row.rounds)]),
  );
}

export function metricsOf({ rows }: Group): string[] {
  return Array.from(new Set(rows.map(({ name }) => name.metric ?? '')));
}

function interval({ interval: { low, high }, unit }: Summary): string {
  return `${figure(low, unit)} to ${figure(high, unit)}`;
}

function share(value: number | undefined): string {
  return value === undefined ? '' : threeDigits(value);
}

/** The first column is words, the others are figures. */
function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const columns = `|---|${head
    .slice(1)
    .map(() => '---:|')
    .join('')}`;
  return [line(head), columns, ...lines.map(line)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(markdownText).join(' | ')} |`;
}

/** On one line, with nothing in it that means something to Markdown. */
export function markdownText(plain: string): string {
  return plain.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|&~#]/g, '\\$&');
}
