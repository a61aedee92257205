/**
 * What a soak has found, as Markdown whose first line is enough to watch it.
 */
import { TRANSPORTS } from './session.ts';
import type { SoakState } from './soak.ts';

export function summaryOf(state: SoakState, goal: number): string {
  const { faults, passed, hashesDiffer, heapSlopes, failures, chaos } = state;
  const total = TRANSPORTS.reduce((sum, each) => sum + passed[each].messages, 0);
  const { lost, doubled, reordered, corrupt } = faults;
  const lines = [
    `${grouped(total)} of ${grouped(goal)} messages: lost ${lost}, doubled ${doubled}, out of turn ${reordered}, damaged ${corrupt}, hashes that differ ${hashesDiffer}, sessions that ended early ${failures.length}` +
      (chaos.faults > 0
        ? `; chaos: ${grouped(chaos.faults)} faults, ${grouped(chaos.messages)} messages, ${chaos.violations.length} violations`
        : ''),
    '',
    '| transport | messages | GB | sessions | seconds | messages a second |',
    '|---|---|---|---|---|---|',
    ...TRANSPORTS.map((name) => {
      const { messages, bytes, sessions, ms } = passed[name];
      const rate = ms > 0 ? grouped(Math.round((messages / ms) * 1e3)) : '';
      return `| ${name} | ${grouped(messages)} | ${(bytes / 1e9).toFixed(1)} | ${sessions} | ${(ms / 1e3).toFixed(0)} | ${rate} |`;
    }),
    '',
    `Seed ${state.seed}. ${slopeText(heapSlopes)}`,
    ...failures.map((each) => `- ${each}`),
    ...(chaos.faults > 0
      ? [
          `Chaos, ${(chaos.ms / 1e3).toFixed(0)} s: ${Object.entries(chaos.byKind)
            .map(([kind, count]) => `${kind} ${count}`)
            .join(
              ', ',
            )}; ${grouped(chaos.connections)} connections; descriptors of the server ${chaos.descriptors}, heap ${(chaos.heapBytes / 2 ** 20).toFixed(1)} MiB at the end of a part.`,
        ]
      : []),
    ...chaos.violations.map((each) => `- ${each}`),
    '',
  ];
  return lines.join('\n');
}

/** Row S3: 95 percent of the mean. */
function slopeText(slopes: readonly number[]): string {
  if (slopes.length < 2) return 'Too few sessions for a slope of the heap.';
  const mean = slopes.reduce((sum, each) => sum + each, 0) / slopes.length;
  const variance = slopes.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (slopes.length - 1);
  const half = 1.96 * Math.sqrt(variance / slopes.length);
  return `Heap after a collection: ${mean.toFixed(0)} bytes for a million messages, 95 % from ${(mean - half).toFixed(0)} to ${(mean + half).toFixed(0)}, from ${slopes.length} processes.`;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}
