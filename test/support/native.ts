/**
 * The C and C++ programs of the repository, built with make where there is a compiler.
 *
 * Invariant: without make or a compiler there is a reason, and nothing fails.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './project.ts';

const PATIENCE_MS = 180_000;

/** Why C programs cannot be built here; undefined when they can. */
export function compilerMissing(...compilers: readonly string[]): string | undefined {
  for (const program of ['make', ...compilers]) {
    const { error, status } = spawnSync(program, ['--version'], { stdio: 'ignore' });
    if (error !== undefined || status !== 0) return `there is no ${program} here`;
  }
  return undefined;
}

/** Runs make in a folder of the repository. @returns what it printed. @throws with all of it when it failed */
export function make(folder: string, ...args: readonly string[]): string {
  const { status, signal, stdout, stderr } = spawnSync('make', ['-C', join(projectRoot(), folder), ...args], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  if (status !== 0) throw new Error(`make ${args.join(' ')}: ${signal ?? status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A program of native-peers, which make has built. */
export function nativePeer(name: string): string {
  return join(projectRoot(), 'native-peers', 'bin', name);
}
