/**
 * One struct in C: its constants, its members with all padding spelled out, assertions about every size and offset, and functions that copy it in and
 * out of payloads.
 *
 * Invariant: a compiler that places a member elsewhere than the schema does, does not compile the header.
 */
import { badSchema } from '../codecs/struct/definition.ts';
import type { Field } from '../codecs/struct/layout.ts';
import type { Struct } from '../codecs/struct/struct.ts';
import type { ScalarType } from '../codecs/struct/types.ts';
import { checkWord, constantName, type Names } from './c-names.ts';

/** A bool is a byte: whatever another program puts into it, reading it is defined. */
const TYPES: Readonly<Record<ScalarType, string>> = {
  u8: 'uint8_t',
  i8: 'int8_t',
  u16: 'uint16_t',
  i16: 'int16_t',
  u32: 'uint32_t',
  i32: 'int32_t',
  u64: 'uint64_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
  bool: 'uint8_t',
  char: 'char',
};

/** Constants of an enum are int in C. */
const ENUM_MOST = 0x7fff_ffff;

export function structLines(struct: Struct, names: Names): string[] {
  const { name, fields } = struct;
  const constant = constantName(name);
  checkWord('a struct', name);
  for (const field of fields) checkWord(`a field of struct ${name}`, field.name);
  return [
    `/* ---- ${name} ---- */`,
    '',
    `#define ${names.take(`${constant}_BYTES`)} ${struct.bytes}u`,
    `#define ${names.take(`${constant}_FIELD_COUNT`)} ${fields.length}u`,
    `#define ${names.take(`${constant}_LAYOUT_HASH`)} UINT64_C(0x${struct.hash.toString(16).padStart(16, '0')})`,
    '/* An rw_layout for rw_write_hello; event is a string literal. */',
    `#define ${names.take(`${constant}_LAYOUT`)}(event) \\`,
    `  { ${constant}_LAYOUT_HASH, event, sizeof(event) - 1, ${constant}_BYTES, ${constant}_FIELD_COUNT }`,
    '',
    ...fields.flatMap((field) => constantLines(name, field, names)),
    `typedef struct ${names.take(name)} {`,
    ...memberLines(struct),
    `} ${name};`,
    '',
    `RW_STRUCT_ASSERT(sizeof(struct ${name}) == ${constant}_BYTES, "size of ${name}");`,
    ...fields.flatMap((field) => assertionLines(name, field)),
    '',
    ...functionLines(struct, constant, names),
  ];
}

/** The members of an enum, the bits of flags. */
function constantLines(struct: string, { name, element }: Field, names: Names): string[] {
  const prefix = `${constantName(struct)}_${constantName(name)}`;
  if (element.enumeration !== undefined) {
    const members = Object.entries(element.enumeration.members).map(([member, value]) => {
      if (value > ENUM_MOST)
        throw badSchema(`${member} of ${struct}.${name}: enums of C end at ${ENUM_MOST}`);
      // The least int cannot be written as one number.
      const text = value === -ENUM_MOST - 1 ? `-${ENUM_MOST} - 1` : value;
      return `  ${names.take(`${prefix}_${constantName(member)}`)} = ${text},`;
    });
    const last = (members.pop() as string).slice(0, -1);
    return [`enum ${names.take(`${struct}_${name}`)} {`, ...members, last, '};', ''];
  }
  const flags = element.flags?.names ?? [];
  const lines = flags.map((flag, bit) => {
    const constant = names.take(`${prefix}_${constantName(flag)}`);
    return `#define ${constant} 0x${(2 ** bit).toString(16)}u`;
  });
  return lines.length > 0 ? [...lines, ''] : [];
}

function memberLines({ name, fields, layout }: Struct): string[] {
  const gaps = new Map(layout.gaps);
  const lines: string[] = [];
  let end = 0;
  const fill = (): void => {
    const next = gaps.get(end);
    if (next === undefined) return;
    lines.push(`  uint8_t reserved${end}_[${next - end}];`);
    end = next;
  };
  for (const field of fields) {
    fill();
    const { element, count } = field;
    // `struct`, because a member may have the name of its type.
    const type =
      element.struct === undefined ? TYPES[element.scalar as ScalarType] : `struct ${element.struct.name}`;
    const size = count === undefined ? '' : `[${count}]`;
    lines.push(`  ${type} ${field.name}${size};${comment(name, field)}`);
    end += field.bytes;
  }
  fill();
  return lines;
}

function comment(struct: string, { name, element, count }: Field): string {
  if (element.enumeration !== undefined) return ` /* enum ${struct}_${name} */`;
  if (element.flags !== undefined) return ` /* bits ${constantName(struct)}_${constantName(name)}_... */`;
  if (element.scalar === 'bool') return ' /* 0 or 1 */';
  if (element.scalar === 'char' && count !== undefined)
    return ' /* UTF-8, zeros behind; not terminated when full */';
  return '';
}

function assertionLines(struct: string, { name, offset, bytes }: Field): string[] {
  return [
    `RW_STRUCT_ASSERT(offsetof(${struct}, ${name}) == ${offset}u, "offset of ${struct}.${name}");`,
    `RW_STRUCT_ASSERT(sizeof(((${struct} *)0)->${name}) == ${bytes}u, "size of ${struct}.${name}");`,
  ];
}

function functionLines({ name, layout }: Struct, constant: string, names: Names): string[] {
  return [
    `/* Copies value into a payload. Returns ${constant}_BYTES, or 0 when capacity is less. */`,
    `static inline size_t ${names.take(`${name}_encode`)}(const ${name} *value, uint8_t *out, size_t capacity) {`,
    `  if (capacity < ${constant}_BYTES) return 0;`,
    `  memcpy(out, value, ${constant}_BYTES);`,
    ...layout.gaps.map(([start, end]) => `  memset(out + ${start}, 0, ${end - start});`),
    `  return ${constant}_BYTES;`,
    '}',
    '',
    '/* Copies a payload of any length: fields that it does not reach are zero, what lies behind the last field is ignored. */',
    `static inline void ${names.take(`${name}_decode`)}(${name} *value, const uint8_t *payload, size_t length) {`,
    `  const size_t copied = length < ${constant}_BYTES ? length : ${constant}_BYTES;`,
    `  memset(value, 0, ${constant}_BYTES);`,
    '  if (copied) memcpy(value, payload, copied);',
    '}',
    '',
    '/* The payload itself, borrowed. NULL when it is too short or lies at no multiple of its alignment: decode it then. */',
    `static inline const ${name} *${names.take(`${name}_view`)}(const uint8_t *payload, size_t length) {`,
    `  if (length < ${constant}_BYTES || (uintptr_t)payload % ${layout.align}u) return NULL;`,
    `  return (const ${name} *)(const void *)payload;`,
    '}',
    '',
  ];
}
