/**
 * `ringwire bench schema`: the JSON schema of results, for editors and for programs that write results.
 */
import { RESULTS_SCHEMA } from '../bench/schema.ts';
import { readArguments, UsageError } from './usage.ts';

const SCHEMA_HELP = `Usage: ringwire bench schema [--json]

Prints the JSON schema (draft 2020-12) of the files that 'ringwire bench run --json' and 'ringwire bench import' write.

Options:
  --json   what it prints is JSON anyway
  --help

Exit codes: 0 printed, 2 a mistake in the arguments.

Example:
  ringwire bench schema > results.schema.json
`;

/** @returns the exit code */
export function benchSchema(words: readonly string[]): number {
  const { values, positionals } = readArguments(
    words,
    { json: { type: 'boolean', default: true }, help: { type: 'boolean', default: false } },
    SCHEMA_HELP,
  );
  if (positionals.length > 0)
    throw new UsageError(`'${positionals[0]}' is one argument too many`, SCHEMA_HELP);
  process.stdout.write(values.help ? SCHEMA_HELP : `${JSON.stringify(RESULTS_SCHEMA, null, 2)}\n`);
  return 0;
}
