/**
 * `npm run gate:selftest [-- --times 10]`: is the gate to be trusted? The same version, again and again on a machine that is kept busy, must never
 * fail; a version that is 10 percent slower, and one that allocates once more per message, must fail every time.
 *
 * The planted versions are copies of the built package with one line more in `Sender.send`. How much work 10 percent are is measured first,
 * in turns with the messages themselves.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { contestantNamed } from '../src/bench/contestants.ts';
import type { Judgement } from '../src/bench/gate.ts';
import { Loop } from '../src/bench/loop.ts';
import { OWN_LIBRARY } from '../src/bench/run.ts';
import { SCENARIOS } from '../src/bench/scenarios.ts';
import { median } from '../src/bench/statistics.ts';
import { numberOf, readOptions } from '../test/support/options.ts';
import { projectRoot } from './support/payloads.ts';

const ROW = 'unix/raw-frame/64B/one-way';
const SLOWDOWN = 0.1;
/** Spinning once per so many messages costs nothing but the spin. */
const SPIN_EVERY = 100;

const { values } = readOptions(
  {
    usage: 'npm run gate:selftest -- [options]',
    about:
      'Proves that the gate passes the same version on a busy machine, and catches a planted slowdown and a planted allocation.',
  },
  { times: { type: 'string', default: '10', help: 'how often each has to come out right' } },
);
const times = numberOf('times', values.times, 1);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-selftest-'));
const budgets = path.join(folder, 'budgets.json');

function spin(turns: number): number {
  let mixed = 1;
  for (let turn = 0; turn < turns; turn++) mixed = Math.imul(mixed ^ turn, 0x9e3779b1);
  return mixed;
}

/** Turns of `spin` that cost as much as a message does, sender and receiver together. */
async function turnsPerMessage(): Promise<number> {
  const scenario = SCENARIOS.find(({ id }) => id === ROW);
  if (scenario === undefined) throw new Error(`there is no row ${ROW}`);
  const contestant = await contestantNamed(scenario.contestant);
  const address = path.join(folder, 's');
  const job = { transport: 'unix', address, data: scenario.data, library: OWN_LIBRARY } as const;
  const loop = await Loop.open(scenario, contestant, job);
  const [messages, turns] = [50_000, 5_000_000];
  const found: number[] = [];
  for (let round = 0; round < 40; round++) {
    const start = process.cpuUsage();
    const sent = await loop.send(messages);
    const between = process.cpuUsage();
    if (spin(turns) === 0) throw new Error('the spin was optimised away');
    const end = process.cpuUsage(between);
    const message = (between.user + between.system - start.user - start.system) / sent;
    found.push(message / ((end.user + end.system) / turns));
  }
  loop.close();
  // The first rounds warm up.
  return median(found.slice(10));
}

/** A copy of ringwire as single modules, laid out as the package is, with `line` at the start of `Sender.send`. */
function plant(name: string, line: string): string {
  const place = path.join(folder, name);
  fs.cpSync(path.join(projectRoot(), 'build', 'src'), path.join(place, 'dist'), { recursive: true });
  const msgpackr = path.join('node_modules', 'msgpackr');
  fs.cpSync(path.join(projectRoot(), msgpackr), path.join(place, msgpackr), { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), '{"type":"module"}');
  const file = path.join(place, 'dist', 'connection', 'sender.js');
  const [before, after, ...more] = fs.readFileSync(file, 'utf8').split('send(event, data) {\n');
  if (after === undefined || more.length > 0) throw new Error('Sender.send is not where it was');
  fs.writeFileSync(file, `${before}send(event, data) {\n${line}\n${after}`);
  return place;
}

function gate(place: string, ...more: string[]): { code: number | null; out: string; text: string } {
  const cli = path.join(place, 'dist', 'cli', 'ringwire.js');
  const args = [cli, 'bench', 'gate', '--budgets', budgets, ...more, ROW];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, out: stdout, text: `${stdout}${stderr}` };
}

/** Keeps every core busy. Ends by itself, should this process be killed. */
function startLoad(): ChildProcess[] {
  const code = 'const end = Date.now() + 600_000; while (Date.now() < end);';
  return os.cpus().map(() => spawn(process.execPath, ['-e', code], { stdio: 'ignore' }));
}

interface Trial {
  readonly name: string;
  readonly place: string;
  /** The budget that has to be broken. */
  readonly breaks?: Judgement['what'];
}

/** @returns how often the gate said what it should */
function repeat({ name, place, breaks }: Trial): number {
  let right = 0;
  for (let time = 1; time <= times; time++) {
    const { code, out, text } = gate(place, '--json');
    const judgements = code === 0 || code === 1 ? (JSON.parse(out) as Judgement[]) : [];
    const broken = judgements.filter(({ verdict }) => verdict === 'broken').map(({ what }) => what);
    const good = code === (breaks === undefined ? 0 : 1) && (breaks === undefined || broken.includes(breaks));
    if (good) right++;
    const shares = judgements.map(
      ({ what, measured, budget }) => `${what} ${(measured / budget).toFixed(3)}`,
    );
    process.stdout.write(
      `${name} ${time}/${times}: exit ${code}, ${good ? 'right' : 'WRONG'}; shares of the budgets: ${shares.join(', ')}\n`,
    );
    if (!good) process.stdout.write(text);
  }
  return right;
}

const clean = plant('clean', '');
const turns = Math.round((await turnsPerMessage()) * SLOWDOWN * SPIN_EVERY);
const slow = plant(
  'slow',
  `if ((this.sent = ((this.sent ?? 0) + 1) % ${SPIN_EVERY}) === 0) {
    let mixed = 1;
    for (let turn = 0; turn < ${turns}; turn++) mixed = Math.imul(mixed ^ turn, 0x9e3779b1);
    if (mixed === 0) throw new Error('never');
  }`,
);
const wasteful = plant('wasteful', 'this.planted = [event];');
process.stdout.write(`10 percent of a message are ${(turns / SPIN_EVERY).toFixed(1)} turns of a loop\n`);
const made = gate(clean, '--update');
if (made.code !== 0) throw new Error(made.text);
process.stdout.write(fs.readFileSync(budgets, 'utf8'));

const load = startLoad();
let quiet: number;
try {
  quiet = repeat({ name: 'the same version, busy machine', place: clean });
} finally {
  for (const child of load) child.kill();
}
const caughtSlow = repeat({
  name: '10 percent slower',
  place: slow,
  breaks: 'ratio',
});
const caughtWaste = repeat({
  name: 'one allocation more',
  place: wasteful,
  breaks: 'heap',
});
fs.rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  `same version: ${quiet} of ${times} passed; slowdown: ${caughtSlow} of ${times} caught; allocation: ${caughtWaste} of ${times} caught\n`,
);
if (quiet + caughtSlow + caughtWaste < 3 * times) process.exitCode = 1;
