/**
 * The gate: does a message cost more than its budget? Counts first: they are the same on a busy machine. Then the speed beside a reference that
 * does the same kind of work in the same process and moment; only their ratio is judged, never a time.
 *
 * Invariant: nothing fails on one look: a ratio that is too low must be too low again in new processes.
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
const REFERENCE = 'yardstick';

/**
 * A ratio this much below its budget is a slowdown. The same code comes out within 4 percent on a quiet machine, up to 5.4 lower where other programs
 * keep all processors busy; code that is 10 percent slower comes out 9 percent lower.
 */
const SLOWDOWN_MIN = { quiet: 0.05, busy: 0.07 } as const;
/** Processes that take a ratio: five decide when it is far from the line, seven when it is near, and seven again confirm a slowdown. */
const PROCESSES = { reported: 3, far: 5, near: 7, update: 9 } as const;

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
  /** `reported`: on another processor, or beside another reference, than the budget was taken. */
  readonly verdict: 'ok' | 'broken' | 'better' | 'reported';
}

/** A row with what it may cost. */
export interface Guarded {
  readonly scenario: Scenario;
  readonly budget: Cost;
}

export interface GateOptions {
  /** Whether the ratios were taken on a processor like this one. */
  readonly sameMachine: boolean;
  /** Whether other programs use its processors. */
  readonly isBusy: boolean;
  readonly progress: (what: string) => void;
}

/** The same messages by the least code that does this kind of work. */
export function referenceFor({ id, shape, data, count }: Scenario): Scenario {
  const name = id.split('/').slice(2).join('/');
  return { id: `unix/${REFERENCE}/${name}`, transport: 'unix', contestant: REFERENCE, shape, data, count };
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_RUN when a measuring process fails */
export async function judge(rows: readonly Guarded[], options: GateOptions): Promise<Judgement[]> {
  const judgements: Judgement[] = [];
  for (const row of rows) judgements.push(...(await judgeCounts(row, options)));
  const broken = new Set(judgements.filter(({ verdict }) => verdict === 'broken').map(({ id }) => id));
  // A broken count needs no stopwatch.
  const timed = rows.filter(({ scenario }) => !broken.has(scenario.id));
  judgements.push(...(await judgeSpeeds(timed, options)));
  return rows.flatMap(({ scenario }) => judgements.filter(({ id }) => id === scenario.id));
}

/** What rows cost here and now, for new budgets. */
export async function measureCosts(
  scenarios: readonly Scenario[],
  { progress }: Pick<GateOptions, 'progress'>,
): Promise<Cost[]> {
  const counted: Counted[] = [];
  for (const scenario of scenarios) {
    progress(`${scenario.id}: counting`);
    counted.push(await countAll(scenario));
  }
  const seen = await look(scenarios, PROCESSES.update, progress);
  return scenarios.map((scenario, index) => {
    const { heap, copied, gc, reads, writes } = counted[index] as Counted;
    const calls =
      reads === undefined || writes === undefined ? {} : { reads: rounded(reads), writes: rounded(writes) };
    return {
      heap: rounded(heap),
      copied: rounded(copied),
      gc: rounded(gc),
      ...calls,
      ratio: rounded(ratioOf(seen[index] as Speed[])),
      against: referenceFor(scenario).id,
    };
  });
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

async function judgeCounts({ scenario, budget }: Guarded, options: GateOptions): Promise<Judgement[]> {
  const { id } = scenario;
  options.progress(`${id}: counting`);
  const counted = await countAll(scenario);
  return (Object.keys(TOLERANCES) as CountName[]).flatMap((what): Judgement[] => {
    const [measured, allowed] = [counted[what], budget[what]];
    if (measured === undefined || allowed === undefined) return [];
    return [{ id, what, measured, budget: allowed, verdict: verdictOf(what, measured, allowed) }];
  });
}

function verdictOf(what: CountName, measured: number, budget: number): Judgement['verdict'] {
  const [share, absolute] = TOLERANCES[what];
  const slack = budget * share + absolute;
  if (measured > budget + slack) return 'broken';
  return measured < budget - slack ? 'better' : 'ok';
}

async function judgeSpeeds(
  rows: readonly Guarded[],
  { sameMachine, isBusy, progress }: GateOptions,
): Promise<Judgement[]> {
  const slowdownMin = SLOWDOWN_MIN[isBusy ? 'busy' : 'quiet'];
  const looks = rows.map(({ scenario, budget }): Looks => {
    const isJudged = sameMachine && budget.against === referenceFor(scenario).id;
    return { scenario, budget: budget.ratio, isJudged, first: [], again: [] };
  });
  const lookAt = async (
    some: readonly Looks[],
    which: 'first' | 'again',
    processes: number,
  ): Promise<void> => {
    const found = await look(
      some.map(({ scenario }) => scenario),
      processes,
      progress,
    );
    for (const [index, each] of some.entries()) each[which].push(...(found[index] as Speed[]));
  };
  const judged = looks.filter(({ isJudged }) => isJudged);
  await lookAt(
    looks.filter(({ isJudged }) => !isJudged),
    'first',
    PROCESSES.reported,
  );
  await lookAt(judged, 'first', PROCESSES.far);
  await lookAt(
    judged.filter(({ first, budget }) => isNear(first, budget, slowdownMin)),
    'first',
    PROCESSES.near - PROCESSES.far,
  );
  const slow = judged.filter(({ first, budget }) => isSlow(first, budget, slowdownMin));
  for (const { scenario } of slow) progress(`${scenario.id}: slower than its budget, looking again`);
  await lookAt(slow, 'again', PROCESSES.near);
  return looks.map(({ scenario, budget, isJudged, first, again }): Judgement => {
    const measured = ratioOf([...first, ...again]);
    const judgement = (verdict: Judgement['verdict']): Judgement => ({
      id: scenario.id,
      what: 'ratio',
      measured,
      budget,
      verdict,
    });
    if (!isJudged) return judgement('reported');
    const seen = [...first, ...again];
    if (again.length > 0 && isSlow(again, budget, slowdownMin) && isSlow(seen, budget, slowdownMin))
      return judgement('broken');
    return judgement(measured > budget * (1 + slowdownMin) ? 'better' : 'ok');
  });
}

/** What was seen of a row's speed. */
interface Looks {
  readonly scenario: Scenario;
  readonly budget: number;
  readonly isJudged: boolean;
  readonly first: Speed[];
  readonly again: Speed[];
}

function isNear(seen: readonly Speed[], budget: number, slowdownMin: number): boolean {
  const distance = 1 - ratioOf(seen) / budget;
  return distance > slowdownMin / 2 && distance < slowdownMin * 4;
}

function isSlow(seen: readonly Speed[], budget: number, slowdownMin: number): boolean {
  return ratioOf(seen) < budget * (1 - slowdownMin);
}

/**
 * Of the half of the looks in which the reference took the least time. When a neighbour takes away half of a processor for some seconds, even code that does the
 * same kind of work loses up to 15 percent more or less than the other.
 */
function ratioOf(seen: readonly Speed[]): number {
  const undisturbed = seen
    .toSorted((a, b) => a.referenceCpu - b.referenceCpu)
    .slice(0, Math.ceil(seen.length / 2));
  return median(undisturbed.map(({ ratio }) => ratio));
}

/**
 * Of each row one of each process, as what the compiler made of the code differs from process to process; the rows in turns, so that a minute in which the
 * machine is disturbed is in some looks of each instead of in all of one.
 */
async function look(
  scenarios: readonly Scenario[],
  processes: number,
  progress: GateOptions['progress'],
): Promise<Speed[][]> {
  const found = scenarios.map((): Speed[] => []);
  if (scenarios.length === 0) return found;
  for (let round = 1; round <= processes; round++) {
    progress(`comparing with the ${REFERENCE}, ${round} of ${processes}`);
    for (const [index, scenario] of scenarios.entries()) {
      const task = { measure: 'speed', scenario, reference: referenceFor(scenario) } as const;
      found[index]?.push(await loopback<Speed>(task, [NO_HELPERS]));
    }
  }
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
