/**
 * A report as one HTML page: it opens from disk, loads nothing, and carries its data, its script and, where it is installed, the chart
 * library.
 *
 * Invariant: what comes from a result is text, never markup or script; the page's own policy forbids it to load anything.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ownFile } from '../../loading.ts';
import type { Results } from '../results.ts';
import { type Chart, scaledOption } from './chart.ts';
import type { Charts } from './charts.ts';
import type { Echarts } from './echarts.ts';
import { figure, threeDigits } from './figures.ts';
import type { Group, Groups, Summary } from './groups.ts';
import { htmlText, scriptJson, scriptText } from './html-text.ts';
import { machineLine } from './markdown.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { PageChart } from './page-types.ts';
import { DARK, LIGHT } from './theme.ts';

export interface HtmlReport {
  readonly results: Results;
  readonly rows: readonly Summary[];
  readonly groups: Groups;
  readonly charts: Charts | undefined;
  readonly echarts: Echarts | undefined;
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly charts: readonly Chart[];
}

const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

export function writeHtml(file: string, report: HtmlReport): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, page(report));
}

function page({ results, rows, groups, charts, echarts }: HtmlReport): string {
  const sections = sectionsOf(groups, charts).filter((section) => section.charts.length > 0);
  const links = [...sections, { id: 'all', title: 'All rows' }].map(
    ({ id, title }) => `<li><a href="#${id}">${title}</a></li>`,
  );
  const library = echarts === undefined ? '' : `<script>${scriptText(echarts.program)}</script>\n`;
  const data = sections.flatMap((section) => section.charts.map(pageChart));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>ringwire bench report</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>ringwire bench report</h1>
<p>${htmlText(machineLine(results))}</p>
<nav aria-label="Contents"><ul>${links.join('')}</ul></nav>
</header>
<main>
${sections.map(sectionHtml).join('\n')}
${tableHtml(rows)}
</main>
${library}<script type="application/json" id="charts">${scriptJson(data)}</script>
<script type="module">${scriptText(pageProgram())}</script>
</body>
</html>
`;
}

function sectionsOf({ oneWay, fan, rates, latency }: Groups, charts: Charts | undefined): Section[] {
  const drawn = (groups: readonly Group[]): Chart[] =>
    groups.flatMap((group) => {
      const chart = charts?.of.get(group);
      return chart === undefined ? [] : [chart];
    });
  return [
    { id: 'one-way', title: 'One-way throughput', charts: drawn(oneWay) },
    { id: 'fan', title: 'Fan-out and fan-in', charts: drawn(fan) },
    { id: 'rates', title: 'Other rates', charts: drawn(rates) },
    { id: 'latency', title: 'Latency', charts: drawn(latency) },
    { id: 'history', title: 'History', charts: charts?.history ?? [] },
  ];
}

function sectionHtml({ id, title, charts }: Section): string {
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${charts.map(figureHtml).join('\n')}
</section>`;
}

function figureHtml({ id, title, alt, height }: Chart): string {
  return `<figure id="chart-${id}">
<figcaption>${htmlText(title)}</figcaption>
<div class="controls"></div>
<div class="plot" role="img" aria-label="${htmlText(alt)}" style="height: ${height}px"></div>
</figure>`;
}

function pageChart(chart: Chart): PageChart {
  const { id, series, valueAxis, scales, scale } = chart;
  const [light, dark] = [scaledOption(chart, LIGHT), scaledOption(chart, DARK)];
  return { id: `chart-${id}`, series, valueAxis, scales, scale, light, dark };
}

const COLUMNS = ['row', 'median', 'low', 'high', 'unit', 'of C', 'of net', 'better', 'rounds'] as const;

function tableHtml(rows: readonly Summary[]): string {
  const heads = COLUMNS.map(
    (title) => `<th scope="col" aria-sort="none"><button type="button">${title}</button></th>`,
  );
  return `<section aria-labelledby="all">
<h2 id="all">All rows</h2>
<p class="lead">Medians of all rounds with 95 percent bootstrap intervals; "of C" and "of net" are the medians of the rounds' ratios to the
pair in C and to bare sockets. The titles of the columns sort.</p>
<div class="filter">
<label for="filter">Filter</label>
<input type="search" id="filter" placeholder="raw 64B one-way" autocomplete="off">
<span id="count" role="status">${rows.length} rows</span>
</div>
<div class="scroll" tabindex="0" role="region" aria-label="All rows">
<table id="rows">
<caption>Medians and 95 % intervals</caption>
<thead><tr>${heads.join('')}</tr></thead>
<tbody>
${rows.map(rowHtml).join('\n')}
</tbody>
</table>
</div>
</section>`;
}

function rowHtml({ id, unit, better, median, interval, rounds, toC, toNet }: Summary): string {
  const measured = (value: number): string => figure(value, unit);
  return [
    `<tr><th scope="row" data-value="${htmlText(id)}">${htmlText(id)}</th>`,
    cell(median, measured),
    cell(interval.low, measured),
    cell(interval.high, measured),
    cell(unit, String),
    cell(toC, threeDigits),
    cell(toNet, threeDigits),
    cell(better, String),
    cell(rounds, String),
    '</tr>',
  ].join('');
}

/** What it is sorted by, and what is shown. */
function cell<T extends string | number>(value: T | undefined, shown: (value: T) => string): string {
  if (value === undefined) return '<td></td>';
  return `<td data-value="${htmlText(String(value))}">${htmlText(shown(value))}</td>`;
}

/** The compiled script beside this file, without what only debuggers read. */
function pageProgram(): string {
  const text = fs.readFileSync(new URL(ownFile('bench/report/page-script')), 'utf8');
  return text.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}
