/**
 * Plain objects out of payloads: every value is the program's own.
 *
 * Invariant: the object has exactly the fields of the definition, in its order; bytes that mean nothing (an enum's unknown value, text that is
 * not UTF-8) become a number and replacement characters, never an error.
 */
import { Code } from './definition.ts';
import type { Element, Field, LaidOut, Layout } from './layout.ts';
import { type Memory, readText } from './memory.ts';
import type { EnumType, FlagsType } from './types.ts';

/** The struct whose first byte is at `at`; all of its bytes are there. */
export function readObject({ fields }: Layout, memory: Memory, at: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const field of fields) object[field.name] = readField(field, memory, at + field.offset);
  return object;
}

function readField({ code, element, count = 1 }: Field, memory: Memory, at: number): unknown {
  if (code === Code.text) return readText(memory, at, count);
  return code === Code.array ? readArray(element, count, memory, at) : readElement(element, memory, at);
}

export function readArray(element: Element, count: number, memory: Memory, at: number): unknown[] {
  const array: unknown[] = [];
  for (let index = 0; index < count; index++)
    array.push(readElement(element, memory, at + index * element.bytes));
  return array;
}

function readElement(element: Element, memory: Memory, at: number): unknown {
  switch (element.code) {
    case Code.enum: {
      const value = readScalar(Code[(element.enumeration as EnumType).base], memory, at);
      return (element.names as ReadonlyMap<unknown, string>).get(value) ?? value;
    }
    case Code.flags:
      return readFlags(element.flags as FlagsType, memory, at);
    case Code.struct:
      return readObject((element.struct as LaidOut).layout, memory, at);
    default:
      return readScalar(element.code, memory, at);
  }
}

function readFlags({ base, names }: FlagsType, memory: Memory, at: number): Record<string, boolean> {
  const bits = readScalar(Code[base], memory, at) as number;
  const flags: Record<string, boolean> = {};
  for (const [bit, name] of names.entries()) flags[name] = ((bits >>> bit) & 1) !== 0;
  return flags;
}

function readScalar(code: number, memory: Memory, at: number): unknown {
  const { data } = memory;
  switch (code) {
    case Code.u8:
      return data.getUint8(at);
    case Code.i8:
      return data.getInt8(at);
    case Code.u16:
      return data.getUint16(at, true);
    case Code.i16:
      return data.getInt16(at, true);
    case Code.u32:
      return data.getUint32(at, true);
    case Code.i32:
      return data.getInt32(at, true);
    case Code.u64:
      return data.getBigUint64(at, true);
    case Code.i64:
      return data.getBigInt64(at, true);
    case Code.f32:
      return data.getFloat32(at, true);
    case Code.f64:
      return data.getFloat64(at, true);
    case Code.bool:
      return data.getUint8(at) !== 0;
    default:
      return readText(memory, at, 1);
  }
}
