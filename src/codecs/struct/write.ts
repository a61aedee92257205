/**
 * Values into memory, checked on the way: every field has to be there and has to fit. Names that the struct does not have are ignored.
 *
 * Invariant: what was written completely has defined bytes everywhere, zeros where no field is; after an error the bytes are undefined, and
 * the caller forgets them.
 */
import { MessageError } from '../../errors.ts';
import { ArrayPlace } from './array-view.ts';
import { INTEGER_RANGE } from './definition.ts';
import type { Element, Field, Layout } from './layout.ts';
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
  for (const [start, end] of gaps) zero(target, at + start, at + end);
  // An object that lists the fields in the order of the struct is read by its own order: engines do that without looking up names.
  let index = 0;
  for (const name in value) {
    const field = fields[index];
    if (field === undefined || name !== field.name) break;
    writeField(layout, field, target, at + field.offset, (value as Values)[name]);
    index++;
  }
  for (; index < fields.length; index++) {
    const field = fields[index] as Field;
    writeField(layout, field, target, at + field.offset, (value as Values)[field.name]);
  }
}

function writeField(layout: Layout, field: Field, target: Target, at: number, value: unknown): void {
  const { element, count } = field;
  const fits =
    count === undefined
      ? writeElement(element, target, at, value)
      : element.scalar === 'char'
        ? writeText(target, at, count, value)
        : writeArray(element, count, target, at, value);
  if (!fits) throw unfit(layout, field, value);
}

function writeArray(element: Element, count: number, target: Target, at: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // An array of a view that is sent on has no indices of its own.
  const elements = (value instanceof ArrayPlace ? value.toArray() : value) as ArrayLike<unknown>;
  if (elements.length !== count) return false;
  for (let index = 0; index < count; index++) {
    if (!writeElement(element, target, at + index * element.bytes, elements[index])) return false;
  }
  return true;
}

/** @returns whether the value fits */
function writeElement(element: Element, target: Target, at: number, value: unknown): boolean {
  if (element.struct !== undefined) {
    writeStruct(element.struct.layout, target, at, value);
    return true;
  }
  if (element.enumeration !== undefined) return writeEnum(element, element.enumeration, target, at, value);
  if (element.flags !== undefined) return writeFlags(element, element.flags, target, at, value);
  return writeScalar(element, target, at, value);
}

function writeScalar({ scalar }: Element, { bytes, view }: Target, at: number, value: unknown): boolean {
  switch (scalar) {
    case 'f64':
      if (typeof value !== 'number') return false;
      view.setFloat64(at, value, true);
      return true;
    case 'f32':
      if (typeof value !== 'number') return false;
      view.setFloat32(at, value, true);
      return true;
    case 'u32':
      if (typeof value !== 'number' || value >>> 0 !== value) return false;
      view.setUint32(at, value, true);
      return true;
    case 'i32':
      if (typeof value !== 'number' || (value | 0) !== value) return false;
      view.setInt32(at, value, true);
      return true;
    case 'u16':
      if (typeof value !== 'number' || (value & 0xffff) !== value) return false;
      view.setUint16(at, value, true);
      return true;
    case 'i16':
      if (typeof value !== 'number' || (value << 16) >> 16 !== value) return false;
      view.setInt16(at, value, true);
      return true;
    case 'u8':
      if (typeof value !== 'number' || (value & 0xff) !== value) return false;
      bytes[at] = value;
      return true;
    case 'i8':
      if (typeof value !== 'number' || (value << 24) >> 24 !== value) return false;
      bytes[at] = value;
      return true;
    case 'bool':
      if (typeof value !== 'boolean') return false;
      bytes[at] = value ? 1 : 0;
      return true;
    case 'char':
      return writeText({ bytes, view }, at, 1, value);
    case 'u64':
    case 'i64':
      return writeWide(view, at, value, scalar === 'i64');
    case undefined:
      return false;
  }
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

function writeEnum(element: Element, type: EnumType, target: Target, at: number, value: unknown): boolean {
  if (typeof value !== 'string') return writeScalar(element, target, at, value);
  return Object.hasOwn(type.members, value) && writeScalar(element, target, at, type.members[value]);
}

function writeFlags(element: Element, type: FlagsType, target: Target, at: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  let bits = 0;
  for (let bit = 0; bit < type.names.length; bit++) {
    const set = (value as Values)[type.names[bit] as string];
    if (set === true) bits |= 1 << bit;
    else if (set !== undefined && set !== false) return false;
  }
  return writeScalar(element, target, at, bits >>> 0);
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

function zero({ bytes }: Target, start: number, end: number): void {
  for (let at = start; at < end; at++) bytes[at] = 0;
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
