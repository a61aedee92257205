/**
 * Made-up results with every contestant, payload and shape, as a long run would measure them: levels that are about right, and noise from a seed.
 *
 * Invariant: equal arguments give equal results.
 */
import { makeResults, type Machine, type Results, type Row } from '../../src/bench/results.ts';
import { seededRandom } from '../../src/bench/statistics.ts';

export const BYTES: readonly string[] = ['64B', '1KiB', '64KiB'];
export const VALUES: readonly string[] = ['sensor', 'game-state', 'telemetry', 'payload'];
export const TRANSPORTS: readonly string[] = ['unix', 'tcp', 'tls'];

/** Messages a second of the smallest payload. */
const RATES: Readonly<Record<string, number>> = {
  c: 42e6,
  'raw-frame': 13e6,
  'raw-view': 8.2e6,
  'raw-copy': 4e6,
  'from-c': 11e6,
  'to-c': 12e6,
  net: 9e6,
  json: 0.62e6,
  msgpack: 0.81e6,
  'drop-in': 0.53e6,
  'node-ipc': 0.114e6,
  ndjson: 0.48e6,
  ws: 0.21e6,
  zeromq: 0.35e6,
  'child-json': 0.16e6,
  'child-advanced': 0.11e6,
};
export const CONTESTANTS: readonly string[] = Object.keys(RATES);
const BYTES_ONLY: readonly string[] = ['c', 'raw-frame', 'raw-view', 'raw-copy', 'from-c', 'to-c', 'net'];
/** How much longer than p50. */
const TAIL: Readonly<Record<string, number>> = { p50: 1, p90: 1.25, p99: 2.2, 'p99.9': 7, max: 40 };

export const MACHINE: Machine = { cpu: 'Example CPU', cores: 2, kernel: 'Linux 6.1', node: 'v24.0.0' };

export interface Example {
  readonly seed?: number;
  readonly date?: string;
  readonly machine?: Machine;
  /** What rows with this id are multiplied by. */
  readonly level?: (id: string) => number;
  readonly wanted?: (id: string) => boolean;
  readonly rounds?: number;
}

export function exampleResults({
  seed = 1,
  date = '2026-11-01T10:00:00.000Z',
  machine = MACHINE,
  level = () => 1,
  wanted = () => true,
  rounds = 8,
}: Example = {}): Results {
  const random = seededRandom(seed);
  const rows = exampleRows().filter(({ id }) => wanted(id));
  const noise = (): number => 1 + (random() + random() - 1) * 0.06;
  const sampled = rows.map(({ id, unit, better, typical }): Row => {
    return { id, unit, better, samples: Array.from({ length: rounds }, () => typical * level(id) * noise()) };
  });
  return { ...makeResults(sampled), date, machine };
}

/** One result a day, the last one with what `change` says from that day on. */
export function exampleHistory(
  days: number,
  level: (id: string, day: number) => number = () => 1,
  wanted?: (id: string) => boolean,
): Results[] {
  return Array.from({ length: days }, (_, day) =>
    exampleResults({
      seed: day + 1,
      date: new Date(Date.UTC(2026, 8, 1 + day, 10)).toISOString(),
      level: (id) => level(id, day),
      rounds: 3,
      ...(wanted === undefined ? {} : { wanted }),
    }),
  );
}

type Typical = Omit<Row, 'samples'> & { readonly typical: number };

function exampleRows(): Typical[] {
  const rows: Typical[] = [];
  TRANSPORTS.forEach((transport, distance) => {
    for (const [contestant, rate] of Object.entries(RATES)) {
      const cost = 1 + distance * 0.6;
      const bytesOnly = BYTES_ONLY.includes(contestant);
      for (const payload of bytesOnly ? BYTES : [...BYTES, ...VALUES]) {
        const size = 1 + [0, 4, 260, 0.4, 9, 14, 2][[...BYTES, ...VALUES].indexOf(payload)]!;
        const id = `${transport}/${contestant}/${payload}`;
        rows.push(higher(`${id}/one-way`, rate / cost / size));
        if (!bytesOnly || contestant.startsWith('raw')) rows.push(...costs(`${id}/one-way`, 0.9e6 / rate));
        if (payload !== '64B') continue;
        rows.push(
          higher(`${id}/fan-out-100`, rate / cost / 1.7),
          higher(`${id}/fan-in-100`, rate / cost / 2.4),
        );
        rows.push(...latencies(`${id}/echo`, (20 + 6e6 / rate) * cost));
        rows.push(...latencies(`${id}/echo-64`, (90 + 8e6 / rate) * cost));
        if (contestant === 'raw-copy') rows.push(...latencies(`${id}/open-20000`, 45 * cost));
      }
    }
  });
  return rows;
}

function higher(id: string, typical: number): Typical {
  return { id, unit: 'messages/s', better: 'higher', typical };
}

function costs(id: string, microseconds: number): Typical[] {
  return [
    { id: `${id}#receiver-cpu`, unit: 'us/message', better: 'lower', typical: microseconds },
    { id: `${id}#gc`, unit: 'us/message', better: 'lower', typical: microseconds / 20 },
    { id: `${id}#syscalls`, unit: 'calls/message', better: 'lower', typical: 0.002 },
  ];
}

function latencies(id: string, p50: number): Typical[] {
  return Object.entries(TAIL).map(([metric, factor]) => ({
    id: `${id}#${metric}`,
    unit: 'us',
    better: 'lower',
    typical: p50 * factor,
  }));
}
