/**
 * `ringwire codegen`: the header compiles as C99, C11 and C++11 without a warning, and C and TypeScript read each other's bytes; schemas as JSON and
 * as modules; names that C cannot have; the command itself.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { defineStruct, type Definition, enumOf, type Struct } from '../../src/api.ts';
import { cHeader } from '../../src/codegen/c-header.ts';
import { Everything, type EverythingValue, MIDDLE, VALUES } from '../codecs/struct/support.ts';
import { projectRoot } from '../support/project.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringwire-codegen-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = join(projectRoot(), 'test', 'codegen', 'everything.c');
const STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Werror', '-O1'];
const COMPILERS: readonly (readonly [name: string, command: string, options: readonly string[]])[] = [
  ['C99', 'gcc', ['-std=c99']],
  ['C11', 'gcc', ['-std=c11']],
  ['C++11', 'g++', ['-x', 'c++', '-std=c++11']],
];

function missing(command: string): string | false {
  return spawnSync(command, ['--version']).status === 0 ? false : `there is no ${command}`;
}

function make(name: string, definition: Definition): Struct {
  return defineStruct(name, definition);
}

function header(structs: readonly Struct[], events: Record<string, number> = {}): string {
  return cHeader({ structs, events }, 'test.ts', 'test.h');
}

function parts(struct: Struct): Struct[] {
  const inner = struct.fields.flatMap(({ element }) => (element.struct ? [element.struct as Struct] : []));
  return [...new Set([...inner, struct])];
}

function enumNumber(value: string | number): number {
  if (typeof value === 'number') return value;
  return value === 'run' ? 1 : value === 'fault' ? -2 : 0;
}

function floatText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
}

/** What printf makes of a value in everything.c. */
function printed(value: EverythingValue, bits: number): string {
  const { path, mode, modes, samples } = value;
  const plain = [value.u8, value.i8, value.u16, value.i16, value.u32, value.i32, value.u64, value.i64];
  const rest = [
    Number(value.yes),
    value.name,
    samples[0],
    enumNumber(mode),
    path[1]?.label,
    path[2]?.y.toFixed(1),
  ];
  const last = [enumNumber(modes[1] as number), bits, value.late];
  return [...plain, floatText(value.f32), value.f64, ...rest, ...last].join(' ');
}

/** Text of printf and of JavaScript for the same number. */
function sameNumbers(text: string): string {
  return text
    .split(' ')
    .map((word) => (/^-?[\d.]+e[+-]?\d+$|^-?\d+\.\d{5,}$/.test(word) ? String(Number(word)) : word))
    .join(' ');
}

for (const [name, command, options] of COMPILERS) {
  test(`C and TypeScript read each other's bytes: ${name}`, { skip: missing(command) }, () => {
    const place = mkdtempSync(join(folder, 'c-'));
    writeFileSync(
      join(place, 'everything.h'),
      header(parts(Everything as unknown as Struct), { 'imu.left': 7 }),
    );
    const binary = join(place, 'program');
    const compiled = spawnSync(command, [...options, ...STRICT, '-I', place, '-o', binary, PROGRAM], {
      encoding: 'utf8',
    });
    assert.equal(compiled.stderr, '');
    assert.equal(compiled.status, 0);

    const written = spawnSync(binary, ['write'], { encoding: 'utf8' });
    assert.equal(written.status, 0);
    assert.equal(written.stdout.trim(), Everything.encode(MIDDLE).toString('hex'));
    assert.deepEqual(Everything.decode(Buffer.from(written.stdout.trim(), 'hex')), MIDDLE);

    const whole = VALUES.map((value) => Everything.encode(value));
    const cut = [0, 1, 20, 100, 255, 259].map((length) => whole[0]?.subarray(0, length) as Buffer);
    const longer = Buffer.concat([whole[0] as Buffer, Buffer.alloc(40, 0xff)]);
    const payloads = [...whole, longer, ...cut];
    const input = Buffer.concat(payloads.flatMap((payload) => [lengthOf(payload), payload]));
    const read = spawnSync(binary, [], { input, encoding: 'utf8' });
    assert.equal(read.status, 0);
    const lines = read.stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2 * payloads.length);
    for (const [at, payload] of payloads.entries()) {
      const expected = Everything.decode(payload);
      assert.deepEqual(Everything.decode(Buffer.from(lines[2 * at + 1] as string, 'hex')), expected);
      assert.equal(lines[2 * at + 1], Everything.encode(expected).toString('hex'), `payload ${at}`);
      const bits = (expected.statuses[1]?.ok ? 1 : 0) + (expected.statuses[1]?.top ? 512 : 0);
      if (at < whole.length)
        assert.equal(sameNumbers(lines[2 * at] as string), sameNumbers(printed(expected, bits)));
    }
  });
}

function lengthOf(payload: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(payload.length);
  return length;
}

test('a header whose struct lies differently does not compile', { skip: missing('gcc') }, () => {
  const place = mkdtempSync(join(folder, 'c-'));
  const text = header([defineStruct('s', { a: 'u8', b: 'u32' }) as unknown as Struct]);
  writeFileSync(join(place, 'empty.c'), 'int main(void) { return 0; }\n');
  for (const standard of ['-std=c99', '-std=c11']) {
    const compile = (contents: string): number | null => {
      writeFileSync(join(place, 's.h'), contents);
      const args = [standard, '-include', join(place, 's.h'), '-o', join(place, 'x'), join(place, 'empty.c')];
      return spawnSync('gcc', args).status;
    };
    assert.equal(compile(text), 0);
    assert.notEqual(compile(text.replace('uint32_t b;', 'uint16_t b;')), 0, 'another size');
    assert.notEqual(
      compile(
        text.replace('reserved1_[3]', 'reserved1_[2]').replace('uint32_t b;', 'uint16_t b; uint16_t c;'),
      ),
      0,
    );
  }
});

test('constants: bytes, fields, hash, events, enums, flags', () => {
  const Mode = enumOf('i32', { idle: 0, lastOne: -0x8000_0000, XmlHttp: 5 });
  const struct = defineStruct('deviceState', { drivingMode: Mode, wide: 'u64' });
  const text = header([struct as unknown as Struct], { 'imu.left': 1, 'ä"x': 2 });
  for (const line of [
    '#define DEVICE_STATE_BYTES 16u',
    '#define DEVICE_STATE_FIELD_COUNT 2u',
    `#define DEVICE_STATE_LAYOUT_HASH UINT64_C(0x${struct.hash.toString(16).padStart(16, '0')})`,
    '  DEVICE_STATE_DRIVING_MODE_LAST_ONE = -2147483647 - 1,',
    '#define EVENT_IMU_LEFT 1u',
    '#define EVENT_IMU_LEFT_NAME "imu.left"',
    String.raw`_NAME "\303\244\042x"`,
    '#ifndef RINGWIRE_TEST_H_',
  ])
    assert.ok(text.includes(line), line);
});

test('names that C cannot have are refused', () => {
  const refused: readonly (readonly [
    structs: readonly Struct[],
    events: Record<string, number>,
    says: RegExp,
  ])[] = [
    [[make('s', { class: 'u8' })], {}, /class/],
    [[make('int', { a: 'u8' })], {}, /int/],
    [[make('s', { a: 'u8' })], { 'a.b': 1, 'a-b': 2 }, /EVENT_A_B/],
    [[make('s', { mode: enumOf('u32', { x: 2 ** 32 - 1 }) })], {}, /enums of C end/],
    [[make('s', { aB: enumOf('u8', { x: 1 }), a: enumOf('u8', { bX: 1 }) })], {}, /S_A_B_X/],
  ];
  for (const [structs, events, message] of refused) {
    assert.throws(() => header(structs, events), { code: 'ERR_RINGWIRE_BAD_SCHEMA', message });
  }
});

const CLI = join(projectRoot(), 'dist', 'cli', 'ringwire.js');

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [CLI, 'codegen', ...args], { encoding: 'utf8', cwd: folder });
}

function file(name: string, text: string): string {
  const place = join(folder, name);
  writeFileSync(place, text);
  return place;
}

const JSON_TEXT =
  '{ "structs": { "pose": { "x": "f32" }, "imu": { "seq": "u32", "pose": "pose" } }, "events": { "imu": 3 } }';

test('the command: JSON and modules give the same header, on stdout or in a file', () => {
  const library = pathToFileURL(join(projectRoot(), 'dist', 'index.js')).href;
  const source = `
    import { defineStruct } from ${JSON.stringify(library)};
    const pose = defineStruct('pose', { x: 'f32' });
    export const Imu = defineStruct('imu', { seq: 'u32', pose });
    export const events = { imu: 3 };
    export const structs = { imu: Imu };
  `;
  const fromJson = run(file('schema.json', JSON_TEXT));
  assert.deepEqual([fromJson.status, fromJson.stderr], [0, '']);
  assert.match(fromJson.stdout, /Generated by 'ringwire codegen' from schema\.json/);
  assert.match(fromJson.stdout, /typedef struct pose [\s\S]*typedef struct imu /);
  assert.match(fromJson.stdout, /#define EVENT_IMU 3u/);
  const module = run(file('schema.mjs', source), '-o', 'schema.h');
  assert.deepEqual([module.status, module.stdout, module.stderr], [0, '', '']);
  const written = readFileSync(join(folder, 'schema.h'), 'utf8');
  assert.equal(written.replace('schema.mjs', 'schema.json'), fromJson.stdout);
  const typescript = run(file('schema.ts', `${source}\nexport type Unused = string;`));
  if ((process.features as { typescript?: unknown }).typescript)
    assert.equal(typescript.stdout.replace('schema.ts', 'schema.json'), fromJson.stdout);
  else assert.match(typescript.stderr, /needs Node 22\.18/);
});

test('the command: help, mistakes and their exit codes', () => {
  const help = run('--help');
  assert.equal(help.status, 0);
  assert.match(help.stdout, /Exit codes[\s\S]*Example:\n {2}ringwire codegen/);
  const mistakes: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /a schema is missing/],
    [['a', 'b'], /one argument too many/],
    [['--nothing'], /--nothing/],
    [['absent.json'], /absent\.json is no schema/],
    [['absent.mjs'], /absent\.mjs is no schema/],
    [[file('broken.json', '{')], /broken\.json is no schema/],
    [[file('none.mjs', 'export const a = 1;')], /no struct in it/],
    [[file('bad.json', '{"structs":{"a":{"b":"u9"}}}')], /field b of struct a/],
    [[file('events.json', '{"structs":{"a":{"b":"u8"}},"events":{"a":0}}')], /id of its own/],
    [[file('twice.json', '{"structs":{"a":{"b":"u8"}},"events":{"a":1,"b":1}}')], /id of its own/],
    [[file('list.json', '{"structs":{"a":{"b":"u8"}},"events":[]}')], /'events'/],
    [[file('schema.json', JSON_TEXT), '-o', join(folder, 'no', 'such', 'folder.h')], /ENOENT/],
  ];
  for (const [args, says] of mistakes) {
    const { status, stdout, stderr } = run(...args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, says);
  }
});
