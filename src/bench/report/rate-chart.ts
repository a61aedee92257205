/**
 * A chart of rates: one bar per contestant, the best on top, with its figure and its 95 percent interval.
 *
 * Invariant: bars are sorted, and every bar says its figure with the unit.
 */
import {
  axisOption,
  type Chart,
  type ChartOption,
  commonOption,
  FONT_SIZE,
  type Scale,
  type Series,
  slug,
  textWidth,
  WIDTH,
} from './chart.ts';
import { figure, prefixOf } from './figures.ts';
import type { Group, Named } from './groups.ts';
import { DARK, type Kind, KIND_TITLES, KINDS, kindOf, LIGHT, type Theme } from './theme.ts';

const BAR = 16;
const BAND = 28;
/** Has the legend. */
const MARGIN_TOP = 40;
const MARGIN_BOTTOM = 56;
/** Room for a figure behind the longest bar. */
const MARGIN_RIGHT = 96;
/** Where the largest is so many times the smallest, the small ones would not be seen on a linear scale. */
const LOG_FROM = 20;
const TICKS = 6;

export function rateChart(group: Group): Chart {
  const { transport, payload, shape, unit, rows } = group;
  const names = rows.map(({ name }) => name.contestant);
  const medians = rows.map((row) => row.median);
  const [scale, prefix] = prefixOf(Math.max(...medians));
  const used = KINDS.filter((kind) => names.some((name) => kindOf(name) === kind));
  const title = `${transport}, ${payload}, ${shape}`;
  return {
    id: slug(['rate', transport, payload, shape]),
    title,
    alt: `${title}, best first: ${rows.map((row) => `${row.name.contestant} ${figure(row.median, unit)}`).join(', ')}.`,
    width: WIDTH,
    height: MARGIN_TOP + MARGIN_BOTTOM + BAND * rows.length,
    series: used.map((kind): Series => ({
      name: KIND_TITLES[kind],
      light: LIGHT.kinds[kind],
      dark: DARK.kinds[kind],
    })),
    valueAxis: 'xAxis',
    scales: rateScales(group, scale),
    scale: Math.max(...medians) / Math.min(...medians) >= LOG_FROM ? 'log' : 'linear',
    option: (theme) => ({
      ...commonOption(theme),
      legend: {
        show: used.length > 1,
        top: 4,
        left: 'center',
        itemWidth: 14,
        itemGap: 28,
        textStyle: { color: theme.text, fontSize: FONT_SIZE },
      },
      grid: {
        left: textWidth(names) + 16,
        right: MARGIN_RIGHT,
        top: MARGIN_TOP,
        bottom: MARGIN_BOTTOM,
        outerBoundsMode: 'none',
      },
      xAxis: valueAxis(theme, prefix),
      yAxis: nameAxis(theme, names),
      series: used.map((kind) => barSeries(group, kind, scale, theme)),
    }),
  };
}

function valueAxis(theme: Theme, prefix: string): ChartOption {
  const looks = axisOption(theme);
  const label = { ...(looks['axisLabel'] as ChartOption), formatter: `{value} ${prefix}`, hideOverlap: true };
  return { ...looks, nameGap: 30, axisLabel: label };
}

function nameAxis(theme: Theme, names: readonly string[]): ChartOption {
  const looks = axisOption(theme);
  const label = { ...(looks['axisLabel'] as ChartOption), width: textWidth(names) + 8, overflow: 'truncate' };
  return {
    ...looks,
    type: 'category',
    inverse: true,
    data: names,
    axisLabel: label,
    splitLine: { show: false },
  };
}

/** A bar on a logarithmic scale starts at a power of ten below the smallest: its length only orders, its figure counts. */
function rateScales({ rows, unit }: Group, scale: number): Readonly<Record<Scale, ChartOption>> {
  const least = Math.min(...rows.map((row) => row.interval.low)) / scale;
  const most = Math.max(...rows.map((row) => row.interval.high)) / scale;
  const start = 10 ** Math.floor(Math.log10(least * 0.7));
  const interval = roundStep(most / TICKS);
  return {
    linear: {
      type: 'value',
      name: unit,
      min: 0,
      max: Math.ceil(most / interval) * interval,
      interval,
      startValue: 0,
    },
    log: {
      type: 'log',
      name: `${unit}, logarithmic`,
      min: start,
      max: 10 ** Math.ceil(Math.log10(most)),
      startValue: start,
    },
  };
}

/** 1, 2 or 5 times a power of ten, and not less than `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((step) => step * power >= least) ?? 10) * power;
}

function barSeries({ rows }: Group, kind: Kind, scale: number, theme: Theme): ChartOption {
  const mine = rows.map((row) => kindOf(row.name.contestant) === kind);
  return {
    type: 'bar',
    name: KIND_TITLES[kind],
    // All series share one place per contestant: only one of them has a bar there.
    barGap: '-100%',
    barWidth: BAR,
    itemStyle: { color: theme.kinds[kind] },
    data: rows.map((row, index) =>
      mine[index] === true ? { value: row.median / scale, tooltip: { formatter: tip(row) } } : null,
    ),
    markLine: {
      silent: true,
      symbol: ['rect', 'rect'],
      symbolSize: [9, 1.5],
      lineStyle: { type: 'solid', width: 1.5, color: theme.text },
      data: rows.flatMap((row, index) =>
        mine[index] === true ? [whisker(row, index, kind, scale, theme)] : [],
      ),
    },
  };
}

/** The interval, and behind it the figure. */
function whisker(
  row: Named,
  index: number,
  kind: Kind,
  scale: number,
  theme: Theme,
): [ChartOption, ChartOption] {
  const label = {
    show: true,
    position: 'end',
    distance: 8,
    formatter: figure(row.median, row.unit),
    color: theme.text,
    fontSize: FONT_SIZE,
    fontWeight: kind === 'ringwire' ? 'bold' : 'normal',
    verticalAlign: 'middle',
  };
  return [{ coord: [row.interval.low / scale, index], label }, { coord: [row.interval.high / scale, index] }];
}

export function tip({ name, median, interval, unit, rounds }: Named): string {
  return [
    `${name.contestant}${name.metric === undefined ? '' : ` ${name.metric}`}: ${figure(median, unit)}`,
    `95 % interval ${figure(interval.low, unit)} to ${figure(interval.high, unit)}`,
    `${rounds} rounds`,
  ].join('\n');
}
