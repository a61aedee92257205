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
import { median, quantile } from './statistics.ts';
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
  /** How many times as fast as the reference, by processor time. */
  readonly ratio: number;
  /** Processor time per message of the reference, in microseconds: the same code, so it tells how disturbed the machine was. */
  readonly referenceCpu: number;
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
const WINDOW_ECHOES = 5_000;
/** Windows until the compiler is done. */
const WARM_WINDOWS = 5;
const WARM_MS = 120;
/** Windows over which garbage collections are counted. */
const COLLECTION_WINDOWS = 20;
const SLICES = 50;
const SLICE_MS = 3;
/** The quantile of slices that nothing has disturbed. */
const UNDISTURBED = 0.25;

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

async function warmUp(loop: Loop): Promise<void> {
  await loop.send(WARM_WINDOWS * windowOf(loop.scenario));
}

/** @returns messages of a slice */
async function sizeSlice(loop: Loop): Promise<number> {
  const start = performance.now();
  let messages = 0;
  while (performance.now() < start + WARM_MS) messages += await loop.send(100);
  return Math.ceil((messages / (performance.now() - start)) * SLICE_MS);
}

async function counts(loop: Loop): Promise<Counts> {
  const messages = windowOf(loop.scenario);
  await warmUp(loop);
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
  await warmUp(loop);
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
  await warmUp(loop);
  const window = new Window();
  window.begin();
  const sent = await loop.send(COLLECTION_WINDOWS * messages);
  return { gc: window.end(sent).costs?.gcRuns ?? 0 };
}

/**
 * Short slices in turns, A B B A: what disturbs the process for longer than some milliseconds disturbs both. What disturbs it for less than that, such
 * as other programs that emptied the caches, or the compiler, is in some slices of one of them: the lower quartile of each is free of it.
 */
async function speed(loop: Loop, reference: Loop): Promise<Speed> {
  await warmUp(loop);
  await warmUp(reference);
  // Code that both use is compiled anew when the second one comes: this warms them up again.
  const [own, other] = [await sizeSlice(loop), await sizeSlice(reference)];
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < SLICES; round++) {
    if (round % 2 === 0) mine.push(await slice(loop, own));
    theirs.push(await slice(reference, other));
    if (round % 2 === 1) mine.push(await slice(loop, own));
  }
  const referenceCpu = quantile(theirs, UNDISTURBED);
  return { ratio: referenceCpu / quantile(mine, UNDISTURBED), referenceCpu };
}

/** @returns processor time per message, in microseconds */
async function slice(loop: Loop, messages: number): Promise<number> {
  const before = process.cpuUsage();
  const sent = await loop.send(messages);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / sent;
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
