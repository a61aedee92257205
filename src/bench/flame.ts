/**
 * Where the time of one row goes: both sides are measured with V8's sampling profiler, each profile becomes a flamegraph, one HTML page that opens
 * from disk. The page is drawn by 0x, where that is installed; the profiles open in other tools as well.
 *
 * Invariant: what is profiled is the measurement itself; its figures are not kept, because the profiler slows it down.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { findPackage } from './optional.ts';
import type { Role } from './peer.ts';
import { runScenarios } from './run.ts';
import type { Scenario } from './scenarios.ts';

export const FLAMEGRAPH = '0x';

/** What is there of one side. */
export interface Profile {
  readonly role: Role;
  /** For DevTools, editors and speedscope. */
  readonly profile: string;
  /** Absent without 0x. */
  readonly page?: string;
}

/** @param folder is made, if need be @returns a profile of each side that is a Node process */
export async function profileScenario(scenario: Scenario, folder: string, share: number): Promise<Profile[]> {
  fs.mkdirSync(folder, { recursive: true });
  const placeOf = (role: Role): string => path.join(folder, `${role}.cpuprofile`);
  for (const role of ['server', 'client'] as const) fs.rmSync(placeOf(role), { force: true });
  await runScenarios([scenario], {
    rounds: 1,
    share,
    execArgv: (role) => ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${role}.cpuprofile`],
    progress: () => {},
  });
  const profiles: Profile[] = [];
  for (const role of ['server', 'client'] as const) {
    const profile = placeOf(role);
    if (!fs.existsSync(profile)) continue;
    const page = await draw(profile, path.join(folder, `${role}.html`));
    profiles.push(page === undefined ? { role, profile } : { role, profile, page });
  }
  return profiles;
}

/** @returns the page; undefined without 0x */
async function draw(profile: string, page: string): Promise<string | undefined> {
  const tool = findPackage(`${FLAMEGRAPH}/cmd.js`);
  if (tool === undefined) return undefined;
  const args = [tool, '--visualize-cpu-profile', profile, '--output-html', page];
  await promisify(execFile)(process.execPath, args, { cwd: path.dirname(page) });
  return page;
}
