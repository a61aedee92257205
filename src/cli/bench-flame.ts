/**
 * `ringwire bench flame`: a flamegraph of each side of one row.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { FLAMEGRAPH, profileScenario } from '../bench/flame.ts';
import { loadScenarios } from '../bench/scenario-module.ts';
import { SCENARIOS } from '../bench/scenarios.ts';
import { chooseScenarios, withoutMissing } from './bench-run.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const FLAME_HELP: string = `Usage: ringwire bench flame [options] <row>

Measures one row with V8's profiler on both sides and draws a flamegraph of each: one HTML page per side that opens from
disk. The pages are drawn by ${FLAMEGRAPH}, where it is installed; the profiles themselves open in DevTools, editors and speedscope.

Options:
  --output <folder>   for the profiles and pages (default 'flame')
  --share <share>     of the full count of messages (default 0.5)
  --scenario <file>   the scenarios that this module exports, instead of ringwire's own
  --json              print the files as JSON: [{"role","profile","page"}]
  --help

Exit codes: 0 profiled, 2 a mistake in the arguments, or a row that cannot be measured here, 4 the measurement failed.

Example:
  npm install --no-save ${FLAMEGRAPH}
  ringwire bench flame unix/drop-in/sensor/one-way
`;

const OPTIONS = {
  output: { type: 'string', default: 'flame' },
  share: { type: 'string', default: '0.5' },
  scenario: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function benchFlame(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, FLAME_HELP);
  if (values.help) {
    process.stdout.write(FLAME_HELP);
    return 0;
  }
  const [row, ...more] = positionals;
  if (row === undefined || more.length > 0) throw new UsageError('one row is needed', FLAME_HELP);
  const share = readNumber('share', values.share, 0, FLAME_HELP);
  const all = values.scenario === undefined ? SCENARIOS : await loadScenarios(values.scenario);
  const [scenario, ...others] = chooseScenarios(all, [row], FLAME_HELP);
  if (scenario === undefined || others.length > 0)
    throw new UsageError(
      `${row} is in the names of ${others.length + 1} rows; 'ringwire bench run --list ${row}' shows them`,
      FLAME_HELP,
    );
  const [possible] = await withoutMissing([scenario], say);
  if (possible === undefined) return 2;
  say(`profiling ${scenario.id}`);
  const profiles = await profileScenario(possible, path.resolve(values.output), share);
  if (profiles.some(({ page }) => page === undefined))
    say(`profiles only: pages need ${FLAMEGRAPH}, 'npm install --no-save ${FLAMEGRAPH}' installs it`);
  if (values.json) process.stdout.write(`${JSON.stringify(profiles)}\n`);
  else
    for (const { role, profile, page } of profiles)
      process.stdout.write(`${role}: ${page === undefined ? profile : pathToFileURL(page).href}\n`);
  return 0;
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}
