/**
 * `npm run figures [-- options]`: the headline figures of this machine, each as a ratio to a reference that was measured in the same run, in
 * turns. `--write` puts the table into BENCHMARKS.md, `--json <file>` keeps all samples for `ringwire bench report`, `--all` measures every row of
 * `ringwire bench run` as well, `--rounds <n>` and `--share <share>` say how long.
 */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { contestantNamed, whyMissing } from '../src/bench/contestants.ts';
import { idleCheck } from '../src/bench/doctor.ts';
import { makeResults, type Row } from '../src/bench/results.ts';
import { runScenarios } from '../src/bench/run.ts';
import { type Scenario, SCENARIOS } from '../src/bench/scenarios.ts';
import { GOALS, goalsTable } from './goals.ts';
import { feedRow, floodRow, parserRow } from './support/datagram-figures.ts';
import { idleBytes } from './support/idle.ts';
import { numberOf, readOptions } from '../test/support/options.ts';
import { projectRoot } from './support/payloads.ts';
import { firstAnswerMs, importMs } from './support/start.ts';

const CODEC_ALONE: string = fileURLToPath(new URL('support/codec-alone.js', import.meta.url));

/** New processes in a round. */
const IMPORTS = 5;
/** Connects in a round. */
const CONNECTS = 200;

const { values } = readOptions(
  {
    usage: 'npm run figures -- [options]',
    about:
      'Measures what the goals are about, each as a ratio to a reference of the same run, and prints the table.',
  },
  {
    rounds: { type: 'string', default: '5', help: 'each row once in each of them' },
    share: { type: 'string', default: '1', help: 'of the messages of a full round' },
    all: { type: 'boolean', default: false, help: 'all rows, not only those of the goals: half an hour' },
    json: { type: 'string', help: 'a file for the result' },
    write: { type: 'boolean', default: false, help: 'the table into BENCHMARKS.md' },
  },
);
const rounds = numberOf('rounds', values.rounds, 1);

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function named(): Scenario[] {
  const wanted = new Set(
    GOALS.flatMap(({ row, against = [] }) => against.concat(row)).map((id) => id.split('#')[0]),
  );
  return SCENARIOS.filter(({ id }) => values.all || wanted.has(id));
}

async function measurable(): Promise<Scenario[]> {
  const found: Scenario[] = [];
  for (const scenario of named()) {
    const why = whyMissing(await contestantNamed(scenario.contestant), scenario.transport);
    if (why === undefined) found.push(scenario);
    else say(`${scenario.id} is skipped: ${why}`);
  }
  return found;
}

/** What is not a matter of two processes and a socket. */
async function measureLocally(round: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of ['net', 'ringwire'] as const) {
    say(`idle connections: ${name}`);
    rows.push({
      id: `local/${name}/idle/connection`,
      unit: 'bytes',
      better: 'lower',
      samples: [Math.max(0, await idleBytes(name))],
    });
  }
  say('a flood and a feed of datagrams, the C parser alone');
  rows.push(await floodRow(), await feedRow(round));
  const parser = await parserRow();
  if (parser !== undefined) rows.push(parser);
  say('imports, and connects up to the first answer');
  for (const name of ['net', 'ringwire'] as const)
    rows.push(milliseconds(`local/${name}/import/start`, await importMs(name, IMPORTS)));
  rows.push(milliseconds('local/requests/first-answer/start', await firstAnswerMs(CONNECTS)));
  say('msgpackr alone');
  const { stdout } = await promisify(execFile)(process.execPath, [CODEC_ALONE]);
  for (const [name, rate] of Object.entries(JSON.parse(stdout) as Record<string, number>))
    rows.push({ id: `local/msgpackr/sensor/${name}`, unit: 'messages/s', better: 'higher', samples: [rate] });
  return rows;
}

function milliseconds(id: string, value: number): Row {
  return { id, unit: 'ms', better: 'lower', samples: [value] };
}

function machine(): string {
  const { cpu, cores, kernel, node } = makeResults([]).machine;
  const compiler = execFileSync('cc', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  return `${cpu}, ${cores} cores; ${kernel}; Node ${node}; ${compiler}; ${new Date().toISOString().slice(0, 10)}`;
}

for (const warning of await idleCheck()) say(`warning: ${warning}`);
const scenarios = await measurable();
const collected = new Map<string, Row & { readonly samples: number[] }>();
for (let round = 1; round <= rounds; round++) {
  const progress = (done: number, total: number, id: string): void =>
    say(`round ${round} of ${rounds}, ${done + 1}/${total}: ${id}`);
  const order = round % 2 === 0 ? scenarios.toReversed() : scenarios;
  const measured = await runScenarios(order, { rounds: 1, share: numberOf('share', values.share), progress });
  for (const row of [...measured, ...(await measureLocally(round))]) {
    const known = collected.get(row.id);
    if (known === undefined) collected.set(row.id, { ...row, samples: [...row.samples] });
    else known.samples.push(...row.samples);
  }
}
const rows = Array.from(collected.values());
const text = `${machine()}\n\n${goalsTable(rows)}\n`;
console.log(text);
if (values.json !== undefined) fs.writeFileSync(values.json, `${JSON.stringify(makeResults(rows))}\n`);
if (values.write) {
  const file = path.join(projectRoot(), 'BENCHMARKS.md');
  const [before = '', rest = ''] = fs.readFileSync(file, 'utf8').split('<!-- figures -->\n');
  const after = rest.split('<!-- /figures -->\n')[1] ?? '';
  fs.writeFileSync(file, `${before}<!-- figures -->\n${text}<!-- /figures -->\n${after}`);
}
