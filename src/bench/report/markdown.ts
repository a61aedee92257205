/**
 * A report as Markdown, for a README or a file beside it: tables by what people ask, and charts as pictures, between two markers.
 *
 * Invariant: text outside the markers stays as it is, and what comes from a result is text, never markup.
 */
import fs from 'node:fs';
import path from 'node:path';
import { RingwireError } from '../../errors.ts';
import type { Results } from '../results.ts';
import type { Chart } from './chart.ts';
import type { Charts } from './charts.ts';
import { type Group, type Groups, percentilesOf } from './groups.ts';
import { htmlText } from './html-text.ts';
import { markdownText, metricsOf, pivotTable, plainTable, rateTable } from './markdown-tables.ts';

export const BEGIN = '<!-- bench -->';
export const END = '<!-- /bench -->';

/** A file with a place for the report; what is not there yet is made. */
export interface MarkdownPlace {
  /** The text before and after what the report replaces. */
  readonly before: string;
  readonly after: string;
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_FILE when the markers are not a pair */
export function findPlace(file: string): MarkdownPlace {
  const whole = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  const begin = whole.indexOf(BEGIN);
  const end = whole.indexOf(END, Math.max(0, begin));
  if (begin < 0 && end < 0) {
    const gap = whole === '' || whole.endsWith('\n\n') ? '' : whole.endsWith('\n') ? '\n' : '\n\n';
    return { before: `${whole}${gap}`, after: '\n' };
  }
  if (end < 0) throw refuse(file, `${BEGIN} but no ${END} behind it`);
  if (begin < 0) throw refuse(file, `${END} but no ${BEGIN} before it`);
  return { before: whole.slice(0, begin), after: whole.slice(end + END.length) };
}

function refuse(file: string, what: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} has ${what}`);
}

export interface MarkdownReport {
  readonly results: Results;
  readonly groups: Groups;
  readonly charts: Charts | undefined;
  /** Where the charts are, seen from the Markdown file. */
  readonly folder: string;
}

export function writeMarkdown(file: string, { before, after }: MarkdownPlace, report: MarkdownReport): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${before}${BEGIN}\n${reportText(report)}\n${END}${after}`);
}

export function machineLine({ machine: { cpu, cores, kernel, node }, date }: Results): string {
  return `${cpu}, ${cores} cores; ${kernel}; Node ${node}; ${date.slice(0, 10)}`;
}

function reportText({ results, groups, charts, folder }: MarkdownReport): string {
  const shown = (group: Group, figures: string): string[] => {
    const chart = charts?.of.get(group);
    return [`#### ${place(group)}`, ...(chart === undefined ? [] : [picture(chart, folder)]), figures];
  };
  const rates = (list: readonly Group[]): string[] => list.flatMap((group) => shown(group, rateTable(group)));
  const unnamed = groups.unnamed.length === 0 ? [] : [plainTable(groups.unnamed)];
  const sections: readonly (readonly [title: string, lead: string, parts: readonly string[]])[] = [
    ['One-way throughput', RATE_LEAD, rates(groups.oneWay)],
    ['Fan-out and fan-in', RATE_LEAD, rates(groups.fan)],
    ['Other rates', RATE_LEAD, rates(groups.rates)],
    [
      'Latency',
      LATENCY_LEAD,
      groups.latency.flatMap((group) => shown(group, pivotTable(group, percentilesOf(group)))),
    ],
    ['Costs', COST_LEAD, groups.costs.flatMap((group) => shown(group, pivotTable(group, metricsOf(group))))],
    ['Other rows', 'Medians of all rounds.', unnamed],
    ['History', HISTORY_LEAD, (charts?.history ?? []).map((chart) => picture(chart, folder))],
  ];
  return [
    markdownText(machineLine(results)),
    ...sections
      .filter(([, , parts]) => parts.length > 0)
      .map(([title, lead, parts]) => [`### ${title}`, lead].concat(parts).join('\n\n')),
  ].join('\n\n');
}

const RATE_LEAD =
  'Medians of all rounds, best first; "of C" and "of net" are the medians of the rounds\' ratios to the pair in C and to bare sockets.';
const LATENCY_LEAD = 'Medians of all rounds, the lowest p50 first.';
const COST_LEAD = 'Medians of all rounds.';
const HISTORY_LEAD = 'Upwards is better; triangles show lasting changes.';

function place({ transport, payload, shape }: Group): string {
  return markdownText(`${transport}, ${payload}, ${shape}`);
}

function picture({ id, alt, width }: Chart, folder: string): string {
  const source = (theme: string): string =>
    htmlText([...folder.split('/'), `${id}.${theme}.svg`].filter(Boolean).map(encodeURIComponent).join('/'));
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${source('dark')}">`,
    `  <img alt="${htmlText(alt)}" src="${source('light')}" width="${width}">`,
    '</picture>',
  ].join('\n');
}
