/**
 * `ringwire bench run`: measures, shows how far it is, prints a table, keeps the samples in a file.
 */
import fs from 'node:fs';
import { makeResults, type Results } from '../bench/results.ts';
import { runScenarios } from '../bench/run.ts';
import { contestantNamed, whyMissing } from '../bench/contestants.ts';
import { idleCheck } from '../bench/doctor.ts';
import { appendHistory } from '../bench/history.ts';
import { loadScenarios } from '../bench/scenario-module.ts';
import { type Scenario, SCENARIOS, scenariosFor } from '../bench/scenarios.ts';
import { bootstrap, median } from '../bench/statistics.ts';
import { makeProgress } from './progress.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

/** How much of a scenario's messages a round sends, and how many rounds there are. */
const SIZES = {
  // Its figures mean nothing, so that rows need no machine of their own.
  smoke: { share: 0.001, rounds: 2, atOnce: 3 },
  quick: { share: 0.1, rounds: 5, atOnce: 1 },
  full: { share: 1, rounds: 10, atOnce: 1 },
} as const;

const RUN_HELP = `Usage: ringwire bench run [options] [pattern ...]

Measures messages between two processes on this machine and prints medians with 95 % intervals. Rounds are taken in
turns, so that a slow moment hits every row. Patterns choose the rows whose name contains one of them, or is it.

Options:
  --smoke            seconds: does everything run? Several rows at once: figures mean nothing
  --quick            about a minute (default)
  --full             some minutes: for results that are kept
  --rounds <n>       samples per row instead of the size's number
  --payload <file>   measure the JSON value in this file instead of the built-in messages
  --scenario <file>  measure the scenarios that this module exports; see 'Scenarios of your own' in docs/measuring.md
  --details          print more percentiles, processor time, memory and system calls as well
  --json <file>      keep the result, for 'ringwire bench compare'; with - it is printed instead of the table
  --history <file>   add the result to this file, for 'ringwire bench history'
  --list             print the names of the rows and stop
  --help

Exit codes: 0 measured, 2 a mistake in the arguments or files, 4 a measurement failed, 130 interrupted: what was measured until
then is printed and kept.

Examples:
  ringwire bench run --quick raw
  ringwire bench run --full --payload order.json --json orders.json
`;

const OPTIONS = {
  smoke: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  payload: { type: 'string' },
  scenario: { type: 'string' },
  details: { type: 'boolean', default: false },
  json: { type: 'string' },
  history: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** As shells say it of a process that SIGINT ended. */
const INTERRUPTED = 130;

/** The program's own message: of about the same number as the built-in object. */
const PAYLOAD_COUNT = 400_000;

/** @returns the exit code */
export async function benchRun(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, RUN_HELP);
  if (values.help) {
    process.stdout.write(RUN_HELP);
    return 0;
  }
  const sizes = (['smoke', 'quick', 'full'] as const).filter((size) => values[size]);
  if (sizes.length > 1) throw new UsageError(`--${sizes.join(' and --')} exclude each other`, RUN_HELP);
  const { share, rounds: usual, atOnce } = SIZES[sizes[0] ?? 'quick'];
  const rounds =
    values.rounds === undefined ? usual : Math.trunc(readNumber('rounds', values.rounds, 1, RUN_HELP));
  const all = await knownScenarios(values.payload, values.scenario);
  const named = chooseScenarios(all, positionals, RUN_HELP);
  if (values.list) {
    process.stdout.write(named.map(({ id }) => `${id}\n`).join(''));
    return 0;
  }
  const progress = makeProgress();
  const chosen = await withoutMissing(named, progress.say);
  for (const warning of await idleCheck()) progress.say(`warning: ${warning}`);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  const rows = await runScenarios(chosen, {
    share,
    rounds,
    atOnce,
    progress: progress.show,
    signal: interrupt.signal,
  });
  progress.clear();
  const results = makeResults(rows);
  if (values.history !== undefined) appendHistory(values.history, results);
  const json = `${JSON.stringify(results, null, 2)}\n`;
  const isPrinted = values.json === '-';
  if (values.json !== undefined && !isPrinted) fs.writeFileSync(values.json, json);
  process.stdout.write(isPrinted ? json : resultsTable(results, values.details));
  return interrupt.signal.aborted ? INTERRUPTED : 0;
}

async function knownScenarios(payload?: string, module?: string): Promise<readonly Scenario[]> {
  if (payload !== undefined && module !== undefined)
    throw new UsageError('--payload and --scenario exclude each other', RUN_HELP);
  if (payload !== undefined) return scenariosFor(readPayload(payload), PAYLOAD_COUNT);
  return module === undefined ? SCENARIOS : loadScenarios(module);
}

/** The scenarios that can be measured here; the reason is said for each of the others. */
export async function withoutMissing(
  scenarios: readonly Scenario[],
  say: (what: string) => void,
): Promise<readonly Scenario[]> {
  const chosen: Scenario[] = [];
  const reasons = new Map<string, string | undefined>();
  for (const scenario of scenarios) {
    const { id, transport, contestant, module } = scenario;
    const key = `${transport}/${contestant}`;
    if (!reasons.has(key)) reasons.set(key, whyMissing(await contestantNamed(contestant, module), transport));
    const why = reasons.get(key);
    if (why === undefined) chosen.push(scenario);
    else say(`${id} is skipped: ${why}`);
  }
  return chosen;
}

/** The scenarios with one of the patterns as or in their names; all without patterns. @throws UsageError when there are none */
export function chooseScenarios(
  all: readonly Scenario[],
  patterns: readonly string[],
  help: string,
): readonly Scenario[] {
  if (patterns.length === 0) return all;
  const ids = new Set(all.map(({ id }) => id));
  // A whole name means that row, not those whose names go on.
  const matches = (id: string, pattern: string): boolean =>
    ids.has(pattern) ? id === pattern : id.includes(pattern);
  const chosen = all.filter(({ id }) => patterns.some((pattern) => matches(id, pattern)));
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `no row has ${patterns.join(' or ')} in its name; 'ringwire bench run --list' shows the names`,
    help,
  );
}

function readPayload(file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `${file} ${error instanceof SyntaxError ? 'is not JSON' : 'cannot be read'}`,
      RUN_HELP,
    );
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new UsageError(`${file} holds neither an object nor an array`, RUN_HELP);
}

function resultsTable({ rows, machine }: Results, details: boolean): string {
  const { cpu, cores, kernel, node } = machine;
  const shown = rows.filter((row) => details || row.detail !== true);
  const lines = shown.map((row) => {
    const { low, high } = bootstrap([row.samples], (values) => median(values ?? []));
    return `| ${row.id} | ${figure(median(row.samples))} | ${figure(low)} to ${figure(high)} | ${row.unit} | ${row.better} |`;
  });
  return [
    `${cpu}, ${cores} cores; ${kernel}; Node ${node}`,
    '',
    '| row | median | 95 % interval | unit | better |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function figure(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} k`;
  return value.toPrecision(3);
}
