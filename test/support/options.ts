/**
 * Options of the project's own commands, such as `npm run soak -- --seconds 60`: `--help` tells them, a mistake in what was typed is one line.
 *
 * Invariant: exit code 2 is a mistake in what was typed.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';

const WIDTH = 26;
const MISTAKE = 2;

type Options = NonNullable<ParseArgsConfig['options']>;
type Described<T extends Options> = { readonly [Name in keyof T]: T[Name] & { readonly help: string } };
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>;

export interface Command {
  /** As it is typed, with names for what may follow: `npm run fuzz -- <target> [options]`. */
  readonly usage: string;
  readonly about: string;
  /** What the words are that are no options; without it none are taken. */
  readonly words?: string;
}

/** Ends the process: something was typed wrong. */
export function mistaken(message: string): never {
  process.stderr.write(`${message}; --help tells what there is\n`);
  process.exit(MISTAKE);
}

/** What was typed behind the command. Ends the process for `--help` and for what is no option. */
export function readOptions<const T extends Options>(command: Command, options: Described<T>): Values<T> {
  const config = { options: options as T, allowPositionals: true } as const;
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(helpOf(command, options));
    process.exit(0);
  }
  try {
    const parsed = parseArgs(config);
    const [word] = parsed.positionals;
    if (command.words === undefined && word !== undefined) mistaken(`what is '${word}'?`);
    return parsed;
  } catch (error) {
    return mistaken((error as Error).message.split('. ')[0] as string);
  }
}

/** A number as people write it: 1e9, 250_000. */
export function numberOf(name: string, text: string, min = 0): number {
  const number = Number(text.replaceAll('_', ''));
  if (!(number >= min)) mistaken(`--${name} is a number from ${min} on, not '${text}'`);
  return number;
}

function helpOf({ usage, about, words }: Command, options: Described<Options>): string {
  const lines = Object.entries(options).map(([name, { type, default: otherwise, help }]) => {
    const typed = type === 'boolean' ? `--${name}` : `--${name} VALUE`;
    const unless = typeof otherwise === 'string' ? ` (${otherwise})` : '';
    return `  ${typed.padEnd(WIDTH)}${help}${unless}\n`;
  });
  const named = words === undefined ? '' : `\n${words}\n`;
  return `Usage: ${usage}\n\n${about}\n${named}\nOptions:\n${lines.join('')}`;
}
