/**
 * Row T04: `ringwire.h` under everything that finds faults in C: libFuzzer with sanitizers, valgrind, the analyzer of gcc, no and full optimisation, 32 bits.
 *
 * A tool that is missing is named, and its part skipped. libFuzzer goes on from what it has found before, in native-peers/bin.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compilerMissing } from '../support/native.ts';
import { projectRoot } from '../support/project.ts';
import type { Figures, LongRow, Work } from './row.ts';

/** Builds and valgrind come once in so many runs of the fuzzers, before them: what they find, they find at once. */
const RUNS_BETWEEN = 1_000_000;
const MEMCHECK_RUNS = 1_000;
/** Each builds all programs, without warnings, and runs them. */
const BUILDS: readonly (readonly [name: string, flags: string])[] = [
  ['O0', '-O0'],
  ['O3', '-O3'],
  ['analyzer', '-O2 -fanalyzer'],
  ['m32', '-O2 -m32'],
];
/** The analyzer of gcc knows C alone. */
const C_ONLY = '-fanalyzer';

/** Runs make in native-peers. @returns what it printed. @throws with the end of it when it failed */
async function make(...args: readonly string[]): Promise<string> {
  const child = spawn('make', ['-C', join(projectRoot(), 'native-peers'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.equal(code, 0, `make ${args.join(' ')}: ${signal ?? code}\n${output.slice(-2_000)}`);
  for (const [missing] of output.matchAll(/^no \w+ here.*$/gm)) process.stdout.write(`T04: ${missing}\n`);
  return output;
}

/** Whether gcc and g++ make programs with these flags here. */
function canBuild(flags: string, cxxFlags: string): boolean {
  return (
    builds('gcc', 'c', flags, '#include <stdlib.h>\nint main(void) { return 0; }') &&
    builds('g++', 'c++', cxxFlags, '#include <vector>\nint main() { return 0; }')
  );
}

function builds(compiler: string, language: string, flags: string, input: string): boolean {
  const args = [...flags.split(' '), '-x', language, '-o', '/dev/null', '-'];
  return spawnSync(compiler, args, { input }).status === 0;
}

async function build(): Promise<void> {
  for (const [name, flags] of BUILDS) {
    const cxxFlags = flags.replace(C_ONLY, '').trim();
    if (!canBuild(flags, cxxFlags)) {
      process.stdout.write(`T04: gcc cannot build with ${flags} here\n`);
      continue;
    }
    const printed = await make('check', `BIN=bin/${name}`, `CFLAGS=${flags}`, `CXXFLAGS=${cxxFlags}`);
    assert.match(printed, /^vectors: [1-9]\d* passed, 0 failed$/m);
  }
}

async function native({ count, first, seed }: Work): Promise<Figures> {
  const step = `SEED=${seed + first}`;
  if (first % RUNS_BETWEEN === 0) {
    await build();
    await make('valgrind', `MEMCHECK_RUNS=${MEMCHECK_RUNS}`, step);
  }
  const printed = await make('fuzz', `RUNS=${count}`, step);
  const covered = /^#\d+\s+DONE\s+cov: (\d+)/m.exec(printed)?.[1];
  return covered === undefined ? {} : { 'places reached by libFuzzer': Number(covered) };
}

export const NATIVE_ROWS: readonly LongRow[] = [
  {
    id: 'T04',
    what: 'ringwire.h under fuzzers, valgrind and analyzers',
    unit: 'runs of the fuzzers',
    goal: 1e9,
    step: 200_000,
    missing: () => compilerMissing('gcc', 'g++'),
    run: native,
  },
];
