/**
 * Definitions: where fields lie, the hash of PROTOCOL.md section 1.6, and what is refused; the same from JSON.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineStruct, type Definition, enumOf, flagsOf, structsFromJson } from '../../../src/api.ts';
import { projectRoot } from '../../support/project.ts';
import { Everything, Pose } from './support.ts';

const BAD = { name: 'RingwireError', code: 'ERR_RINGWIRE_BAD_SCHEMA' };

/** FNV-1a, written once more. */
function fnv(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash;
}

test('fields have their natural alignment, the struct that of its largest field', () => {
  const cases: readonly (readonly [definition: Definition, offsets: number[], bytes: number])[] = [
    [{ a: 'u8' }, [0], 1],
    [{ a: 'u8', b: 'u16', c: 'u8', d: 'u32', e: 'u8', f: 'u64', g: 'u8' }, [0, 2, 4, 8, 12, 16, 24], 32],
    [{ a: 'u8', b: ['u16', 3], c: 'f64' }, [0, 2, 8], 16],
    [{ a: ['char', 5], b: 'bool', c: 'i16' }, [0, 5, 6], 8],
    [{ a: 'u8', b: Pose, c: 'u8' }, [0, 4, 16], 20],
    [{ a: 'u8', b: [Pose, 2], c: 'u16' }, [0, 4, 28], 32],
    [{ a: 'u8', b: { type: 'u8', offset: 9 }, c: 'u16' }, [0, 9, 10], 12],
    [{ a: { type: 'u32', offset: 4 }, b: { type: ['u64', 2], offset: 16 } }, [4, 16], 32],
    [{ a: enumOf('u16', { x: 1 }), b: flagsOf('u32', ['y']) }, [0, 4], 8],
  ];
  for (const [definition, offsets, bytes] of cases) {
    const struct = defineStruct('s', definition);
    assert.deepEqual(
      struct.fields.map((field) => field.offset),
      offsets,
    );
    assert.equal(struct.bytes, bytes);
  }
});

test('the hash is that of PROTOCOL.md: a line for each field, names of types and members left out', () => {
  assert.equal(fnv(''), 0xcbf29ce484222325n);
  assert.equal(fnv('a'), 0xaf63dc4c8601ec8cn, 'the published test vector');
  const struct = defineStruct('anything', {
    seq: 'u32',
    mode: enumOf('u8', { a: 1 }),
    pose: Pose,
    path: [Pose, 2],
    name: ['char', 4],
  });
  const nested = '{0 f32 x\n4 f32 y\n8 char[3] label\n}';
  const lines = [
    '0 u32 seq\n',
    '4 u8 mode\n',
    `8 ${nested} pose\n`,
    `20 ${nested}[2] path\n`,
    '44 char[4] name\n',
  ];
  assert.equal(struct.hash, fnv(lines.join('')));
  for (let count = 0; count <= lines.length; count++)
    assert.equal(struct.hashOf(count), fnv(lines.slice(0, count).join('')));
  assert.equal(struct.hashOf(lines.length + 1), undefined);
  const other = defineStruct('other', { seq: 'u32', mode: enumOf('u8', { b: 2 }) });
  assert.equal(other.hash, struct.hashOf(2));
  assert.notEqual(
    defineStruct('other', { seq: 'u32', mod: 'u8' }).hash,
    struct.hashOf(2),
    'a field was renamed',
  );
});

test('PROTOCOL.md shows the lines of a struct and their hash', () => {
  const page = readFileSync(join(projectRoot(), 'PROTOCOL.md'), 'utf8');
  const [, lines = '', hash = ''] = /```\n(0 u32 seq\n.*?)```\n\n`0x([0-9A-F]{16})`/s.exec(page) ?? [];
  const Pair = defineStruct('pair', { left: 'i16', right: 'i16' });
  const struct = defineStruct('s', { seq: 'u32', x: 'f32', pair: [Pair, 2], name: ['char', 8] });
  assert.equal(struct.bytes, 24);
  assert.equal(fnv(lines), struct.hash);
  assert.equal(hash, struct.hash.toString(16).toUpperCase());
});

test('bad definitions are refused with the name of the field', () => {
  const cases: readonly (readonly [definition: unknown, says: RegExp])[] = [
    [{}, /needs 1 to 1024 fields/],
    [null, /needs fields/],
    [{ a: 'u128' }, /field a of struct s: there is no type "u128"/],
    [{ a: 'toString' }, /no type/],
    [{ a: undefined }, /field a of struct s/],
    [{ a: 5 }, /field a/],
    [{ a: ['u8'] }, /field a of struct s: an array is \[type, count\]/],
    [{ a: ['u8', 0] }, /array/],
    [{ a: ['u8', 1.5] }, /array/],
    [{ a: [['u8', 2], 2] }, /make the inner one a struct/],
    [{ a: ['u8', 70_000] }, /larger than 65536 bytes/],
    [{ 'a-b': 'u8' }, /letters, digits and _/],
    [{ '1': 'u8' }, /letters, digits and _/],
    [{ ['__proto__']: 'u8' }, /letters, digits and _/],
    [{ a: 'u8', b: { type: 'u32', offset: 2 } }, /offset must be a multiple of 4 from 4 on/],
    [{ a: 'u32', b: { type: 'u8', offset: 3 } }, /offset must be a multiple of 1 from 4 on/],
    [{ a: { type: 'u8', offset: -1 } }, /offset/],
    [{ a: { type: 'u8', offset: '1' } }, /offset/],
    [Object.fromEntries(Array.from({ length: 1025 }, (_, at) => [`f${at}`, 'u8'])), /1 to 1024 fields/],
  ];
  for (const [definition, message] of cases)
    assert.throws(() => defineStruct('s', definition as Definition), { ...BAD, message }, String(message));
  for (const name of ['', 'a b', 'u32', '9', 'x'.repeat(65), undefined])
    assert.throws(() => defineStruct(name as string, { a: 'u8' }), BAD, name);
});

test('bad enums and flags are refused', () => {
  for (const members of [{}, { a: 256 }, { a: -1 }, { a: 0.5 }, { a: 1, b: 1 }, { 'a b': 1 }])
    assert.throws(() => enumOf('u8', members), BAD, JSON.stringify(members));
  assert.throws(() => enumOf('u64' as 'u8', { a: 1 }), BAD);
  for (const names of [[], ['a', 'a'], ['a b'], Array.from({ length: 9 }, (_, at) => `f${at}`)])
    assert.throws(() => flagsOf('u8', names), BAD, names.join());
  assert.throws(() => flagsOf('i8' as 'u8', ['a']), BAD);
});

const JSON_SCHEMA = `{
  "structs": {
    "pose": { "x": "f32", "y": "f32", "label": ["char", 3] },
    "imu": { "seq": "u32", "pose": "pose", "path": ["pose", 2], "mode": { "enum": "u8", "members": { "idle": 0 } },
      "status": [{ "flags": "u16", "names": ["ok"] }, 2], "late": { "type": ["u8", 4], "offset": 80 } }
  }
}`;

test('structs from JSON are those of defineStruct', () => {
  const { imu, pose } = structsFromJson(JSON.parse(JSON_SCHEMA));
  const same = defineStruct('imu', {
    seq: 'u32',
    pose: Pose,
    path: [Pose, 2],
    mode: enumOf('u8', { idle: 0 }),
    status: [flagsOf('u16', ['ok']), 2],
    late: { type: ['u8', 4], offset: 80 },
  });
  assert.equal(pose?.hash, Pose.hash);
  assert.equal(imu?.hash, same.hash);
  assert.equal(imu?.bytes, same.bytes);
  assert.notEqual(imu?.hash, Everything.hash);
});

test('JSON that is no schema is refused', () => {
  const cases: readonly string[] = [
    'null',
    '[]',
    '{}',
    '{"structs":[]}',
    '{"structs":{"a":5}}',
    '{"structs":{"a":{}}}',
    '{"structs":{"a":{"b":"c"}}}',
    '{"structs":{"a":{"b":"a"}}}',
    '{"structs":{"a":{"b":{"enum":"u8"}}}}',
    '{"structs":{"a":{"b":{"enum":"u9","members":{"x":1}}}}}',
    '{"structs":{"a":{"b":{"flags":"u8"}}}}',
    '{"structs":{"a":{"b":{}}}}',
    '{"structs":{"a":{"b":null}}}',
    '{"structs":{"a":{"b":{"offset":4}}}}',
    '{"structs":{"a":{"b":["u8"]}}}',
    '{"structs":{"u8":{"b":"u8"}}}',
    '{"structs":{"__proto__":{"b":"u8"}}}',
  ];
  for (const text of cases) assert.throws(() => structsFromJson(JSON.parse(text)), BAD, text);
});
