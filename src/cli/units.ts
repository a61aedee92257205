/** Figures as people read them: three digits and a prefix. */

const COUNTS: readonly string[] = ['', ' k', ' M', ' G', ' T'];

/** 1234567 is `1.23 M`. */
export function countText(value: number): string {
  return scaled(value, COUNTS);
}

/** 1234567 is `1.23 MB`: thousands, as network figures have it. */
export function bytesText(value: number): string {
  return `${scaled(value, [' ', ' k', ' M', ' G', ' T'])}B`;
}

/** 1234 microseconds are `1.23 ms`. */
export function microsecondsText(value: number): string {
  if (value < 1e3) return `${Math.round(value)} us`;
  return value < 1e6 ? `${digits(value / 1e3)} ms` : `${digits(value / 1e6)} s`;
}

/** 3723000 milliseconds are `1 h 2 min`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

function scaled(value: number, prefixes: readonly string[]): string {
  let at = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && at < prefixes.length - 1) {
    value /= 1e3;
    at++;
  }
  const text = at === 0 && Number.isInteger(value) ? String(value) : digits(value);
  return text + prefixes[at];
}

function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
