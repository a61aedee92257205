/**
 * How the lines of a chart look: one colour and symbol each, the name at the end; ringwire's are thick and whole, the others thin and
 * broken.
 *
 * Invariant: names at the ends of lines do not lie on each other.
 */
import { type ChartOption, FONT_SIZE, type Series, textWidth } from './chart.ts';
import { DARK, type Kind, kindOf, LIGHT, placeOf, type Theme } from './theme.ts';

const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'] as const;
const DASHES: Readonly<Record<Kind, string>> = { ringwire: 'solid', reference: 'dotted', other: 'dashed' };

export function lineSeries(contestant: string): Series {
  return { name: contestant, light: colourOf(contestant, LIGHT), dark: colourOf(contestant, DARK) };
}

function colourOf(contestant: string, { lines, text }: Theme): string {
  const colours = lines[kindOf(contestant)];
  return colours[placeOf(contestant) % colours.length] ?? text;
}

export function lineLooks(contestant: string, theme: Theme): ChartOption {
  const kind = kindOf(contestant);
  const colour = colourOf(contestant, theme);
  return {
    type: 'line',
    name: contestant,
    symbol: SYMBOLS[placeOf(contestant) % SYMBOLS.length],
    symbolSize: 8,
    itemStyle: { color: colour },
    lineStyle: { color: colour, width: kind === 'ringwire' ? 3 : 1.5, type: DASHES[kind] },
    emphasis: { focus: 'series' },
    endLabel: { show: true, formatter: '{a}', color: 'inherit', fontSize: FONT_SIZE, distance: 8 },
    labelLayout: { moveOverlap: 'shiftY' },
    z: kind === 'ringwire' ? 3 : 2,
  };
}

/** Where the lines are drawn: the names need room on the right. On a phone they have none; there the legend says them. */
export function lineFrame(names: readonly string[], left: number): ChartOption {
  const grid = { left, right: textWidth(names) + 24, top: 32, bottom: 56, outerBoundsMode: 'none' };
  const narrow = { grid: { ...grid, right: 24 }, series: names.map(() => ({ endLabel: { show: false } })) };
  return { grid, media: [{ query: { maxWidth: 560 }, option: narrow }] };
}
