/**
 * The gate: does a message cost more than its budget? Counts first: they are the same on a busy machine. Then the speed beside a reference that
 * does the same kind of work in the same process and moment; only their ratio is judged, never a time.
 *
 * Invariant: nothing fails on one look: a ratio that is too low must be too low again in processes of its own.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RingwireError } from '../errors.ts';
import { ownFile } from '../loading.ts';
import type { Cost } from './budgets.ts';
import type { Collections, Copies, Counts, LoopbackTask, Speed } from './loopback.ts';
import { OWN_LIBRARY } from './run.ts';
import type { Scenario } from './scenarios.ts';
import { median } from './statistics.ts';

const LOOPBACK: string = fileURLToPath(ownFile('bench/loopback'));
/**
 * V8's helpers, which compile, collect and free Buffers beside the program, make the same code up to a third slower or faster, and other so on a busy
 * machine than on a quiet one. Everything is measured without them.
 */
const NO_HELPERS = '--single-threaded';
/** Megabytes of young generation: nothing that a window allocates is collected within it. */
const NO_COLLECTION: readonly string[] = [
  NO_HELPERS,
  '--expose-gc',
  '--min-semi-space-size=256',
  '--max-semi-space-size=512',
];
/** V8 chooses the size of the young generation as it goes, now this one, now half of it: twice as many collections. */
const STEADY_COLLECTIONS: readonly string[] = [
  NO_HELPERS,
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
];
const TIMEOUT_MS = 60_000;

/** A ratio this much below its budget is a slowdown. */
export const SLOWDOWN_MIN = 0.05;
/** Processes that take a ratio: three decide when it is far from the line, seven when it is near, and as many again confirm a slowdown. */
const PROCESSES = { far: 3, near: 7, update: 9 } as const;

/** What counts may vary by: a share, and a bit that is less than the smallest object or one call more per batch. */
const TOLERANCES: Readonly<Record<CountName, readonly [share: number, absolute: number]>> = {
  heap: [0.02, 4],
  copied: [0.01, 1],
  gc: [0.1, 5],
  reads: [0.02, 0.5],
  writes: [0.02, 0.5],
};

export type CountName = 'heap' | 'copied' | 'gc' | 'reads' | 'writes';
type Counted = Counts & Copies & Collections;

export interface Judgement {
  readonly id: string;
  readonly what: CountName | 'ratio';
  readonly measured: number;
  readonly budget: number;
  /** `reported`: of another machine, or without a budget. */
  readonly verdict: 'ok' | 'broken' | 'better' | 'reported';
}

export interface GateOptions {
  /** Whether the ratios were taken on a processor like this one. */
  readonly sameMachine: boolean;
  progress(what: string): void;
}

/** Who does the same work with the least code: bytes by hand or in bare echoes, values as lines of JSON. */
export function referenceFor(scenario: Scenario): Scenario {
  const contestant =
    typeof scenario.data !== 'number' ? 'ndjson' : scenario.shape === 'echo' ? 'net' : 'by-hand';
  const { shape, data, count } = scenario;
  const name = scenario.id.split('/').slice(2).join('/');
  return { id: `unix/${contestant}/${name}`, transport: 'unix', contestant, shape, data, count };
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_RUN when a measuring process fails */
export async function judge(scenario: Scenario, budget: Cost, options: GateOptions): Promise<Judgement[]> {
  const { id } = scenario;
  options.progress(`${id}: counting`);
  const counted = await countAll(scenario);
  const judgements = (Object.keys(TOLERANCES) as CountName[]).flatMap((what): Judgement[] => {
    const [measured, allowed] = [counted[what], budget[what]];
    if (measured === undefined || allowed === undefined) return [];
    return [{ id, what, measured, budget: allowed, verdict: verdictOf(what, measured, allowed) }];
  });
  // A broken count needs no stopwatch.
  if (judgements.some(({ verdict }) => verdict === 'broken')) return judgements;
  options.progress(`${id}: comparing with ${budget.against}`);
  return [...judgements, await judgeSpeed(scenario, budget, options)];
}

/** What a row costs here and now, for a new budget. */
export async function measureCost(scenario: Scenario, options: Pick<GateOptions, 'progress'>): Promise<Cost> {
  const against = referenceFor(scenario);
  options.progress(`${scenario.id}: counting`);
  const { heap, copied, gc, reads, writes } = await countAll(scenario);
  options.progress(`${scenario.id}: comparing with ${against.id}`);
  const ratio = median(await ratios(scenario, PROCESSES.update));
  const calls =
    reads === undefined || writes === undefined ? {} : { reads: rounded(reads), writes: rounded(writes) };
  return {
    heap: rounded(heap),
    copied: rounded(copied),
    gc: rounded(gc),
    ...calls,
    ratio: rounded(ratio),
    against: against.id,
  };
}

/** At the same time: counts are the same on a busy machine. */
async function countAll(scenario: Scenario): Promise<Counted> {
  const [counts, copies, collections] = await Promise.all([
    loopback<Counts>({ measure: 'counts', scenario }, NO_COLLECTION),
    loopback<Copies>({ measure: 'copies', scenario }, [NO_HELPERS]),
    loopback<Collections>({ measure: 'collections', scenario }, STEADY_COLLECTIONS),
  ]);
  return { ...counts, ...copies, ...collections };
}

function verdictOf(what: CountName, measured: number, budget: number): Judgement['verdict'] {
  const [share, absolute] = TOLERANCES[what];
  const slack = budget * share + absolute;
  if (measured > budget + slack) return 'broken';
  return measured < budget - slack ? 'better' : 'ok';
}

async function judgeSpeed(
  scenario: Scenario,
  { ratio: budget }: Cost,
  options: GateOptions,
): Promise<Judgement> {
  const seen = await ratios(scenario, PROCESSES.far);
  const judgement = (verdict: Judgement['verdict']): Judgement => ({
    id: scenario.id,
    what: 'ratio',
    measured: median(seen),
    budget,
    verdict,
  });
  if (!options.sameMachine) return judgement('reported');
  const distance = 1 - median(seen) / budget;
  if (distance > SLOWDOWN_MIN / 2 && distance < SLOWDOWN_MIN * 4)
    seen.push(...(await ratios(scenario, PROCESSES.near - PROCESSES.far)));
  if (isSlow(seen, budget)) {
    options.progress(`${scenario.id}: slower than its budget, looking again`);
    const again = await ratios(scenario, seen.length);
    seen.push(...again);
    if (isSlow(again, budget) && isSlow(seen, budget)) return judgement('broken');
  }
  return judgement(median(seen) > budget * (1 + SLOWDOWN_MIN) ? 'better' : 'ok');
}

function isSlow(seen: readonly number[], budget: number): boolean {
  return median(seen) < budget * (1 - SLOWDOWN_MIN);
}

/** One of each process: what the compiler made of the code differs from process to process. */
async function ratios(scenario: Scenario, processes: number): Promise<number[]> {
  const found: number[] = [];
  const reference = referenceFor(scenario);
  for (let index = 0; index < processes; index++)
    found.push((await loopback<Speed>({ measure: 'speed', scenario, reference }, [NO_HELPERS])).ratio);
  return found;
}

async function loopback<T>(
  task: Omit<LoopbackTask, 'library'>,
  execArgv: readonly string[] = [],
): Promise<T> {
  const whole: LoopbackTask = { ...task, library: OWN_LIBRARY };
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...execArgv, LOOPBACK, JSON.stringify(whole)],
      { timeout: TIMEOUT_MS },
    );
    return JSON.parse(stdout) as T;
  } catch (cause) {
    const why = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new RingwireError('ERR_RINGWIRE_BENCH_RUN', `${task.scenario.id}: ${why}`, { cause });
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
