/**
 * `npm run test:long`: the rows of RELIABILITY.md that take too long for each push. `-- T32 T34` runs only those; `--count T32=20000` sets a count, `--seconds 60` and `--row-seconds 30` bound the run and
 * each of its rows. It goes on where the last run with the same state file stopped.
 *
 * Invariant: a step is counted once it has passed or failed; a failure is kept with its seed. Exit code 1: something failed, in this run or an earlier one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mistaken, numberOf, readOptions } from '../support/options.ts';
import { CONNECTION_ROWS } from './connections.ts';
import { IDLE_ROWS } from './idle.ts';
import { MEMORY_ROWS } from './memory.ts';
import { NATIVE_ROWS } from './native.ts';
import { NETWORK_ROWS } from './network.ts';
import { PATH_ROWS } from './paths.ts';
import { REPEATED_ROWS } from './repeated.ts';
import type { Figures, LongRow } from './row.ts';
import { SLOW_ROWS } from './slow.ts';
import { interrupted, loadState, saveState, saveText } from './state.ts';
import { STORM_ROWS } from './storm.ts';

interface Progress {
  done: number;
  ms: number;
  figures: Record<string, number>;
  failures: string[];
}

type State = Record<string, Progress>;

const ROWS: readonly LongRow[] = [
  ...SLOW_ROWS,
  ...MEMORY_ROWS,
  ...CONNECTION_ROWS,
  ...STORM_ROWS,
  ...IDLE_ROWS,
  ...PATH_ROWS,
  ...NETWORK_ROWS,
  ...REPEATED_ROWS,
  ...NATIVE_ROWS,
];

const { values, positionals } = readOptions(
  {
    usage: 'npm run test:long -- [row ...] [options]',
    about:
      'Runs the rows of RELIABILITY.md that take too long for each push, and goes on where the last run stopped.',
    words: 'A row is its id: T32. Without one all of them are run.',
  },
  {
    list: { type: 'boolean', default: false, help: 'what the rows are, and how often each is run' },
    count: {
      type: 'string',
      multiple: true,
      default: [],
      help: 'how often a row is run: T32=20000; may be repeated',
    },
    seconds: { type: 'string', default: 'Infinity', help: 'of the whole run' },
    'row-seconds': { type: 'string', default: '300', help: 'of each row' },
    seed: { type: 'string', default: '7', help: 'another one is another run' },
    state: {
      type: 'string',
      default: 'build/long-state.json',
      help: 'where the next run learns how far this one came',
    },
    summary: { type: 'string', default: 'build/long-summary.md', help: 'the table of what was found' },
  },
);
const unknown: string[] = positionals.filter((id) => !ROWS.some((row) => row.id === id));
if (unknown.length > 0) mistaken(`there is no row ${unknown.join()}`);
const chosen: readonly LongRow[] = ROWS.filter(
  ({ id }) => positionals.length === 0 || positionals.includes(id),
);
const goals = new Map<string, number>(ROWS.map(({ id, goal }) => [id, goal]));
for (const each of values.count) {
  const [id = '', text = ''] = each.split('=');
  if (!goals.has(id)) mistaken(`there is no row ${id}`);
  goals.set(id, numberOf('count', text, 1));
}
const seed: number = numberOf('seed', values.seed);
const rowMs: number = numberOf('row-seconds', values['row-seconds']) * 1_000;
const endMs: number = performance.now() + numberOf('seconds', values.seconds) * 1_000;
const signal: AbortSignal = interrupted();
const state: State = loadState<State>(values.state, {});

function progressOf(id: string): Progress {
  return (state[id] ??= { done: 0, ms: 0, figures: {}, failures: [] });
}

function goalOf(id: string): number {
  return goals.get(id) as number;
}

async function step(row: LongRow, folder: string): Promise<void> {
  const progress = progressOf(row.id);
  const count = Math.min(row.step, goalOf(row.id) - progress.done);
  const start = performance.now();
  try {
    keepLargest(progress.figures, await row.run({ first: progress.done, count, seed, folder }));
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    progress.failures.push(`from ${progress.done}, seed ${seed}: ${why.slice(0, 3_000)}`);
  }
  progress.done += count;
  progress.ms += performance.now() - start;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}

function keepLargest(kept: Record<string, number>, figures: Figures): void {
  for (const [name, value] of Object.entries(figures)) kept[name] = Math.max(kept[name] ?? -Infinity, value);
}

function summary(): string {
  const lines = ROWS.filter(({ id }) => state[id] !== undefined || chosen.some((row) => row.id === id)).map(
    (row) => {
      const { done, ms, figures, failures } = progressOf(row.id);
      const shown = Object.entries(figures).map(
        ([name, value]) => `${name} ${Number(value.toPrecision(5)).toLocaleString('en')}`,
      );
      const missing = row.missing?.();
      const outcome =
        missing ?? (failures.length > 0 ? `FAILED: ${failures.map(firstLine).join('; ')}` : shown.join(', '));
      return `| ${row.id} | ${row.what} | ${done.toLocaleString('en')} of ${goalOf(row.id).toLocaleString('en')} ${row.unit} | ${(ms / 1e3).toFixed(0)} | ${outcome.replaceAll('|', '/').replaceAll('\n', ' ')} |`;
    },
  );
  return ['| row | what | ran | seconds | found |', '|---|---|---|---|---|', ...lines, ''].join('\n');
}

async function runRow(row: LongRow, parent: string): Promise<void> {
  // Rows look at what is left in it.
  const folder = mkdtempSync(join(parent, `${row.id}-`));
  const rowEndMs = Math.min(endMs, performance.now() + rowMs);
  while (progressOf(row.id).done < goalOf(row.id) && performance.now() < rowEndMs && !signal.aborted) {
    await step(row, folder);
    const { done, failures } = progressOf(row.id);
    process.stdout.write(`${row.id} ${done} of ${goalOf(row.id)} ${row.unit}, ${failures.length} failures\n`);
    saveState(values.state, state);
    saveText(values.summary, summary());
  }
}

if (values.list)
  process.stdout.write(ROWS.map((row) => `${row.id} ${row.what}: ${row.goal} ${row.unit}\n`).join(''));
else {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-long-'));
  try {
    for (const row of chosen) if (row.missing?.() === undefined) await runRow(row, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(summary());
  process.exitCode = Object.values(state).some(({ failures }) => failures.length > 0) ? 1 : 0;
}
