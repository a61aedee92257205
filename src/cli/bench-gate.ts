/**
 * `ringwire bench gate`: the check for CI. It fails on what a message costs in counts and beside a reference, never on a time.
 */
import fs from 'node:fs';
import {
  type Budgets,
  type Cost,
  NO_BUDGETS,
  readBudgets,
  type Section,
  writeBudgets,
} from '../bench/budgets.ts';
import { idleCheck } from '../bench/doctor.ts';
import { judge, type Judgement, measureCosts } from '../bench/gate.ts';
import { thisMachine } from '../bench/results.ts';
import { loadScenarios } from '../bench/scenario-module.ts';
import { type Scenario, SCENARIOS } from '../bench/scenarios.ts';
import { chooseScenarios } from './bench-run.ts';
import { makeProgress, type Progress } from './progress.ts';
import { writeSummary } from './summary.ts';
import { readArguments, UsageError } from './usage.ts';

const GATE_HELP: string = `Usage: ringwire bench gate [options] [pattern ...]

Fails when a message costs more than its budget. Counts come first: bytes allocated, bytes copied, garbage
collections, reads and writes. They are the same on any machine, busy or not. Then the speed beside a reference that
does the same work with the least code, in the same process, in slices of milliseconds: a machine that is slow is slow for
both. Ratios are judged on the kind of processor that the budgets were taken on and reported elsewhere. No time is ever judged.

Options:
  --budgets <file>    the budgets (default bench-budgets.json)
  --update            measure, and write the budgets of this version of Node instead of judging
  --scenario <file>   the scenarios that this module exports, instead of ringwire's own
  --json              print the judgements as JSON
  --help

Exit codes: 0 all budgets are kept, 1 one is broken, 2 a mistake in the arguments or files, 4 a measurement failed.

Examples:
  ringwire bench gate --update
  ringwire bench gate
  ringwire bench gate --scenario bench/orders.ts --budgets bench/orders-budgets.json
`;

const OPTIONS = {
  budgets: { type: 'string', default: 'bench-budgets.json' },
  update: { type: 'boolean', default: false },
  scenario: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What is guarded without a module of one's own. */
const GUARDED: readonly string[] = [
  'unix/raw-frame/64B/one-way',
  'unix/raw-copy/64B/one-way',
  'unix/raw-frame/1KiB/one-way',
  'unix/drop-in/sensor/one-way',
  'unix/json/sensor/one-way',
  'unix/msgpack/sensor/one-way',
  'unix/raw-frame/64B/echo',
];

/** @returns the exit code */
export async function benchGate(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, GATE_HELP);
  if (values.help) {
    process.stdout.write(GATE_HELP);
    return 0;
  }
  const all =
    values.scenario === undefined
      ? SCENARIOS.filter(({ id }) => GUARDED.includes(id))
      : await loadScenarios(values.scenario);
  const scenarios = chooseScenarios(all, positionals, GATE_HELP);
  for (const { id, transport, shape } of scenarios)
    if (transport !== 'unix' || (shape !== 'one-way' && shape !== 'echo'))
      throw new UsageError(`${id} cannot be gated: only one-way and echo over unix can`, GATE_HELP);
  const progress = makeProgress();
  // Ratios that are written down should come from a quiet machine; to judge, a busy one will do.
  if (values.update) for (const warning of await idleCheck()) progress.say(`warning: ${warning}`);
  if (values.update) return update(values.budgets, scenarios, progress);
  const section = sectionOf(readBudgets(values.budgets), values.budgets);
  const sameMachine = section.cpu === thisMachine().cpu;
  const rows = scenarios.map((scenario) => {
    const budget = section.rows[scenario.id];
    if (budget !== undefined) return { scenario, budget };
    throw new UsageError(`${values.budgets} has no budget for ${scenario.id}: --update makes one`, GATE_HELP);
  });
  const isBusy = (await idleCheck()).length > 0;
  const judgements = await judge(rows, { sameMachine, isBusy, progress: progress.say });
  progress.clear();
  const table = gateTable(judgements, sameMachine);
  process.stdout.write(values.json ? `${JSON.stringify(judgements, null, 2)}\n` : table);
  writeSummary('gate', table);
  return judgements.some(({ verdict }) => verdict === 'broken') ? 1 : 0;
}

/** Budgets of other rows and of other versions of Node stay. */
async function update(file: string, scenarios: readonly Scenario[], progress: Progress): Promise<number> {
  const before: Budgets = fs.existsSync(file) ? readBudgets(file) : NO_BUDGETS;
  const { cpu } = thisMachine();
  const rows = { ...before.node[major()]?.rows };
  const costs = await measureCosts(scenarios, { progress: progress.say });
  for (const [index, { id }] of scenarios.entries()) rows[id] = costs[index] as Cost;
  progress.clear();
  writeBudgets(file, { ...before, node: { ...before.node, [major()]: { cpu, rows } } });
  process.stdout.write(`${scenarios.length} budgets for Node ${major()} written to ${file}\n`);
  return 0;
}

function sectionOf(budgets: Budgets, file: string): Section {
  const section = budgets.node[major()];
  if (section !== undefined) return section;
  const known = Object.keys(budgets.node).join(', ') || 'none';
  throw new UsageError(
    `${file} has budgets for Node ${known}, not for ${major()}: --update makes them`,
    GATE_HELP,
  );
}

function major(): string {
  return process.versions.node.split('.')[0] as string;
}

const UNITS: Readonly<Record<Judgement['what'], string>> = {
  heap: 'bytes allocated per message',
  copied: 'bytes copied per message',
  gc: 'collections per million messages',
  reads: 'reads per thousand messages',
  writes: 'writes per thousand messages',
  ratio: 'speed beside the reference',
};

function gateTable(judgements: readonly Judgement[], sameMachine: boolean): string {
  const lines = judgements.map(
    ({ id, what, measured, budget, verdict }) =>
      `| ${id} | ${UNITS[what]} | ${figure(measured)} | ${figure(budget)} | ${verdict} |`,
  );
  const broken = judgements.filter(({ verdict }) => verdict === 'broken').length;
  const better = judgements.filter(({ verdict }) => verdict === 'better').length;
  const notes = [
    broken === 0 ? 'All budgets are kept.' : `${broken} of ${judgements.length} budgets are broken.`,
    ...(better > 0 ? [`${better} could be tightened: --update.`] : []),
    ...(judgements.some(({ verdict }) => verdict === 'reported')
      ? [
          `The ratios were taken ${sameMachine ? 'beside another reference' : 'on another processor'}: they are reported, not judged.`,
        ]
      : []),
  ];
  return [
    '| row | what | measured | budget | verdict |',
    '|---|---|---|---|---|',
    ...lines,
    '',
    notes.join(' '),
    '',
  ].join('\n');
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
