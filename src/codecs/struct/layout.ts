/**
 * Where the fields of a struct lie: natural alignment, little-endian, as a C compiler places them (PROTOCOL.md section 1.6), and the hash
 * by which two programs find out that they disagree.
 *
 * Invariant: fields are in order of declaration and of offset, never overlap, and each is aligned to its own size.
 */
import { STRUCT_BYTES_MAX, STRUCT_FIELDS_MAX } from '../../limits.ts';
import { badSchema, checkName, Code, SCALAR_BYTES } from './definition.ts';
import type {
  ArrayType,
  Definition,
  ElementType,
  EnumType,
  FieldType,
  FlagsType,
  PlacedType,
  ScalarType,
  StructType,
} from './types.ts';

/** A struct that can be a field: what `defineStruct` returns. */
export interface LaidOut extends StructType {
  readonly layout: Layout;
}

/** One value, as a field or in an array. Exactly one of `enumeration`, `flags` and `struct` may be there. */
export interface Element {
  /** One of `Code`. */
  readonly code: number;
  /** The type in memory; of a struct there is none. */
  readonly scalar: ScalarType | undefined;
  readonly bytes: number;
  readonly align: number;
  /** As the layout hash spells it. */
  readonly text: string;
  readonly enumeration?: EnumType;
  /** Of an enum: by value. */
  readonly names?: ReadonlyMap<number, string>;
  readonly flags?: FlagsType;
  readonly struct?: LaidOut;
}

export interface Field {
  readonly name: string;
  /** The element's, or that of a text or an array. */
  readonly code: number;
  readonly offset: number;
  readonly bytes: number;
  readonly element: Element;
  /** Elements of an array; undefined for a single one. */
  readonly count: number | undefined;
  /** The field's line in the layout hash. */
  readonly line: string;
}

export interface Layout {
  readonly name: string;
  readonly bytes: number;
  readonly align: number;
  readonly fields: readonly Field[];
  /** Ranges that belong to no field. */
  readonly gaps: readonly (readonly [start: number, end: number])[];
}

/** @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA, naming the field */
export function layOut(name: string, definition: Definition): Layout {
  checkName('a struct', name);
  if (Object.hasOwn(SCALAR_BYTES, name)) throw badSchema(`a struct cannot be called ${name}: that is a type`);
  if (typeof definition !== 'object' || definition === null) throw badSchema(`struct ${name} needs fields`);
  const entries = Object.entries(definition);
  if (entries.length === 0 || entries.length > STRUCT_FIELDS_MAX)
    throw badSchema(`struct ${name} needs 1 to ${STRUCT_FIELDS_MAX} fields`);
  const fields: Field[] = [];
  const gaps: [number, number][] = [];
  let end = 0;
  let align = 1;
  for (const [fieldName, given] of entries) {
    checkName(`a field of struct ${name}`, fieldName);
    const field = place(`field ${fieldName} of struct ${name}`, fieldName, given, end);
    if (field.offset > end) gaps.push([end, field.offset]);
    end = field.offset + field.bytes;
    if (end > STRUCT_BYTES_MAX)
      throw badSchema(`struct ${name} is larger than ${STRUCT_BYTES_MAX} bytes: send such data raw`);
    align = Math.max(align, field.element.align);
    fields.push(field);
  }
  const bytes = alignUp(end, align);
  if (bytes > end) gaps.push([end, bytes]);
  return { name, bytes, align, fields, gaps };
}

function place(where: string, name: string, given: FieldType | PlacedType, end: number): Field {
  const placed = isPlaced(given) ? given : undefined;
  const type = placed?.type ?? (given as FieldType);
  const array = Array.isArray(type) ? (type as unknown as ArrayType) : undefined;
  const element = elementOf(where, array === undefined ? (type as ElementType) : array[0]);
  const count = array?.[1];
  if (array !== undefined && !(array.length === 2 && Number.isInteger(count) && (count as number) >= 1))
    throw badSchema(`${where}: an array is [type, count] with a whole number from 1 on`);
  const offset = placed?.offset ?? alignUp(end, element.align);
  if (!Number.isInteger(offset) || offset < end || offset % element.align !== 0)
    throw badSchema(
      `${where}: the offset must be a multiple of ${element.align} from ${alignUp(end, element.align)} on`,
    );
  const text = count === undefined ? element.text : `${element.text}[${count}]`;
  const code = count === undefined ? element.code : element.code === Code.char ? Code.text : Code.array;
  const line = `${offset} ${text} ${name}\n`;
  return { name, code, offset, bytes: element.bytes * (count ?? 1), element, count, line };
}

function elementOf(where: string, type: ElementType): Element {
  if (typeof type === 'string') {
    if (!Object.hasOwn(SCALAR_BYTES, type))
      throw badSchema(`${where}: there is no type ${JSON.stringify(String(type).slice(0, 80))}`);
    const bytes = SCALAR_BYTES[type];
    return { code: Code[type], scalar: type, bytes, align: bytes, text: type };
  }
  if (isLaidOut(type)) {
    const { bytes, align, fields } = type.layout;
    const text = `{${fields.map((field) => field.line).join('')}}`;
    return { code: Code.struct, scalar: undefined, bytes, align, text, struct: type };
  }
  if (typeof type === 'object' && type !== null && 'kind' in type) {
    const bytes = SCALAR_BYTES[type.base];
    const base = { scalar: type.base, bytes, align: bytes, text: type.base };
    if (type.kind === 'enum') {
      const names = new Map(Object.entries(type.members).map(([name, value]) => [value, name]));
      return { ...base, code: Code.enum, enumeration: type, names };
    }
    if (type.kind === 'flags') return { ...base, code: Code.flags, flags: type };
  }
  if (Array.isArray(type)) throw badSchema(`${where}: for an array of arrays make the inner one a struct`);
  throw badSchema(`${where}: a type is a word such as 'u32', an array, an enum, flags or a struct`);
}

function isPlaced(given: FieldType | PlacedType): given is PlacedType {
  return typeof given === 'object' && given !== null && 'offset' in given && 'type' in given;
}

function isLaidOut(type: ElementType): type is LaidOut {
  return typeof type === 'object' && type !== null && 'layout' in type;
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

const FNV_BASIS = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** FNV-1a of 64 bits over the lines of no field, of the first one, of the first two, and so on to all of them. */
export function layoutHashes(fields: readonly Field[]): bigint[] {
  let hash = FNV_BASIS;
  const hashes = [hash];
  for (const { line } of fields) {
    for (const byte of Buffer.from(line)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
    hashes.push(hash);
  }
  return hashes;
}
