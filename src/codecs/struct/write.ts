/**
 * Values into memory, checked on the way: every field has to be there and has to fit. Names that the struct does not have are ignored.
 *
 * Invariant: what was written completely has defined bytes everywhere, zeros where no field is; after an error the bytes are undefined, and
 * the caller forgets them.
 */
import { MessageError } from '../../errors.ts';
import { ArrayPlace } from './array-view.ts';
import { Code, INTEGER_RANGE } from './definition.ts';
import type { Element, Field, LaidOut, Layout } from './layout.ts';
import type { EnumBase, EnumType, FlagsType } from './types.ts';

/** Where values are written: two faces of the same bytes. */
export interface Target {
  readonly bytes: Buffer;
  readonly view: DataView;
}

type Values = Readonly<Record<string, unknown>>;

/** @throws RingwireError ERR_RINGWIRE_INVALID_STRUCT, naming the field */
export function writeStruct(layout: Layout, target: Target, at: number, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw invalid(`struct ${layout.name} takes an object, not ${value === null ? 'null' : typeof value}`);
  }
  const { fields, gaps } = layout;
  if (gaps.length > 0) zeroGaps(gaps, target, at);
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as Field;
    const given = (value as Values)[field.name];
    if (!write(field.code, field, target, at + field.offset, given)) throw unfit(layout, field, given);
  }
}

/**
 * One value of a field, which is all of it or an element.
 * @returns whether it fits
 */
function write(code: number, field: Field, target: Target, at: number, value: unknown): boolean {
  const { view } = target;
  switch (code) {
    case Code.u8:
      if (typeof value !== 'number' || (value & 0xff) !== value) return false;
      view.setUint8(at, value);
      return true;
    case Code.i8:
      if (typeof value !== 'number' || (value << 24) >> 24 !== value) return false;
      view.setInt8(at, value);
      return true;
    case Code.u16:
      if (typeof value !== 'number' || (value & 0xffff) !== value) return false;
      view.setUint16(at, value, true);
      return true;
    case Code.i16:
      if (typeof value !== 'number' || (value << 16) >> 16 !== value) return false;
      view.setInt16(at, value, true);
      return true;
    case Code.u32:
      if (typeof value !== 'number' || value >>> 0 !== value) return false;
      view.setUint32(at, value, true);
      return true;
    case Code.i32:
      if (typeof value !== 'number' || (value | 0) !== value) return false;
      view.setInt32(at, value, true);
      return true;
    case Code.f32:
      if (typeof value !== 'number') return false;
      view.setFloat32(at, value, true);
      return true;
    case Code.f64:
      if (typeof value !== 'number') return false;
      view.setFloat64(at, value, true);
      return true;
    case Code.u64:
    case Code.i64:
      return writeWide(view, at, value, code === Code.i64);
    case Code.bool:
      if (typeof value !== 'boolean') return false;
      view.setUint8(at, value ? 1 : 0);
      return true;
    default:
      return writeCompound(code, field, target, at, value);
  }
}

function writeCompound(code: number, field: Field, target: Target, at: number, value: unknown): boolean {
  const { element, count = 1 } = field;
  switch (code) {
    case Code.char:
      return writeText(target, at, 1, value);
    case Code.text:
      return writeText(target, at, count, value);
    case Code.array:
      return writeArray(field, count, target, at, value);
    case Code.enum: {
      const { base, members } = element.enumeration as EnumType;
      const isName = typeof value === 'string' && Object.hasOwn(members, value);
      return write(Code[base], field, target, at, isName ? members[value] : value);
    }
    case Code.flags: {
      const { base, names } = element.flags as FlagsType;
      return write(Code[base], field, target, at, bitsOf(names, value));
    }
    default:
      if (typeof value !== 'object' || value === null) return false;
      writeStruct((element.struct as LaidOut).layout, target, at, value);
      return true;
  }
}

function writeArray(field: Field, count: number, target: Target, at: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // An array of a view that is sent on has no indices of its own.
  const elements = (value instanceof ArrayPlace ? value.toArray() : value) as ArrayLike<unknown>;
  if (elements.length !== count) return false;
  const { code, bytes } = field.element;
  for (let index = 0; index < count; index++) {
    if (!write(code, field, target, at + index * bytes, elements[index])) return false;
  }
  return true;
}

/** @returns undefined for what is no object of booleans */
function bitsOf(names: readonly string[], value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  let bits = 0;
  for (let bit = 0; bit < names.length; bit++) {
    const set = (value as Values)[names[bit] as string];
    if (set === true) bits |= 1 << bit;
    else if (set !== undefined && set !== false) return undefined;
  }
  return bits >>> 0;
}

/** 64 bits: any bigint in range, or a safe integer. */
function writeWide(view: DataView, at: number, value: unknown, signed: boolean): boolean {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || (value < 0 && !signed)) return false;
    view.setUint32(at, value >>> 0, true);
    view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    return true;
  }
  if (typeof value !== 'bigint') return false;
  if ((signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value) return false;
  view.setBigInt64(at, value, true);
  return true;
}

/** Text of at most `count` bytes in UTF-8, filled up with zeros. */
function writeText({ bytes }: Target, at: number, count: number, value: unknown): boolean {
  if (typeof value !== 'string' || value.length > count) return false;
  const end = at + count;
  let place = at;
  for (; place - at < value.length; place++) {
    const code = value.charCodeAt(place - at);
    // A zero would cut the text where it is read.
    if (code === 0) return false;
    if (code > 0x7f) {
      if (value.includes('\0') || Buffer.byteLength(value) > count) return false;
      place = at + bytes.write(value, at, count, 'utf8');
      break;
    }
    bytes[place] = code;
  }
  while (place < end) bytes[place++] = 0;
  return true;
}

function zeroGaps(gaps: Layout['gaps'], { bytes }: Target, at: number): void {
  for (const [start, end] of gaps) for (let index = start; index < end; index++) bytes[at + index] = 0;
}

function unfit({ name: struct }: Layout, { name, element, count }: Field, value: unknown): MessageError {
  const where = `field ${name} of struct ${struct}`;
  if (value === undefined) return invalid(`${where} is missing`);
  return invalid(`${where} takes ${expectation(element, count)}, not the ${typeof value} that was given`);
}

function expectation(element: Element, count: number | undefined): string {
  if (element.scalar === 'char')
    return `text of at most ${count ?? 1} bytes in UTF-8 without the character 0`;
  const one = elementExpectation(element);
  return count === undefined ? one : `a list of exactly ${count}: each ${one}`;
}

function elementExpectation({ scalar, enumeration, flags }: Element): string {
  if (enumeration !== undefined) return `a name of the enum or a number that is a ${enumeration.base}`;
  if (flags !== undefined) return 'an object with true or false for each flag';
  switch (scalar) {
    case undefined:
      return 'an object';
    case 'f32':
    case 'f64':
      return 'a number';
    case 'bool':
      return 'true or false';
    case 'u64':
      return 'a bigint from 0n to 2n ** 64n - 1n or a safe integer from 0 on';
    case 'i64':
      return 'a bigint from -(2n ** 63n) to 2n ** 63n - 1n or a safe integer';
    default: {
      const [least, most] = INTEGER_RANGE[scalar as EnumBase];
      return `a whole number from ${least} to ${most}`;
    }
  }
}

function invalid(message: string): MessageError {
  return new MessageError('ERR_RINGWIRE_INVALID_STRUCT', message);
}
