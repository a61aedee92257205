/**
 * What a machine was busy with for a moment: two snapshots and what lies between them. Processor time comes from `os.cpus` on every system;
 * which process used it, what the hypervisor took away and what was swapped comes from /proc and is undefined elsewhere.
 *
 * Invariant: the own process is in none of the figures.
 */
import os from 'node:os';
import type { SystemFiles } from './system-files.ts';

interface ProcessTime {
  readonly name: string;
  readonly ticks: number;
}

export interface Snapshot {
  readonly at: number;
  /** Milliseconds that all cores together were busy, without the own process. */
  readonly busy: number;
  /** In ticks, of all cores together: what the hypervisor gave to others, and everything. */
  readonly steal: { readonly stolen: number; readonly all: number } | undefined;
  readonly processes: ReadonlyMap<number, ProcessTime> | undefined;
  readonly swappedPages: number | undefined;
}

export interface Activity {
  /** Shares of one core, from 0 to the number of cores. */
  readonly others: number;
  /** Those that used the most, at most three, shares of one core. */
  readonly busiest:
    readonly { readonly pid: number; readonly name: string; readonly share: number }[] | undefined;
  /** From 0 to 1. */
  readonly stolen: number | undefined;
  readonly swappedPages: number | undefined;
}

/** Linux tells processor times in hundredths of a second, on every architecture that Node runs on. */
const TICK_MS = 10;
const BUSIEST = 3;

export function takeSnapshot(files: SystemFiles): Snapshot {
  const own = process.cpuUsage();
  return {
    at: performance.now(),
    busy:
      os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) -
      (own.user + own.system) / 1000,
    steal: readSteal(files),
    processes: readProcesses(files),
    swappedPages: readSwappedPages(files),
  };
}

export function activityBetween(before: Snapshot, after: Snapshot): Activity {
  const elapsed = after.at - before.at;
  return {
    others: Math.max(0, after.busy - before.busy) / elapsed,
    busiest: after.processes && busiest(before.processes ?? new Map(), after.processes, elapsed),
    stolen: after.steal && before.steal && stolenShare(before.steal, after.steal),
    swappedPages:
      after.swappedPages === undefined ? undefined : after.swappedPages - (before.swappedPages ?? 0),
  };
}

function busiest(
  before: ReadonlyMap<number, ProcessTime>,
  after: ReadonlyMap<number, ProcessTime>,
  elapsed: number,
): Activity['busiest'] {
  return Array.from(after, ([pid, { name, ticks }]) => ({
    pid,
    name,
    share: ((ticks - (before.get(pid)?.ticks ?? 0)) * TICK_MS) / elapsed,
  }))
    .filter(({ share }) => share > 0)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, BUSIEST);
}

function stolenShare(
  before: NonNullable<Snapshot['steal']>,
  after: NonNullable<Snapshot['steal']>,
): number | undefined {
  const all = after.all - before.all;
  return all === 0 ? undefined : (after.stolen - before.stolen) / all;
}

/** The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; the guest times that follow are in user already. */
function readSteal(files: SystemFiles): Snapshot['steal'] {
  const fields = /^cpu +(.+)$/m
    .exec(files.read('proc/stat') ?? '')?.[1]
    ?.split(' ')
    .map(Number);
  const stolen = fields?.[7];
  if (fields === undefined || stolen === undefined) return undefined;
  return { stolen, all: fields.slice(0, 8).reduce((sum, each) => sum + each, 0) };
}

function readProcesses(files: SystemFiles): Snapshot['processes'] {
  const names = files.list('proc')?.filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  if (names === undefined) return undefined;
  const processes = new Map<number, ProcessTime>();
  for (const pid of names) {
    // A name may hold brackets and spaces, so what follows it is found from the last bracket on.
    const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(files.read(`proc/${pid}/stat`) ?? '') ?? [];
    if (name === undefined || rest === undefined) continue;
    // Fields 14 and 15 of the line, user and system time; the rest begins with field 3.
    const [user = 0, system = 0] = rest.split(' ').slice(11, 13).map(Number);
    processes.set(Number(pid), { name, ticks: user + system });
  }
  return processes;
}

function readSwappedPages(files: SystemFiles): number | undefined {
  const text = files.read('proc/vmstat');
  if (text === undefined) return undefined;
  return Array.from(text.matchAll(/^pswp(?:in|out) (\d+)$/gm)).reduce(
    (sum, [, pages]) => sum + Number(pages),
    0,
  );
}
