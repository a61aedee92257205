/**
 * A chart of latencies: percentiles from left to right, microseconds upwards, one line per contestant with its name at the end.
 *
 * Invariant: every line has a point for each percentile that was measured, and none for others.
 */
import { axisOption, type Chart, type ChartOption, commonOption, slug, WIDTH } from './chart.ts';
import { figure } from './figures.ts';
import { type Group, type Named, percentilesOf } from './groups.ts';
import { lineFrame, lineLooks, lineSeries } from './lines.ts';
import { tip } from './rate-chart.ts';
import type { Theme } from './theme.ts';

const NAME_HEIGHT = 22;
const HEIGHT_MIN = 320;

export function latencyChart(group: Group): Chart {
  const { transport, payload, shape, rows } = group;
  const lines = Array.from(new Set(rows.map(({ name }) => name.contestant)), (contestant) => ({
    contestant,
    points: rows.filter(({ name }) => name.contestant === contestant),
  }));
  const names = lines.map(({ contestant }) => contestant);
  const percentiles = percentilesOf(group);
  const title = `${transport}, ${payload}, ${shape}: latency`;
  return {
    id: slug(['latency', transport, payload, shape]),
    title,
    alt: `${title}, ${percentiles.join(', ')}: ${lines.map((line) => said(line.contestant, line.points)).join('; ')}.`,
    width: WIDTH,
    height: Math.max(HEIGHT_MIN, 110 + NAME_HEIGHT * names.length),
    series: names.map(lineSeries),
    valueAxis: 'yAxis',
    scales: {
      linear: { type: 'value', name: 'microseconds', min: 0 },
      log: { type: 'log', name: 'microseconds, logarithmic' },
    },
    scale: 'log',
    option: (theme) => latencyOption(theme, lines, percentiles),
  };
}

interface Line {
  readonly contestant: string;
  readonly points: readonly Named[];
}

function latencyOption(theme: Theme, lines: readonly Line[], percentiles: readonly string[]): ChartOption {
  return {
    ...commonOption(theme),
    ...lineFrame(
      lines.map(({ contestant }) => contestant),
      84,
    ),
    xAxis: {
      ...axisOption(theme),
      type: 'category',
      boundaryGap: false,
      name: 'percentile',
      nameGap: 30,
      data: percentiles,
    },
    yAxis: { ...axisOption(theme), nameGap: 60 },
    series: lines.map(({ contestant, points }) => ({
      ...lineLooks(contestant, theme),
      data: percentiles.map((percentile) => {
        const row = points.find(({ name }) => name.metric === percentile);
        return row === undefined ? null : { value: row.median, tooltip: { formatter: tip(row) } };
      }),
    })),
  };
}

function said(contestant: string, points: readonly Named[]): string {
  return `${contestant} ${points.map((row) => figure(row.median, row.unit)).join(', ')}`;
}
