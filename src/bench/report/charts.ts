/**
 * All charts of a report, under the headings that they belong to.
 *
 * Invariant: no two charts have the same id, whatever the rows are called.
 */
import type { Trends } from '../trends.ts';
import type { Chart } from './chart.ts';
import type { Group, Groups } from './groups.ts';
import { historyCharts } from './history-chart.ts';
import { latencyChart } from './latency-chart.ts';
import { rateChart } from './rate-chart.ts';

export interface Charts {
  /** Of a group of rows; a group of one has nothing to compare. */
  readonly of: ReadonlyMap<Group, Chart>;
  readonly history: readonly Chart[];
}

export function chartsOf({ oneWay, fan, rates, latency }: Groups, trends: Trends | undefined): Charts {
  const taken = new Set<string>();
  const unlike = (chart: Chart): Chart => {
    let id = chart.id;
    for (let number = 2; taken.has(id.toLowerCase()); number++) id = `${chart.id}-${number}`;
    taken.add(id.toLowerCase());
    return { ...chart, id };
  };
  const of = new Map<Group, Chart>();
  for (const group of [...oneWay, ...fan, ...rates]) {
    if (group.rows.length > 1) of.set(group, unlike(rateChart(group)));
  }
  for (const group of latency) of.set(group, unlike(latencyChart(group)));
  return { of, history: (trends === undefined ? [] : historyCharts(trends)).map(unlike) };
}
