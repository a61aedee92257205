/**
 * Is this machine quiet enough to measure? All checks together for `ringwire bench doctor`, and a short look before a measurement.
 *
 * Invariant: nothing on the machine is changed, nothing but the clock and small files of the system is asked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Activity, activityBetween, takeSnapshot } from './activity.ts';
import {
  type Check,
  checkBattery,
  checkEventLoop,
  checkGovernor,
  checkLoad,
  checkMemory,
  checkOthers,
  checkQuota,
  checkSelfTest,
  checkSteal,
  checkSwap,
  checkTimer,
  checkTurbo,
} from './checks.ts';
import { runSelfTest, type SelfTest } from './self-test.ts';
import { SystemFiles } from './system-files.ts';

export interface Examination {
  /** No check gave a warning. */
  readonly quiet: boolean;
  readonly checks: readonly Check[];
  readonly selfTest: SelfTest;
}

const SAMPLING_MS = 1_000;
const SHORT_SAMPLING_MS = 250;
const TIMER_MS = 5;

/** Takes two to three seconds. */
export async function examine(files: SystemFiles = new SystemFiles()): Promise<Examination> {
  // First, so that the load and the processes are not our own.
  const load = checkLoad();
  const { activity, delay } = await sample(files, SAMPLING_MS);
  const selfTest = runSelfTest();
  const checks = [
    load,
    ...activityChecks(activity, files),
    checkGovernor(files),
    checkTurbo(files),
    checkQuota(files),
    checkBattery(files),
    checkMemory(),
    checkTimer(),
    checkEventLoop(delay),
    checkSelfTest(selfTest),
  ];
  return { quiet: checks.every(({ verdict }) => verdict !== 'warning'), checks, selfTest };
}

/**
 * What will disturb a measurement that begins now, a line each; none on a quiet machine. Takes 0.3 seconds at most. It leaves out the load average,
 * which tells of the past, the turbo, which is on nearly everywhere, and all that has to be measured.
 */
export async function idleCheck(files: SystemFiles = new SystemFiles()): Promise<readonly string[]> {
  const { activity } = await sample(files, SHORT_SAMPLING_MS);
  const checks = [
    ...activityChecks(activity, files),
    checkGovernor(files),
    checkQuota(files),
    checkBattery(files),
    checkMemory(),
  ];
  return checks
    .filter(({ verdict }) => verdict === 'warning')
    .map(({ name, value, advice }) => `${name}: ${value}. ${advice}`);
}

function activityChecks(activity: Activity, files: SystemFiles): Check[] {
  return [checkOthers(activity, files), checkSteal(activity), checkSwap(activity, files)];
}

async function sample(
  files: SystemFiles,
  milliseconds: number,
): Promise<{ readonly activity: Activity; readonly delay: number }> {
  const before = takeSnapshot(files);
  const delays = monitorEventLoopDelay({ resolution: TIMER_MS });
  delays.enable();
  await sleep(milliseconds);
  delays.disable();
  // It records how far timers are apart, not by how much they are late.
  const delay = Math.max(0, delays.percentile(99) / 1e6 - TIMER_MS);
  return { activity: activityBetween(before, takeSnapshot(files)), delay };
}
