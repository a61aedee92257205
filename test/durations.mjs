/**
 * A reporter for node --test that says which files took longest: the sum of their tests, in seconds.
 *
 * It says nothing of what passed.
 */
import path from 'node:path';

const SHOWN = 25;

export default async function* durations(events) {
  const seconds = new Map();
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0 || data.file === undefined)
      continue;
    seconds.set(data.file, (seconds.get(data.file) ?? 0) + data.details.duration_ms / 1000);
  }
  const slowest = [...seconds].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN);
  const lines = slowest.map(
    ([file, sum]) => `  ${sum.toFixed(1).padStart(6)} s ${path.relative('', file)}\n`,
  );
  yield `slowest files:\n${lines.join('')}`;
}
