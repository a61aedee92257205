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

/** A verdict on several percentiles of the same times would only be the same verdict several times. */
const JUDGED: readonly string[] = ['p50', 'p99'];

export function rowsOf({ id, shape, inFlight = 1 }: Scenario, reports: Reports): Row[] {
  const { perSecond, latencies } = reports[SHAPES[shape].measuring];
  const rows: Row[] = [];
  if (perSecond !== undefined && shape !== 'open') {
    const rate = { id, unit: 'messages/s', better: 'higher', samples: [perSecond] } as const;
    // With one question in flight the rate is the time of a round trip once more.
    rows.push(shape === 'echo' && inFlight === 1 ? { ...rate, detail: true } : rate);
  }
  if (latencies !== undefined) {
    const { p50, p90, p99, p999, max } = latencies;
    for (const [name, value] of Object.entries({ p50, p90, p99, 'p99.9': p999, max })) {
      const row = { id: `${id}#${name}`, unit: 'us', better: 'lower', samples: [value] } as const;
      rows.push(JUDGED.includes(name) ? row : { ...row, detail: true });
    }
  }
  const { lost } = reports.client;
  if (lost !== undefined)
    rows.push({ id: `${id}#lost`, unit: '%', better: 'lower', detail: true, samples: [lost * 100] });
  for (const role of ['server', 'client'] as const) rows.push(...costRows(id, role, reports[role].costs));
  return rows;
}

function costRows(id: string, role: string, costs: Costs | undefined): Row[] {
  if (costs === undefined) return [];
  return (Object.keys(COST_UNITS) as (keyof Costs)[]).flatMap((key): Row[] => {
    const value = costs[key];
    const [name, unit] = COST_UNITS[key];
    if (value === undefined) return [];
    return [{ id: `${id}#${role}-${name}`, unit, better: 'lower', detail: true, samples: [value] }];
  });
}
