/**
 * Plain objects out of payloads: every value is the program's own.
 *
 * Invariant: the object has exactly the fields of the definition, in its order; bytes that mean nothing (an enum's unknown value, text that is
 * not UTF-8) become a number and replacement characters, never an error.
 */
import type { Element, Field, Layout } from './layout.ts';
import { type Memory, readText } from './memory.ts';
import type { ScalarType } from './types.ts';

/** The struct whose first byte is at `at`; all of its bytes are there. */
export function readObject({ fields }: Layout, memory: Memory, at: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const field of fields) object[field.name] = readField(field, memory, at + field.offset);
  return object;
}

function readField({ element, count }: Field, memory: Memory, at: number): unknown {
  if (count === undefined) return readElement(element, memory, at);
  return element.scalar === 'char' ? readText(memory, at, count) : readArray(element, count, memory, at);
}

export function readArray(element: Element, count: number, memory: Memory, at: number): unknown[] {
  const array: unknown[] = [];
  for (let index = 0; index < count; index++)
    array.push(readElement(element, memory, at + index * element.bytes));
  return array;
}

function readElement({ scalar, struct, names, flags }: Element, memory: Memory, at: number): unknown {
  if (scalar === undefined) return readObject((struct as { layout: Layout }).layout, memory, at);
  const value = readScalar(scalar, memory, at);
  if (names !== undefined) return names.get(value as number) ?? value;
  if (flags === undefined) return value;
  const bits: Record<string, boolean> = {};
  for (const [bit, name] of flags.names.entries()) bits[name] = (((value as number) >>> bit) & 1) !== 0;
  return bits;
}

function readScalar(scalar: ScalarType, memory: Memory, at: number): unknown {
  const { data } = memory;
  switch (scalar) {
    case 'u8':
      return data.getUint8(at);
    case 'i8':
      return data.getInt8(at);
    case 'u16':
      return data.getUint16(at, true);
    case 'i16':
      return data.getInt16(at, true);
    case 'u32':
      return data.getUint32(at, true);
    case 'i32':
      return data.getInt32(at, true);
    case 'u64':
      return data.getBigUint64(at, true);
    case 'i64':
      return data.getBigInt64(at, true);
    case 'f32':
      return data.getFloat32(at, true);
    case 'f64':
      return data.getFloat64(at, true);
    case 'bool':
      return data.getUint8(at) !== 0;
    case 'char':
      return readText(memory, at, 1);
  }
}
