/**
 * Finds the command that was typed and turns what it returns or throws into an exit code. Data goes to stdout, everything else to stderr.
 *
 * Invariant: 0 is success, 1 is a negative answer of the command, 2 is a mistake in what was typed, 4 a measurement that failed, 70 a
 * defect of ours.
 */
import { RingwireError } from '../errors.ts';
import { UsageError } from './usage.ts';

const HELP = `Usage: ringwire <command>

Commands:
  listen <address>                  a server that prints what it gets
  send <address> <event> [data]     send a message
  request <address> <name> [input]  ask a peer, print the answer
  lat <address>                     how long round trips take
  top <address>                     what goes through a running server, and who its peers are
  tap <address> <target>            show or record what two programs say to each other
  record <address> <target> <file>  record it
  replay <file> <address>           send a recording again
  doctor <address>                  why does a connect fail?
  certs [name ...]                  certificates for development
  codegen <schema>                  the C header of a schema of structs
  bench <subcommand>                measure messages, compare measurements, guard them in CI

ringwire <command> --help tells more.

Examples:
  ringwire listen ipc://world
  ringwire send ipc://world message '{"text":"hello"}'
`;

/** A measurement failed: messages were lost or wrong, or a process died. */
const FAILED = 4;
const DEFECT = 70;

type Command = (words: readonly string[]) => number | Promise<number>;

/** Each is loaded when it is typed: none waits for the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  bench: async () => (await import('./bench.ts')).bench,
  certs: async () => (await import('./certs.ts')).certs,
  codegen: async () => (await import('./codegen.ts')).codegen,
  doctor: async () => (await import('./doctor.ts')).doctor,
  lat: async () => (await import('./lat.ts')).lat,
  listen: async () => (await import('./listen.ts')).listen,
  record: async () => (await import('./record.ts')).record,
  replay: async () => (await import('./replay.ts')).replay,
  request: async () => (await import('./request.ts')).request,
  send: async () => (await import('./send.ts')).send,
  tap: async () => (await import('./tap.ts')).tap,
  top: async () => (await import('./top.ts')).top,
};

/** Codes of the system and of TLS: ECONNREFUSED, ENOENT, SELF_SIGNED_CERT_IN_CHAIN ... */
const OUTSIDE = /^(?:E[A-Z]+|ERR_TLS_.*|ERR_SSL_.*|UNABLE_TO_.*|.*CERT.*)$/;

async function main(words: readonly string[]): Promise<number> {
  const [command, ...rest] = words;
  const load = command !== undefined && Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (load !== undefined) return (await load())(rest);
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
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && OUTSIDE.test(code)) {
    process.stderr.write(`ringwire: ${message}; 'ringwire doctor <address>' explains why a connect fails\n`);
    return 2;
  }
  process.stderr.write(
    `ringwire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return DEFECT;
}

/** @returns the exit code */
export function runCommand(words: readonly string[]): Promise<number> {
  return main(words).catch(failed);
}
