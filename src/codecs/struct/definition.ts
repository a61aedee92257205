/**
 * Constructors of the field types that are more than a word, and the checks that a definition has to pass.
 *
 * Invariant: what passes has one meaning in TypeScript and in C: names are identifiers, values fit into their base types.
 */
import { RingwireError } from '../../errors.ts';
import type { EnumBase, EnumType, FlagsBase, FlagsType, ScalarType } from './types.ts';

/** How a value is read and written: a small integer, because a switch over words compares them one by one. */
export const Code = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  u64: 6,
  i64: 7,
  f32: 8,
  f64: 9,
  bool: 10,
  char: 11,
  enum: 12,
  flags: 13,
  struct: 14,
  /** Several `char`. */
  text: 15,
  array: 16,
} as const;

/** Bytes of each type; it is aligned to as many. */
export const SCALAR_BYTES: Readonly<Record<ScalarType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f32: 4,
  f64: 8,
  bool: 1,
  char: 1,
};

/** The least and the greatest value of the small integers. */
export const INTEGER_RANGE: Readonly<Record<EnumBase, readonly [least: number, most: number]>> = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
};

const FLAGS_BITS: Readonly<Record<FlagsBase, number>> = { u8: 8, u16: 16, u32: 32 };

const IDENTIFIER = /^[A-Za-z_]\w*$/;
const NAME_LENGTH_MAX = 64;

/** @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA unless `name` may stand in TypeScript and in C */
export function checkName(what: string, name: unknown): void {
  if (
    typeof name === 'string' &&
    IDENTIFIER.test(name) &&
    name.length <= NAME_LENGTH_MAX &&
    name !== '__proto__'
  )
    return;
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : typeof name;
  throw badSchema(
    `${what} must have a name of letters, digits and _, at most ${NAME_LENGTH_MAX}, not ${shown}`,
  );
}

/**
 * An integer whose values have names: `enumOf('u8', { idle: 0, run: 1 })`. A field takes a name or a number; a received number
 * without a name stays a number.
 * @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA
 */
export function enumOf<const M extends Readonly<Record<string, number>>>(
  base: EnumBase,
  members: M,
): EnumType<keyof M & string> {
  if (!Object.hasOwn(INTEGER_RANGE, base)) throw badSchema(`an enum cannot be made of ${String(base)}`);
  const [least, most] = INTEGER_RANGE[base];
  const seen = new Set<number>();
  for (const [name, value] of Object.entries(members)) {
    checkName('a member of an enum', name);
    if (!Number.isInteger(value) || value < least || value > most || seen.has(value))
      throw badSchema(
        `member ${name} of an enum of ${base} needs a value of its own from ${least} to ${most}`,
      );
    seen.add(value);
  }
  if (seen.size === 0) throw badSchema('an enum needs members');
  return { kind: 'enum', base, members: { ...members } };
}

/**
 * Bits with names, from the lowest on: `flagsOf('u8', ['ok', 'hot'])`. A field is an object of booleans.
 * @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA
 */
export function flagsOf<const N extends string>(base: FlagsBase, names: readonly N[]): FlagsType<N> {
  if (!Object.hasOwn(FLAGS_BITS, base)) throw badSchema(`flags cannot be made of ${String(base)}`);
  if (!Array.isArray(names) || names.length === 0 || names.length > FLAGS_BITS[base])
    throw badSchema(`flags of ${base} need 1 to ${FLAGS_BITS[base]} names`);
  for (const name of names) checkName('a flag', name);
  if (new Set(names).size < names.length) throw badSchema('two flags have the same name');
  return { kind: 'flags', base, names: [...names] };
}

export function badSchema(message: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BAD_SCHEMA', message);
}
