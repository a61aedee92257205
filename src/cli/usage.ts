/**
 * Arguments of a command, read by `util.parseArgs`; what it cannot read becomes one clear line and the help of the command.
 *
 * Invariant: a UsageError is always the typist's mistake.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';

export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** @throws UsageError */
export function readArguments<T extends Options>(
  args: readonly string[],
  options: T,
  help: string,
): { values: ReturnType<typeof parseArgs<{ options: T }>>['values']; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values, positionals };
  } catch (error) {
    // The rest of parseArgs' message explains how to pass an argument that looks like an option.
    throw new UsageError((error as Error).message.split('. ')[0] ?? '', help);
  }
}

/** A number from `least` on. @throws UsageError */
export function readNumber(name: string, text: string, least: number, help: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value;
  throw new UsageError(`--${name} is a number from ${least} on, not '${text}'`, help);
}
