/**
 * The measuring process of the gate: `node loopback.js '<json of LoopbackTask>'`. It runs loops and prints what a message costs, as one JSON line.
 * Which costs are too much is not its business.
 *
 * Invariant: what is counted is warm, and nothing else runs in the process meanwhile.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { contestantNamed } from './contestants.ts';
import { CopyCounter } from './copies.ts';
import { Loop } from './loop.ts';
import type { Scenario } from './scenarios.ts';
import { median } from './statistics.ts';
import { type Calls, readCalls, Window } from './window.ts';

export interface LoopbackTask {
  readonly measure: 'counts' | 'copies' | 'collections' | 'speed';
  readonly library: string;
  readonly scenario: Scenario;
  /** Whose speed the scenario's is compared with. */
  readonly reference?: Scenario;
}

/** Per message. A figure that the platform does not tell is absent. */
export interface Counts {
  /** Bytes allocated on the heap and behind Buffers. */
  readonly heap: number;
  /** Calls of the read and write family per thousand messages. */
  readonly reads?: number;
  readonly writes?: number;
}

export interface Copies {
  /** Bytes copied by JavaScript. */
  readonly copied: number;
}

export interface Speed {
  /** How many times as fast as the reference, by processor time for the same number of bytes. */
  readonly ratio: number;
  /** Processor time per message, in microseconds, of the scenario. */
  readonly cpu: number;
}

export interface Collections {
  /** Garbage collections per million messages. */
  readonly gc: number;
}

const WINDOWS = 9;
/** Messages of a window: so many, or so many bytes, or so many round trips. The heap is counted in pages of 256 KiB: that has to be little per message. */
const WINDOW_MESSAGES = 80_000;
/** Values cost more of both, time and memory. */
const WINDOW_VALUES = 30_000;
const WINDOW_BYTES: number = 16 * 1024 * 1024;
const WINDOW_ECHOES = 1_000;
/** Windows until the compiler is done. */
const WARM_WINDOWS = 5;
const WARM_MS = 120;
/** Windows over which garbage collections are counted. */
const COLLECTION_WINDOWS = 20;
const SLICES = 50;
const SLICE_MS = 3;

const task = JSON.parse(process.argv[2] ?? '{}') as LoopbackTask;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-gate-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

async function open(scenario: Scenario, name: string): Promise<Loop> {
  const contestant = await contestantNamed(scenario.contestant, scenario.module);
  const address = path.join(folder, name);
  return Loop.open(scenario, contestant, {
    transport: 'unix',
    address,
    data: scenario.data,
    library: task.library,
  });
}

/** @returns messages that take about `milliseconds` */
async function warmUp(loop: Loop, milliseconds: number): Promise<number> {
  await loop.send(WARM_WINDOWS * windowOf(loop.scenario));
  const start = performance.now();
  let messages = 0;
  while (performance.now() < start + WARM_MS) messages += await loop.send(100);
  return Math.ceil((messages / (performance.now() - start)) * milliseconds);
}

async function counts(loop: Loop): Promise<Counts> {
  const messages = windowOf(loop.scenario);
  await loop.send(WARM_WINDOWS * messages);
  // To look costs some calls as well.
  const looks = [readCalls(), readCalls()];
  const heap: number[] = [];
  const reads: number[] = [];
  const writes: number[] = [];
  for (let round = 0; round < WINDOWS; round++) {
    globalThis.gc?.();
    const calls = readCalls();
    const before = allocated();
    const sent = await loop.send(messages);
    heap.push((allocated() - before) / sent);
    const after = readCalls();
    const of = (key: keyof Calls): number =>
      differenceOf(calls, after, key) - differenceOf(looks[0], looks[1], key);
    reads.push((of('reads') / sent) * 1e3);
    writes.push((of('writes') / sent) * 1e3);
  }
  const calls = looks[0] === undefined ? {} : { reads: median(reads), writes: median(writes) };
  return { heap: Math.max(0, median(heap)), ...calls };
}

function differenceOf(before: Calls | undefined, after: Calls | undefined, key: keyof Calls): number {
  return (after?.[key] ?? 0) - (before?.[key] ?? 0);
}

/** Nothing is collected within a window: the young generation is larger than what it allocates. */
function allocated(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function copies(loop: Loop): Promise<Copies> {
  const counter = new CopyCounter();
  counter.watch();
  await loop.send(WARM_WINDOWS * windowOf(loop.scenario));
  let copied = Infinity;
  // A stall makes the receiver set bytes aside for a moment: the least is what messages cost without.
  for (let round = 0; round < WINDOWS; round++) {
    const before = counter.bytes;
    const sent = await loop.send(windowOf(loop.scenario) / WINDOWS);
    copied = Math.min(copied, (counter.bytes - before) / sent);
  }
  return { copied };
}

async function collections(loop: Loop): Promise<Collections> {
  const messages = windowOf(loop.scenario);
  await loop.send(WARM_WINDOWS * messages);
  const window = new Window();
  window.begin();
  const sent = await loop.send(COLLECTION_WINDOWS * messages);
  return { gc: window.end(sent).costs?.gcRuns ?? 0 };
}

/** Short slices in turns, A B B A: what disturbs the process for longer than some milliseconds disturbs both. */
async function speed(loop: Loop, reference: Loop): Promise<Speed> {
  const [own, other] = [await warmUp(loop, SLICE_MS), await warmUp(reference, SLICE_MS)];
  const [bytesOwn, bytesOther] = [bytesOf(loop.scenario), bytesOf(reference.scenario)];
  const ratios: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round < SLICES; round++) {
    const first = round % 2 === 0;
    const before = first ? await slice(loop, own) : await slice(reference, other);
    const after = first ? await slice(reference, other) : await slice(loop, own);
    const [mine, theirs] = first ? [before, after] : [after, before];
    costs.push(mine.cpu);
    ratios.push(theirs.cpu / bytesOther / (mine.cpu / bytesOwn));
  }
  return { ratio: median(ratios), cpu: median(costs) };
}

async function slice(loop: Loop, messages: number): Promise<{ cpu: number }> {
  const before = process.cpuUsage();
  const sent = await loop.send(messages);
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / sent };
}

function windowOf(scenario: Scenario): number {
  if (scenario.shape === 'echo') return WINDOW_ECHOES;
  const most = typeof scenario.data === 'number' ? WINDOW_MESSAGES : WINDOW_VALUES;
  return Math.ceil(Math.min(most, WINDOW_BYTES / bytesOf(scenario)));
}

function bytesOf({ data }: Scenario): number {
  return typeof data === 'number' ? data : JSON.stringify(data).length;
}

async function measure(loop: Loop): Promise<Counts | Copies | Collections | Speed> {
  if (task.measure === 'counts') return counts(loop);
  if (task.measure === 'copies') return copies(loop);
  if (task.measure === 'collections') return collections(loop);
  return speed(loop, await open(task.reference as Scenario, 'b'));
}

const result = await measure(await open(task.scenario, 'a'));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
