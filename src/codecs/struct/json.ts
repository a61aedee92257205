/**
 * Structs from JSON, for teams whose schema belongs to the C side:
 *
 *   { "structs": { "pose": { "x": "f32" }, "imu": { "seq": "u32", "path": ["pose", 4], "mode": { "enum": "u8", "members": { "idle": 0 } },
 *     "status": { "flags": "u8", "names": ["ok"] }, "t": { "type": "u64", "offset": 80 } } }, "events": { "imu": 1 } }
 *
 * Invariant: the same fields give the same layout and hash as `defineStruct`. A struct uses those above it.
 */
import { badSchema, enumOf, flagsOf, SCALAR_BYTES } from './definition.ts';
import { defineStruct, type Struct } from './struct.ts';
import type {
  Definition,
  ElementType,
  EnumBase,
  FieldType,
  FlagsBase,
  PlacedType,
  ScalarType,
} from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param schema parsed JSON
 * @returns the structs by name
 * @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA
 */
export function structsFromJson(schema: unknown): Record<string, Struct> {
  const { structs } = fieldsOf('a schema', schema);
  const made: Record<string, Struct> = Object.create(null) as Record<string, Struct>;
  for (const [name, fields] of Object.entries(fieldsOf('"structs"', structs))) {
    const definition: Record<string, FieldType | PlacedType> = {};
    for (const [field, type] of Object.entries(fieldsOf(`struct ${name}`, fields)))
      definition[field] = placedOf(`field ${field} of struct ${name}`, type, made);
    made[name] = defineStruct<Definition>(name, definition);
  }
  return made;
}

function placedOf(where: string, type: unknown, made: Record<string, Struct>): FieldType | PlacedType {
  if (!isFields(type) || !('offset' in type)) return fieldOf(where, type, made);
  return { type: fieldOf(where, type['type'], made), offset: type['offset'] as number };
}

function fieldOf(where: string, type: unknown, made: Record<string, Struct>): FieldType {
  if (!Array.isArray(type)) return elementOf(where, type, made);
  const [element, count] = type as [unknown, number];
  return [elementOf(where, element, made), count];
}

function elementOf(where: string, type: unknown, made: Record<string, Struct>): ElementType {
  if (typeof type === 'string') {
    if (Object.hasOwn(SCALAR_BYTES, type)) return type as ScalarType;
    const struct = made[type];
    if (struct !== undefined) return struct;
    throw badSchema(
      `${where}: ${JSON.stringify(type.slice(0, 80))} is neither a type nor a struct above this one`,
    );
  }
  if (isFields(type) && 'enum' in type)
    return enumOf(
      type['enum'] as EnumBase,
      fieldsOf(`${where}: "members"`, type['members']) as Record<string, number>,
    );
  if (isFields(type) && 'flags' in type)
    return flagsOf(type['flags'] as FlagsBase, type['names'] as string[]);
  throw badSchema(
    `${where}: a type is a word, [type, count], or an object with "enum", "flags" or "type" and "offset"`,
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(what: string, value: unknown): Fields {
  if (isFields(value)) return value;
  throw badSchema(`${what} is not an object in JSON`);
}
