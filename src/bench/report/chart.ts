/**
 * What every chart is: a declaration for echarts without functions, so that the same one is drawn into an SVG here and by the script of the HTML
 * page there.
 *
 * Invariant: the alternative text says the figures that the chart shows.
 */
import type { Theme } from './theme.ts';

export type ChartOption = Readonly<Record<string, unknown>>;

export interface Chart {
  /** Of its file; unlike that of any other chart of a report. */
  readonly id: string;
  readonly title: string;
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** What can be shown and hidden. */
  readonly series: readonly Series[];
  /** The axis with the values, and how it is for each scale. */
  readonly valueAxis: 'xAxis' | 'yAxis';
  readonly scales: Readonly<Record<Scale, ChartOption>>;
  readonly scale: Scale;
  /** All but the scale. */
  option(theme: Theme): ChartOption;
}

export type Scale = 'linear' | 'log';

export interface Series {
  readonly name: string;
  readonly light: string;
  readonly dark: string;
}

export const WIDTH = 760;
/** Names without quotes: echarts puts them into attributes as they are. */
const FONT = 'system-ui, -apple-system, Roboto, sans-serif';
export const FONT_SIZE = 13;
/** Of a character, on average, in the widest of these fonts. */
const CHARACTER = 8;

/** Longer names are cut: they may not push the figures out of the picture. */
const CHARACTERS_MAX = 32;

/** Of the longest. */
export function textWidth(texts: readonly string[]): number {
  return Math.min(CHARACTERS_MAX, Math.max(0, ...texts.map((text) => text.length))) * CHARACTER;
}

/** What is equal in all charts. Tooltips are drawn as text, so nothing in them is HTML. */
export function commonOption(theme: Theme): ChartOption {
  return {
    animation: false,
    backgroundColor: theme.background,
    textStyle: { fontFamily: FONT, fontSize: FONT_SIZE, color: theme.text },
    legend: { show: false },
    tooltip: {
      renderMode: 'richText',
      confine: true,
      backgroundColor: theme.background,
      borderColor: theme.faint,
      textStyle: { color: theme.text, fontFamily: FONT, fontSize: FONT_SIZE },
    },
  };
}

/** The looks of an axis. */
export function axisOption(theme: Theme): ChartOption {
  return {
    nameLocation: 'middle',
    nameTextStyle: { color: theme.faint, fontSize: FONT_SIZE },
    axisLabel: { color: theme.text, fontSize: FONT_SIZE },
    axisLine: { lineStyle: { color: theme.faint } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: theme.grid } },
  };
}

/** The option with its value axis on a scale. */
export function scaledOption(chart: Chart, theme: Theme, scale: Scale = chart.scale): ChartOption {
  const option = chart.option(theme);
  const axis = option[chart.valueAxis] as ChartOption;
  return { ...option, [chart.valueAxis]: { ...axis, ...chart.scales[scale] } };
}

/** Letters, digits and hyphens of a name: nothing that a path could be made of. */
export function slug(parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll(/[^\w.]+/g, '-').replaceAll(/\.{2,}/g, '.')).join('-');
}
