/**
 * Runs scenarios in processes of their own, in turns: round by round, every scenario once per round, so that a slow moment hits them all. Each
 * round is one sample.
 *
 * Invariant: both sides have counted the same messages, or there is no result; no child outlives its measurement.
 */
import { fileURLToPath } from 'node:url';
import { ownFile } from '../loading.ts';
import { measure } from './measurement.ts';
import type { Role } from './peer.ts';
import type { Row } from './results.ts';
import { rowsOf } from './rows.ts';
import type { Scenario, SizedScenario } from './scenarios.ts';

/** The ringwire of this installation, as a contestant imports it. */
export const OWN_LIBRARY: string = ownFile('index');
/** The measuring program. */
const PEER: string = fileURLToPath(ownFile('bench/peer'));
const MESSAGES_MIN = 1_000;
/** Share of the full count that warms a round up: after some tenths of a second V8 has compiled what is hot. */
const WARM_SHARE_MAX = 0.15;

export interface RunOptions {
  readonly rounds: number;
  /** Of the full count of messages, those that are timed. */
  readonly share: number;
  /** Measurements that run at the same time: above 1 their figures mean nothing. */
  readonly atOnce?: number;
  /** Options of Node for a side, for instance a profiler's. */
  readonly execArgv?: (role: Role) => readonly string[];
  /** Ends the run; what was measured until then is returned. */
  readonly signal?: AbortSignal;
  /** Before each measurement. */
  progress(done: number, total: number, id: string): void;
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_RUN when a measurement fails: there is no result without all of its messages */
export async function runScenarios(scenarios: readonly Scenario[], options: RunOptions): Promise<Row[]> {
  const [rows = []] = await runInTurns(scenarios, [OWN_LIBRARY], options);
  return rows;
}

/**
 * The same scenarios with several versions of ringwire, side by side: A B, then B A, so that neither always follows the other.
 * @param libraries URLs of their entry files
 * @returns rows for each; samples with the same index were taken next to each other
 * @throws what `runScenarios` throws
 */
export async function runInTurns(
  scenarios: readonly Scenario[],
  libraries: readonly string[],
  options: RunOptions,
): Promise<Row[][]> {
  const results = libraries.map((): Collected => new Map());
  const total = options.rounds * scenarios.length * libraries.length;
  const order = scenarios.flatMap((scenario) =>
    libraries.map((library, index) => ({ scenario, library, index })),
  );
  let done = 0;
  for (let round = 0; round < options.rounds; round++) {
    // Every other round backwards: nobody always runs behind the same neighbour.
    const turns = round % 2 === 0 ? order : order.toReversed();
    const measured = await inOrder(turns, options, async ({ scenario, library, index }) => {
      options.progress(done++, total, scenario.id);
      const sized = sizeOf(scenario, options.share);
      const reports = await measure(sized, library, PEER, options.execArgv ?? noOptions);
      return { index, rows: rowsOf(sized, reports) };
    });
    for (const { index, rows } of measured) for (const row of rows) addRow(results[index] as Collected, row);
    if (options.signal?.aborted) break;
  }
  return results.map((rows) => Array.from(rows.values()));
}

/**
 * Works on `items`, `atOnce` of them at a time, until the signal or the first failure; what has begun then ends first.
 * @returns what came of them, in their order
 */
async function inOrder<T, R>(
  items: readonly T[],
  { atOnce = 1, signal }: RunOptions,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const found: R[] = [];
  const failures: unknown[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [place, item] of left) {
      if (signal?.aborted || failures.length > 0) return;
      try {
        found[place] = await work(item);
      } catch (error) {
        // The key that interrupts a command ends its children as well.
        if (!signal?.aborted) failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
  return Object.values(found);
}

function noOptions(): readonly string[] {
  return [];
}

type Collected = Map<string, Row & { readonly samples: number[] }>;

function addRow(rows: Collected, row: Row): void {
  const known = rows.get(row.id);
  if (known === undefined) rows.set(row.id, { ...row, samples: [...row.samples] });
  else known.samples.push(...row.samples);
}

/** Enough for every peer and every question in flight, in whole broadcasts. */
function sizeOf(scenario: Scenario, share: number): SizedScenario {
  const { count, peers = 1, inFlight = 1 } = scenario;
  const least = Math.max(MESSAGES_MIN, peers * 10, inFlight * 2);
  const timed = Math.max(least, count * share);
  const warm = Math.ceil(Math.max(least / 10, count * Math.min(share, WARM_SHARE_MAX)));
  return { ...scenario, count: Math.ceil((warm + timed) / peers) * peers, warm };
}
