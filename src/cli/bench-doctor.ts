/**
 * `ringwire bench doctor`: is this machine quiet enough to measure, and how small a difference can it tell?
 */
import { percent } from '../bench/checks.ts';
import { type Examination, examine } from '../bench/doctor.ts';
import { readArguments, UsageError } from './usage.ts';

const DOCTOR_HELP = `Usage: ringwire bench doctor [--json]

Looks for what makes measurements unsteady on this machine: load, other processes, steal time, clocks that change,
quotas, swapping, battery. Then it measures the same code as A and as B in turns (A B B A, 40 rounds) and tells the
smallest difference that 5, 10, 20 and 40 rounds could detect here: with a chance of 80 percent, from the 95 %
interval of the Hodges-Lehmann centre of the log ratios. Messages between processes vary more than this pure
loop, so take it for the least. What this system does not tell is skipped with the reason. Takes about three seconds.

Options:
  --json   print the checks as JSON
  --help

Exit codes: 0 quiet, 1 there are warnings, 2 a mistake in the arguments.

Example:
  ringwire bench doctor && ringwire bench run --full
`;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function benchDoctor(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, DOCTOR_HELP);
  if (values.help) {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  if (positionals.length > 0)
    throw new UsageError(`'${positionals[0]}' is one argument too many`, DOCTOR_HELP);
  const examination = await examine();
  process.stdout.write(values.json ? `${JSON.stringify(examination, null, 2)}\n` : report(examination));
  return examination.quiet ? 0 : 1;
}

function report({ quiet, checks, selfTest }: Examination): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, value, verdict, advice }) => [
    `${verdict.padEnd(7)}  ${name.padEnd(width)}  ${value}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 11)}${advice}`]),
  ]);
  const differences = selfTest.detectable.map(
    ({ rounds, difference }) =>
      `  ${String(rounds).padStart(2)} rounds: ${difference === undefined ? 'none, so few rounds can always be chance' : percent(difference)}`,
  );
  return [
    ...lines,
    '',
    'The smallest difference that can be detected here:',
    ...differences,
    '',
    quiet ? 'This machine is quiet.' : 'This machine is not quiet.',
    '',
  ].join('\n');
}
