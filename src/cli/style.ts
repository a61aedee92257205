/**
 * Colour where people look: on terminals, and nowhere else unless the environment says so.
 *
 * Invariant: without colour the text is the text, byte for byte.
 */
import type tty from 'node:tty';

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], cyan: [36, 39] } as const;

/** Text in a style, or the text itself. */
export type Paint = (style: keyof typeof CODES, text: string) => string;

type Environment = Readonly<Record<string, string | undefined>>;

/** FORCE_COLOR asks for colour (0 and false refuse it), then NO_COLOR refuses it, then a terminal decides that is not dumb. */
export function hasColour(stream: { readonly isTTY?: boolean }, env: Environment = process.env): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (no !== undefined && no !== '') return false;
  return stream.isTTY === true && term !== 'dumb';
}

export function paintFor(stream: tty.WriteStream): Paint {
  if (!hasColour(stream)) return (_style, text) => text;
  return (style, text) => {
    const [on, off] = CODES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** Peers choose their names and those of events: what would move the cursor, or what people do not see, is shown as a question mark. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}
