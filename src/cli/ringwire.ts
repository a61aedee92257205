#!/usr/bin/env node
/**
 * The command `ringwire`: finds the command that was typed and turns what it returns or throws into an exit code. Data goes to stdout, everything
 * else to stderr.
 *
 * Invariant: 0 is success, 1 is a negative answer of the command, 2 is a mistake in what was typed, 4 a measurement that failed, 70 a
 * defect of ours.
 */
import { RingwireError } from '../errors.ts';
import { bench } from './bench.ts';
import { codegen } from './codegen.ts';
import { UsageError } from './usage.ts';

const HELP = `Usage: ringwire <command>

Commands:
  bench    measure messages, compare two measurements
  codegen  write the C header of a schema of structs

ringwire <command> --help tells more.
`;

/** A measurement failed: messages were lost or wrong, or a process died. */
const FAILED = 4;
const DEFECT = 70;

async function main(words: readonly string[]): Promise<number> {
  const [command, ...rest] = words;
  if (command === 'bench') return bench(rest);
  if (command === 'codegen') return codegen(rest);
  if (command === '--help' || command === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  throw new UsageError(
    command === undefined ? 'a command is missing' : `there is no command '${command}'`,
    HELP,
  );
}

function failed(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`ringwire: ${error.message}\n\n${error.help}`);
    return 2;
  }
  if (error instanceof RingwireError) {
    process.stderr.write(`ringwire: ${error.message} (${error.code})\n`);
    return error.code === 'ERR_RINGWIRE_BENCH_RUN' ? FAILED : 2;
  }
  process.stderr.write(
    `ringwire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return DEFECT;
}

process.exitCode = await main(process.argv.slice(2)).catch(failed);
