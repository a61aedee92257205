/**
 * Figures as people read them: three digits, with the prefix and the unit that fit.
 *
 * Invariant: a figure is never shown without its unit.
 */

const PREFIXES = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;
/** From here on three digits round up to the next prefix. */
const ROUNDS_UP = 0.9995;

/** `13.2 M/s` for messages per second, `156 µs` for times, otherwise the figure and its unit. */
export function figure(value: number, unit: string): string {
  if (unit === 'us') return duration(value);
  const [scale, prefix] = prefixOf(value);
  const digits = threeDigits(value / scale);
  if (unit === 'messages/s') return prefix === '' ? `${digits}/s` : `${digits} ${prefix}/s`;
  return [digits, prefix, unit.replace(/^us\b/, 'µs')].filter((part) => part !== '').join(' ');
}

/** What a whole axis is divided by, so that its largest value reads well. */
export function prefixOf(value: number): readonly [scale: number, prefix: string] {
  return PREFIXES.find(([scale]) => value >= scale * ROUNDS_UP) ?? [1, ''];
}

function duration(microseconds: number): string {
  if (microseconds >= 1e6 * ROUNDS_UP) return `${threeDigits(microseconds / 1e6)} s`;
  if (microseconds >= 1e3 * ROUNDS_UP) return `${threeDigits(microseconds / 1e3)} ms`;
  return `${threeDigits(microseconds)} µs`;
}

/** `0.311`, `13.2`, `1234`. */
export function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
