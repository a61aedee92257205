/**
 * `ringwire bench report`: a result as tables and charts, for a README and as a page.
 */
import fs from 'node:fs';
import path from 'node:path';
import { DEFAULT_CHANGE } from '../bench/change-points.ts';
import { readHistory } from '../bench/history.ts';
import { scaledOption } from '../bench/report/chart.ts';
import { type Charts, chartsOf } from '../bench/report/charts.ts';
import { ECHARTS, type Echarts, loadEcharts } from '../bench/report/echarts.ts';
import { groupRows, summarize } from '../bench/report/groups.ts';
import { writeHtml } from '../bench/report/html.ts';
import { BEGIN, END, findPlace, writeMarkdown } from '../bench/report/markdown.ts';
import { THEMES } from '../bench/report/theme.ts';
import { type Machine, readResults } from '../bench/results.ts';
import { type Trends, trendsOf } from '../bench/trends.ts';
import { readArguments, UsageError } from './usage.ts';

const REPORT_HELP: string = `Usage: ringwire bench report [options] <results.json>

Shows a result of 'ringwire bench run' as tables and charts. Charts are drawn by ${ECHARTS}, where it is installed, beside
ringwire or in this folder; without it there are tables only.

Options:
  --markdown <file>   write tables, and pictures of charts, between ${BEGIN} and ${END} of this file;
                      a file without these markers gets them at its end
  --charts <folder>   for the pictures, light and dark (default 'charts' beside the Markdown file)
  --html <file>       write one page with interactive charts, which needs no network
  --history <file>    show how rows changed over time as well: a file of 'ringwire bench history'
  --json              print what was written: {"markdown","charts","html"}
  --help

Exit codes: 0 written, 2 a mistake in the arguments or files.

Example:
  npm install --no-save ${ECHARTS}
  ringwire bench report main.json --markdown BENCHMARKS.md --html report.html
`;

const OPTIONS = {
  markdown: { type: 'string' },
  charts: { type: 'string' },
  html: { type: 'string' },
  history: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export function benchReport(words: readonly string[]): number {
  const { values, positionals } = readArguments(words, OPTIONS, REPORT_HELP);
  if (values.help) {
    process.stdout.write(REPORT_HELP);
    return 0;
  }
  const { markdown, html } = values;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('one result file is needed', REPORT_HELP);
  if (markdown === undefined && html === undefined)
    throw new UsageError('nothing to write: --markdown or --html is needed', REPORT_HELP);
  if (markdown === undefined && values.charts !== undefined)
    throw new UsageError('--charts goes with --markdown', REPORT_HELP);
  const results = readResults(file);
  const place = markdown === undefined ? undefined : findPlace(markdown);
  const trends = values.history === undefined ? undefined : readTrends(values.history, results.machine);
  const echarts = loadEcharts();
  if (echarts === undefined)
    process.stderr.write(
      `tables only: charts need echarts, 'npm install --no-save ${ECHARTS}' installs it\n`,
    );
  const rows = summarize(results);
  const groups = groupRows(rows);
  const charts = echarts === undefined ? undefined : chartsOf(groups, trends);
  const folder = values.charts ?? path.join(path.dirname(markdown ?? '.'), 'charts');
  if (markdown !== undefined && place !== undefined) {
    if (echarts !== undefined && charts !== undefined) drawCharts(echarts, charts, folder);
    const seen = path.relative(path.dirname(markdown), folder).replaceAll('\\', '/');
    writeMarkdown(markdown, place, { results, groups, charts, folder: seen });
    process.stderr.write(`wrote ${markdown}\n`);
  }
  if (html !== undefined) {
    writeHtml(html, { results, rows, groups, charts, echarts });
    process.stderr.write(`wrote ${html}\n`);
  }
  const drawn = markdown !== undefined && charts !== undefined ? folder : undefined;
  if (values.json) process.stdout.write(`${JSON.stringify({ markdown, charts: drawn, html })}\n`);
  return 0;
}

function readTrends(file: string, machine: Machine): Trends {
  const trends = trendsOf(readHistory(file), machine, DEFAULT_CHANGE);
  if (trends.others > 0) {
    const share = `${trends.others} of ${trends.others + trends.results}`;
    process.stderr.write(`${file}: ${share} results are of other machines and left out\n`);
  }
  return trends;
}

function drawCharts(echarts: Echarts, { of, history }: Charts, folder: string): void {
  fs.mkdirSync(folder, { recursive: true });
  for (const chart of [...of.values(), ...history]) {
    for (const theme of THEMES) {
      const svg = echarts.draw(scaledOption(chart, theme), chart.width, chart.height);
      fs.writeFileSync(path.join(folder, `${chart.id}.${theme.name}.svg`), svg);
    }
  }
}
