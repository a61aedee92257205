/**
 * What the two sides of a measurement report, as rows of a result: the figure that the scenario is named after, and behind `#` what it cost.
 */
import type { Reports } from './measurement.ts';
import type { Row } from './results.ts';
import { SHAPES, type Scenario } from './scenarios.ts';
import type { Costs } from './window.ts';

const COST_UNITS: Readonly<Record<keyof Costs, readonly [name: string, unit: string]>> = {
  cpu: ['cpu', 'us/message'],
  gcRuns: ['gc', 'runs/million'],
  gcTime: ['gc-time', 'ms/million'],
  rss: ['rss', 'MB'],
  heap: ['heap', 'bytes/message'],
  reads: ['reads', 'calls/thousand'],
  writes: ['writes', 'calls/thousand'],
};

export function rowsOf({ id, shape }: Scenario, reports: Reports): Row[] {
  const measured = reports[SHAPES[shape].measuring];
  const rows: Row[] = [];
  const { perSecond, latencies } = measured;
  // The schedule sets the rate of an open loop.
  if (perSecond !== undefined && shape !== 'open')
    rows.push({ id, unit: 'messages/s', better: 'higher', samples: [perSecond] });
  if (latencies !== undefined) {
    const { p50, p90, p99, p999, max } = latencies;
    for (const [name, value] of Object.entries({ p50, p90, p99, 'p99.9': p999, max }))
      rows.push({ id: `${id}#${name}`, unit: 'us', better: 'lower', samples: [value] });
  }
  for (const role of ['server', 'client'] as const) rows.push(...costRows(id, role, reports[role].costs));
  return rows;
}

function costRows(id: string, role: string, costs: Costs | undefined): Row[] {
  if (costs === undefined) return [];
  return (Object.keys(COST_UNITS) as (keyof Costs)[]).flatMap((key): Row[] => {
    const value = costs[key];
    const [name, unit] = COST_UNITS[key];
    if (value === undefined) return [];
    return [{ id: `${id}#${role}-${name}`, unit, better: 'lower', cost: true, samples: [value] }];
  });
}
