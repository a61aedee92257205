/**
 * Two versions of ringwire to measure against each other: a folder that holds a built one, or a commit, which is checked out and built in a
 * folder of its own.
 *
 * Invariant: the working tree stays as it is; `remove` takes away all that was made.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { RingwireError } from '../errors.ts';

export interface Checkout {
  /** URL of that version's entry file. */
  readonly library: string;
  remove(): void;
}

/**
 * @param version a folder, or anything that git takes for a commit
 * @param progress is told what takes long
 * @throws RingwireError ERR_RINGWIRE_BENCH_FILE when there is no such version, or it cannot be built or measured
 */
export function checkOut(version: string, progress: (what: string) => void): Checkout {
  if (fs.existsSync(version) && fs.statSync(version).isDirectory()) {
    return { library: libraryIn(path.resolve(version), version), remove: () => {} };
  }
  const commit = run(version, 'git', ['rev-parse', '--verify', '--quiet', `${version}^{commit}`]).trim();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-ab-'));
  const remove = (): void => {
    fs.rmSync(folder, { recursive: true, force: true });
    // Forgets the folder; never throws, so that the reason for a failure stays the one that is told.
    spawnSync('git', ['worktree', 'prune'], { stdio: 'ignore' });
  };
  try {
    progress(`checking out and building ${version}`);
    run(version, 'git', ['worktree', 'add', '--detach', folder, commit]);
    run(version, 'npm', ['ci', '--no-audit', '--no-fund'], folder);
    run(version, 'npm', ['run', 'build'], folder);
    return { library: libraryIn(folder, version), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function libraryIn(folder: string, version: string): string {
  const entry = path.join(folder, 'dist', 'index.js');
  if (fs.existsSync(entry)) return pathToFileURL(entry).href;
  throw new RingwireError(
    'ERR_RINGWIRE_BENCH_FILE',
    `${version} holds no built ringwire: there is no dist/index.js`,
  );
}

function run(version: string, command: string, args: readonly string[], cwd?: string): string {
  try {
    // A shell finds npm.cmd on Windows; none of the arguments needs quoting.
    const shell = process.platform === 'win32' && command === 'npm';
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd, shell });
  } catch (cause) {
    const what =
      command === 'git' && args[0] === 'rev-parse'
        ? 'is neither a folder nor a commit'
        : `failed at ${command} ${args[0]}`;
    throw new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${version} ${what}`, { cause });
  }
}
