/**
 * `npm run mutate [-- <group, or part of a file's path>]`: mutation testing of the files that groups.mjs names. Each group is copied and built
 * once, with all of its mutants in it; a mutant is then switched on by the environment while the tests that reach it run. One process is busy at
 * a time.
 *
 * It says which mutants no test noticed, and fails when these are more than one in ten; some change nothing but the time that something takes.
 * Nothing is kept between runs: Stryker cannot see that a compiled test has changed. Row T19 of RELIABILITY.md.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import { groups } from './groups.mjs';

/** Share of the mutants that has to be noticed. */
const SCORE_MIN = 0.9;

/** Beyond what the tests took without a mutant. One that never ends mostly stops at a count of Stryker's. */
const TIMEOUT_MS = 10_000;

const root = path.join(import.meta.dirname, '..');
/** What the tests need of the project. */
const SOURCES = [
  'src/**',
  'test/**',
  'bench/**',
  'fixtures/**',
  'PROTOCOL.md',
  'package.json',
  'tsconfig*.json',
];
/** Copies that are built, one for each group; below `build`, which nobody reads, formats or publishes. */
const SANDBOXES = 'build/mutation';

function mutate(files, tests) {
  return new Stryker({
    mutate: files,
    testRunner: 'tap',
    plugins: ['@stryker-mutator/tap-runner', './error-texts.mjs', './missed.mjs'].map((name) =>
      fileURLToPath(import.meta.resolve(name)),
    ),
    tap: {
      testFiles: tests.map((name) => `build/test/${name}.test.js`),
      nodeArgs: ['--test-reporter=tap', '-r', '{{hookFile}}', '{{testFile}}'],
    },
    coverageAnalysis: 'perTest',
    ignorers: ['error-texts'],
    // Types are not checked, many mutants break them. Stryker has no need of the settings, and no way to read them with this compiler.
    disableTypeChecks: false,
    tsconfigFile: 'none',
    // In the sandbox, three folders down, whose own node_modules come after the build.
    buildCommand: 'node ../../../node_modules/typescript/bin/tsc -p tsconfig.build.json --noCheck',
    ignorePatterns: ['**', ...SOURCES.map((name) => `!${name}`)],
    tempDirName: SANDBOXES,
    concurrency: 1,
    timeoutMS: TIMEOUT_MS,
    allowConsoleColors: false,
    reporters: ['missed', 'progress-append-only'],
    logLevel: 'error',
  }).runMutationTest();
}

/** In Stryker's words. One whose test program did not even start was noticed. */
const NOTICED = { Killed: 'killed', RuntimeError: 'killed', Timeout: 'timeouts' };
const MISSED = { Survived: 'survived', NoCoverage: 'survived', Ignored: 'ignored' };

/** What became of the mutants of a file. */
function figures(results) {
  const counts = { mutants: 0, killed: 0, timeouts: 0, survived: 0, ignored: 0 };
  for (const { status } of results) {
    const name = NOTICED[status] ?? MISSED[status];
    if (name === undefined) throw new Error(`a mutant that is '${status}'`);
    counts[name]++;
    if (name !== 'ignored') counts.mutants++;
  }
  return counts;
}

/** Share of the mutants that was noticed. */
function scoreOf({ mutants, killed, timeouts }) {
  return (killed + timeouts) / mutants;
}

const part = process.argv[2] ?? '';
const chosen = groups
  .map((group) => ({
    ...group,
    files: group.files.filter((file) => part === group.name || file.includes(part)),
  }))
  .filter((group) => group.files.length > 0);
if (chosen.length === 0) {
  process.stderr.write(
    `no group is called '${part}', and none has a file with that in its path: ${groups.map(({ name }) => name).join(' ')}\n`,
  );
  process.exit(1);
}

process.chdir(root);
// As in `npm test`: what was received is overwritten as soon as it is handled.
process.env.RINGWIRE_POISON = '1';
fs.rmSync(SANDBOXES, { recursive: true, force: true });
fs.mkdirSync('build', { recursive: true });
const table = [];
for (const { name, files, tests } of chosen) {
  const start = performance.now();
  const results = await mutate(files, tests);
  process.stdout.write(`${name}: ${Math.round((performance.now() - start) / 1000)} s\n`);
  for (const file of files) {
    const own = results.filter(({ fileName }) => path.resolve(fileName) === path.resolve(file));
    const counts = figures(own);
    table.push({ file, ...counts, score: `${(100 * scoreOf(counts)).toFixed(1)}%` });
  }
}
console.table(table);
const [mutants, killed, timeouts] = ['mutants', 'killed', 'timeouts'].map((name) =>
  table.reduce((total, row) => total + row[name], 0),
);
const score = scoreOf({ mutants, killed, timeouts });
process.stdout.write(`${(100 * score).toFixed(1)}% of ${mutants} mutants were noticed\n`);
if (!(score >= SCORE_MIN)) process.exitCode = 1;
