/**
 * The single questions of `ringwire bench doctor`: each looks at one thing that makes measurements unsteady, and says what to do about it.
 *
 * Invariant: a question that this system cannot answer is `skipped` with the reason; it is never `ok` by default.
 */
import os from 'node:os';
import type { Activity } from './activity.ts';
import type { SelfTest } from './self-test.ts';
import type { SystemFiles } from './system-files.ts';

export interface Check {
  readonly name: string;
  /** What was found; why nothing was, when skipped. */
  readonly value: string;
  readonly verdict: 'ok' | 'warning' | 'skipped';
  /** What to do about it, with a warning. */
  readonly advice?: string;
}

/** Above these it is a warning: shares of one core, of all time, of the memory. */
const OTHERS_MAX = 0.2;
const STOLEN_MAX = 0.02;
const MEMORY_MIN = 0.1;
const TIMER_STEP_MAX_NS = 1_000;
const EVENT_LOOP_DELAY_MAX_MS = 3;
/** What `compare` takes for large enough to matter. */
const DIFFERENCE_MAX = 0.05;
const USUAL_ROUNDS = 10;
/** A and B are the same: so one-sided rounds happen once in a thousand self-tests, and less than half a percent does not matter. */
const SELF_TEST_P_MIN = 0.001;
const BIAS_MAX = 0.005;

const NO_PROC = 'this system has no /proc';

function check(name: string, value: string, bad: boolean, advice: string): Check {
  return bad ? { name, value, verdict: 'warning', advice } : { name, value, verdict: 'ok' };
}

function skipped(name: string, reason: string): Check {
  return { name, value: reason, verdict: 'skipped' };
}

/** As a percentage with two figures. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

export function checkLoad(platform: NodeJS.Platform = process.platform): Check {
  const name = 'load average';
  if (platform === 'win32') return skipped(name, 'Windows has none');
  const [load = 0] = os.loadavg();
  const cores = os.cpus().length;
  const advice = 'The machine was busy in the last minute: wait until that is over.';
  return check(name, `${load.toFixed(2)} on ${cores} cores`, load > cores / 2, advice);
}

export function checkOthers({ others, busiest }: Activity, files: SystemFiles): Check {
  const names = busiest?.map(({ pid, name, share }) => {
    // The name that the kernel keeps is cut off, and may be that of a thread.
    const program = files.read(`proc/${pid}/cmdline`)?.split('\0')[0]?.split('/').at(-1);
    return `${program === undefined || program === '' ? name : program} (${pid}) ${percent(share)}`;
  });
  const used = `${percent(others)} of a core`;
  const value = names === undefined ? `${used}; names are not told: ${NO_PROC}` : [used, ...names].join(', ');
  const most = Math.max(others, busiest?.reduce((sum, { share }) => sum + share, 0) ?? 0);
  return check('other processes', value, most > OTHERS_MAX, 'Stop them, or wait until they are done.');
}

export function checkSteal({ stolen }: Activity): Check {
  const name = 'steal time';
  if (stolen === undefined) return skipped(name, NO_PROC);
  const advice =
    'The hypervisor runs other guests on this processor: measure in turns (ab), with more rounds.';
  return check(name, percent(stolen), stolen > STOLEN_MAX, advice);
}

export function checkGovernor(files: SystemFiles): Check {
  const name = 'frequency governor';
  const folder = 'sys/devices/system/cpu';
  const cores = files.list(folder)?.filter((entry) => /^cpu\d+$/.test(entry)) ?? [];
  const found = cores.flatMap((core) => files.read(`${folder}/${core}/cpufreq/scaling_governor`) ?? []);
  if (found.length === 0) return skipped(name, 'this system tells none');
  const governors = Array.from(new Set(found));
  const advice =
    'Clocks follow the load: set the governor to performance (cpupower frequency-set -g performance).';
  return check(
    name,
    governors.join(', '),
    governors.some((each) => each !== 'performance'),
    advice,
  );
}

export function checkTurbo(files: SystemFiles): Check {
  const name = 'turbo';
  const folder = 'sys/devices/system/cpu';
  const [off, boost] = [files.read(`${folder}/intel_pstate/no_turbo`), files.read(`${folder}/cpufreq/boost`)];
  if (off === undefined && boost === undefined) return skipped(name, 'this system tells nothing about it');
  const on = off === undefined ? boost === '1' : off === '0';
  const advice =
    'Clocks depend on heat and neighbours: switch turbo off, or trust only what is measured in turns.';
  return check(name, on ? 'on' : 'off', on, advice);
}

export function checkQuota(files: SystemFiles): Check {
  const name = 'cgroup CPU quota';
  const groups = files.read('proc/self/cgroup');
  if (groups === undefined) return skipped(name, NO_PROC);
  const quotas = groups.split('\n').flatMap((line) => quotasOf(files, line));
  const least = Math.min(...quotas);
  const value = quotas.length === 0 ? 'none' : `${least} cores`;
  const advice =
    'The container is stopped whenever it has used its share: give it whole cores without a quota.';
  return check(name, value, least < os.cpus().length, advice);
}

/** In cores; of the group and of all groups above it, any of which may hold back. A line is `number:controllers:path`. */
function quotasOf(files: SystemFiles, line: string): number[] {
  const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
  const names = controllers.split(',');
  const second = controllers === '';
  if (!second && !names.includes('cpu')) return [];
  const steps = path.split('/').filter((step) => step !== '');
  return Array.from({ length: steps.length + 1 }, (_, depth) => {
    const folder = ['sys/fs/cgroup', ...(second ? [] : [controllers]), ...steps.slice(0, depth)].join('/');
    const [quota, period] = second
      ? (files.read(`${folder}/cpu.max`)?.split(' ') ?? [])
      : [files.read(`${folder}/cpu.cfs_quota_us`), files.read(`${folder}/cpu.cfs_period_us`)];
    return Number(quota) / Number(period);
    // Without a quota the file says `max`, or -1.
  }).filter((cores) => cores > 0);
}

export function checkTimer(): Check {
  let least = Number.POSITIVE_INFINITY;
  let last = process.hrtime.bigint();
  for (let reading = 0; reading < 100_000; reading++) {
    const now = process.hrtime.bigint();
    if (now > last) least = Math.min(least, Number(now - last));
    last = now;
  }
  const advice =
    'Single times are too coarse for fast code: look for a better clock source, or time many calls at once.';
  return check('timer step', `${least} ns`, least > TIMER_STEP_MAX_NS, advice);
}

/** @param milliseconds that 99 of 100 timers were late by, at most */
export function checkEventLoop(milliseconds: number): Check {
  const advice =
    'Something keeps this process from running: see the other processes, the quota and the steal time.';
  const late = milliseconds > EVENT_LOOP_DELAY_MAX_MS;
  return check('event-loop delay', `${milliseconds.toFixed(2)} ms (p99)`, late, advice);
}

export function checkMemory(platform: NodeJS.Platform = process.platform): Check {
  const name = 'free memory';
  // What is called free there is what has no use at all, which is next to nothing on a healthy system.
  if (platform === 'darwin') return skipped(name, 'macOS does not tell how much it could free');
  const [free, all] = [os.freemem(), os.totalmem()];
  const value = `${gigabytes(free)} of ${gigabytes(all)} GB`;
  return check(name, value, free / all < MEMORY_MIN, 'Close programs: the system is about to swap.');
}

export function checkSwap({ swappedPages }: Activity, files: SystemFiles): Check {
  const name = 'swap';
  const info = files.read('proc/meminfo');
  if (info === undefined || swappedPages === undefined) return skipped(name, NO_PROC);
  const [all = 0, free = 0] = ['SwapTotal', 'SwapFree'].map(
    (key) => Number(new RegExp(`^${key}: +(\\d+)`, 'm').exec(info)?.[1] ?? 0) * 1024,
  );
  const value = `${gigabytes(all - free)} of ${gigabytes(all)} GB in use, ${swappedPages} pages moved`;
  return check(name, value, swappedPages > 0, 'The system is swapping: close programs.');
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

export function checkBattery(files: SystemFiles): Check {
  const name = 'battery';
  const folder = 'sys/class/power_supply';
  const supplies = files.list(folder);
  if (supplies === undefined) return skipped(name, 'this system does not tell');
  const states = supplies
    // A mouse has a battery too.
    .filter((supply) => files.read(`${folder}/${supply}/scope`) !== 'Device')
    .filter((supply) => files.read(`${folder}/${supply}/type`) === 'Battery')
    .map((supply) => files.read(`${folder}/${supply}/status`) ?? 'Unknown');
  const advice = 'On battery clocks are held down: plug the machine in.';
  return check(name, states.join(', ') || 'none', states.includes('Discharging'), advice);
}

export function checkSelfTest({ spread, interval, p, detectable }: SelfTest): Check {
  const difference = detectable.find(({ rounds }) => rounds === USUAL_ROUNDS)?.difference ?? 0;
  const value = `spread ${percent(spread)} per round, B / A ${interval.low.toFixed(4)} to ${interval.high.toFixed(4)}`;
  const name = 'A/A self-test';
  const bias = Math.max(interval.low - 1, 1 - interval.high);
  if (p < SELF_TEST_P_MIN && bias > BIAS_MAX)
    return check(
      name,
      value,
      true,
      'The same code differs from itself: something changes while it is measured.',
    );
  const advice = `${USUAL_ROUNDS} rounds cannot tell ${percent(DIFFERENCE_MAX)} here: quieten the machine, or take more rounds.`;
  return check(name, value, difference > DIFFERENCE_MAX, advice);
}
