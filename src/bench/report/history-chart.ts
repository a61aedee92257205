/**
 * A chart of results over time: each of ringwire's rows as a ratio to its first result, so that rows of any size share one axis; triangles
 * show where a row has changed.
 *
 * Invariant: upwards is better, whichever direction the rows' unit has.
 */
import { rowName } from '../row-name.ts';
import type { Trend, Trends } from '../trends.ts';
import { axisOption, type Chart, type ChartOption, commonOption, FONT_SIZE, slug, WIDTH } from './chart.ts';
import { figure } from './figures.ts';
import { lineFrame, lineLooks, lineSeries } from './lines.ts';
import { kindOf, type Theme } from './theme.ts';

const HEIGHT = 320;

interface Line {
  readonly contestant: string;
  readonly trend: Trend;
}

/** One chart per transport, payload and shape: rates, and medians of latencies. */
export function historyCharts({ rows }: Trends): Chart[] {
  const groups = new Map<string, { parts: readonly string[]; lines: Line[] }>();
  for (const trend of rows) {
    const name = rowName(trend.id);
    if (name === undefined || kindOf(name.contestant) !== 'ringwire' || trend.points.length < 2) continue;
    if (name.metric !== undefined && name.metric !== 'p50') continue;
    const parts = [
      name.transport,
      name.payload,
      name.shape,
      ...(name.metric === undefined ? [] : [name.metric]),
    ];
    const group = groups.get(parts.join('/')) ?? { parts, lines: [] };
    groups.set(parts.join('/'), group);
    group.lines.push({ contestant: name.contestant, trend });
  }
  return Array.from(groups.values(), ({ parts, lines }) => historyChart(parts, lines));
}

function historyChart(parts: readonly string[], lines: readonly Line[]): Chart {
  const names = lines.map(({ contestant }) => contestant);
  const dates = Array.from(
    new Set(lines.flatMap(({ trend }) => trend.points.map(({ date }) => date))),
  ).toSorted();
  const title = `${parts.join(', ')}: history`;
  return {
    id: slug(['history', ...parts]),
    title,
    alt: `${title}, ${dates.length} results from ${day(dates[0])} to ${day(dates.at(-1))}: ${lines.map(said).join('; ')}.`,
    width: WIDTH,
    height: HEIGHT,
    series: names.map(lineSeries),
    valueAxis: 'yAxis',
    scales: {
      linear: { type: 'value', name: 'times the first result', scale: true },
      log: { type: 'log', name: 'times the first result, logarithmic' },
    },
    scale: 'linear',
    option: (theme) => historyOption(theme, lines, dates),
  };
}

function historyOption(theme: Theme, lines: readonly Line[], dates: readonly string[]): ChartOption {
  return {
    ...commonOption(theme),
    ...lineFrame(
      lines.map(({ contestant }) => contestant),
      76,
    ),
    xAxis: { ...axisOption(theme), type: 'category', data: dates.map(day), name: 'date', nameGap: 30 },
    yAxis: { ...axisOption(theme), nameGap: 52 },
    series: lines.map(({ contestant, trend }) => ({
      ...lineLooks(contestant, theme),
      symbolSize: 5,
      connectNulls: true,
      data: dates.map((date) => point(contestant, trend, date)),
      markPoint: { symbol: 'triangle', symbolSize: 14, data: marks(trend, dates, theme) },
    })),
  };
}

function point(contestant: string, trend: Trend, date: string): ChartOption | null {
  const measured = trend.points.find((each) => each.date === date);
  if (measured === undefined) return null;
  const text = `${contestant}, ${day(date)}: ${figure(measured.median, trend.unit)}`;
  return { value: toFirst(trend, measured.median), tooltip: { formatter: text } };
}

/** Where it changed: a triangle upwards for the better, downwards for the worse. */
function marks(trend: Trend, dates: readonly string[], theme: Theme): ChartOption[] {
  return trend.changes.map(({ date, before, after, ratio }) => {
    const measured = trend.points.find((each) => each.date === date);
    const better = ratio >= 1;
    return {
      coord: [dates.indexOf(date), toFirst(trend, measured?.median ?? after)],
      symbolRotate: better ? 0 : 180,
      symbolOffset: [0, better ? -12 : 12],
      tooltip: { formatter: `${day(date)}: ${figure(before, trend.unit)} -> ${figure(after, trend.unit)}` },
      label: {
        position: better ? 'top' : 'bottom',
        formatter: `x ${ratio.toFixed(2)}`,
        fontSize: FONT_SIZE,
        color: theme.text,
      },
    };
  });
}

function toFirst({ better, points }: Trend, median: number): number {
  const first = points[0]?.median ?? median;
  return better === 'higher' ? median / first : first / median;
}

function said({ contestant, trend }: Line): string {
  const last = figure(trend.points.at(-1)?.median ?? Number.NaN, trend.unit);
  const changes = trend.changes.map(({ ratio, date }) => `x${ratio.toFixed(2)} on ${day(date)}`);
  return `${contestant} ${last}${changes.length === 0 ? '' : `, changed ${changes.join(', ')}`}`;
}

function day(date: string | undefined): string {
  return (date ?? '').slice(0, 10);
}
