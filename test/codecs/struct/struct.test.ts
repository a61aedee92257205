/**
 * Values through structs and back: encoded bytes, plain objects, views in place, payloads of older and newer programs, values that do not fit.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { defineStruct, enumOf, flagsOf, type StructInput } from '../../../src/api.ts';
import { ByteWriter } from '../../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../../src/bytes/slab-pool.ts';
import { EventStruct, StructCodec } from '../../../src/codecs/struct/codec.ts';
import { writeStruct } from '../../../src/codecs/struct/write.ts';
import { encode, frameOf } from '../support.ts';
import { Everything, type EverythingInput, MIDDLE, NO_STATUS, Pose, VALUES } from './support.ts';

/** What a view shows, read getter by getter. */
function shown(view: object): unknown {
  return JSON.parse(
    JSON.stringify(view, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)),
  );
}

test('bytes lie where C expects them, little-endian, with zeros between them', () => {
  const struct = defineStruct('s', {
    a: 'u8',
    b: 'u32',
    c: ['char', 3],
    d: 'i16',
    mode: enumOf('u8', { on: 7 }),
    flags: flagsOf('u8', ['x', 'y']),
    wide: 'i64',
  });
  const value = { a: 1, b: 0x0a0b0c0d, c: 'ä', d: -2, mode: 'on', flags: { y: true }, wide: -3n } as const;
  const expected = '01000000 0d0c0b0a c3a40000 feff0702 fdffffff ffffffff'.replaceAll(' ', '');
  assert.equal(struct.encode(value).toString('hex'), expected);
  assert.equal(encode(new EventStruct(struct, 'copy'), value).toString('hex'), expected);
});

test('every value comes back, as an object and as a view, encoded in either way', () => {
  for (const value of VALUES) {
    const bytes = Everything.encode(value);
    assert.equal(bytes.length, Everything.bytes);
    assert.deepEqual(encode(new EventStruct(Everything, 'copy'), value), bytes);
    assert.deepEqual(Everything.decode(bytes), value);
    assert.deepEqual(new EventStruct(Everything, 'copy').decode(frameOf(bytes)), value);
    const view = Everything.view(bytes);
    assert.deepEqual(Everything.toObject(view), value);
    for (const name of ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64'] as const)
      assert.deepEqual(view[name], value[name], name);
    for (const name of ['yes', 'letter', 'name', 'mode', 'late'] as const)
      assert.equal(view[name], value[name]);
    for (const name of ['bytes', 'samples', 'wide', 'bits', 'modes'] as const) {
      assert.deepEqual([...view[name]], value[name], name);
      assert.deepEqual(view[name].toArray(), value[name], name);
      assert.equal(view[name].length, value[name].length);
    }
    assert.deepEqual([view.pose.x, view.pose.label], [value.pose.x, value.pose.label]);
    assert.deepEqual(view.path.toArray(), value.path);
    assert.deepEqual(
      Array.from(view.path, ({ x, y, label }) => ({ x, y, label })),
      value.path,
    );
    assert.deepEqual([view.status.ok, view.status.hot], [value.status.ok, value.status.hot]);
    assert.deepEqual(view.statuses.toArray(), value.statuses);
    assert.equal(view.statuses.get(1).top, true);
  }
});

test('written straight into used memory: padding and the rest of texts become zeros', () => {
  const writer = new ByteWriter(new SlabPool(), () => {});
  const at = writer.reserve(Everything.bytes + 16);
  writer.bytes.fill(0xc4, at, at + Everything.bytes + 16);
  new EventStruct(Everything, 'copy').writeTo(writer, at + 8, MIDDLE);
  const written = writer.bytes.subarray(at + 8, at + 8 + Everything.bytes);
  const zeroed = Buffer.alloc(Everything.bytes);
  const view = new DataView(zeroed.buffer, zeroed.byteOffset, zeroed.length);
  writeStruct(Everything.layout, { bytes: zeroed, view }, 0, MIDDLE);
  assert.deepEqual(written, zeroed);
  for (const around of [at, at + 8 + Everything.bytes])
    assert.equal(writer.bytes.readBigUInt64LE(around), 0xc4c4c4c4c4c4c4c4n);
});

test('a view that was received can be sent on', () => {
  const bytes = Everything.encode(MIDDLE);
  assert.deepEqual(Everything.encode(Everything.view(bytes) as unknown as EverythingInput), bytes);
});

test('typed arrays lie over the payload, at any alignment', () => {
  const bytes = Everything.encode(MIDDLE);
  const view = Everything.view(bytes);
  const samples = view.samples.typed();
  assert.ok(samples instanceof Int16Array);
  assert.deepEqual([...samples], MIDDLE.samples);
  assert.equal(samples.buffer, bytes.buffer);
  bytes.fill(0);
  assert.deepEqual([...samples], [0, 0, 0, 0, 0, 0, 0, 0], 'it is the payload itself');
  assert.ok(view.wide.typed() instanceof BigUint64Array);
  const shifted = Buffer.concat([Buffer.alloc(3), Everything.encode(MIDDLE)]).subarray(3);
  assert.deepEqual([...Everything.view(shifted).wide.typed()], MIDDLE.wide);
});

test('an index outside of an array is a RangeError', () => {
  const { samples, path } = Everything.view(Everything.encode(MIDDLE));
  for (const index of [-1, 8, 0.5, Number.NaN, 2 ** 32]) assert.throws(() => samples.get(index), RangeError);
  assert.throws(() => path.get(3), RangeError);
});

test('an enum value without a name stays a number, both ways', () => {
  const struct = defineStruct('s', { mode: enumOf('u8', { idle: 0 }) });
  assert.deepEqual(struct.decode(Buffer.of(9)), { mode: 9 });
  assert.equal(struct.view(Buffer.of(9)).mode, 9);
  assert.deepEqual(struct.encode({ mode: 9 }), Buffer.of(9));
  assert.deepEqual(struct.encode({ mode: 'idle' }), Buffer.of(0));
  assert.throws(() => struct.encode({ mode: 'toString' as 'idle' }), { code: 'ERR_RINGWIRE_INVALID_STRUCT' });
});

test('text ends at the first zero or at its end, whatever its bytes', () => {
  const struct = defineStruct('s', { text: ['char', 4] });
  const cases: readonly (readonly [hex: string, text: string])[] = [
    ['61626364', 'abcd'],
    ['61006263', 'a'],
    ['00616263', ''],
    ['ff616200', '\ufffdab'],
    ['e282acc3', '€\ufffd'],
  ];
  for (const [hex, text] of cases) assert.deepEqual(struct.decode(Buffer.from(hex, 'hex')), { text });
});

test('a shorter payload reads zeros, a longer one is cut: programs grow at the end', () => {
  const old = defineStruct('s', { a: 'u32', b: 'u16' });
  const grown = defineStruct('s', { a: 'u32', b: 'u16', c: 'u8', d: ['char', 4], e: Pose, f: 'u64' });
  const fromOld = old.encode({ a: 1, b: 2 });
  const zeros = { c: 0, d: '', e: { x: 0, y: 0, label: '' }, f: 0n };
  assert.deepEqual(grown.decode(fromOld), { a: 1, b: 2, ...zeros });
  const view = grown.view(fromOld);
  assert.deepEqual([view.a, view.b, view.c, view.d, view.e.x, view.f], [1, 2, 0, '', 0, 0n]);
  const fromNew = grown.encode({ a: 3, b: 4, c: 5, d: 'x', e: { x: 1, y: 1, label: '' }, f: 6n });
  assert.deepEqual(old.decode(fromNew), { a: 3, b: 4 });
  for (const mode of ['copy', 'view'] as const) {
    const codec = new EventStruct(grown, mode);
    // From long to short: nothing of an earlier payload shows in a later one.
    for (let length = grown.bytes + 8; length >= 0; length--) {
      const payload = Buffer.alloc(length, 0x11);
      const whole = Buffer.concat([payload, Buffer.alloc(grown.bytes)]).subarray(0, grown.bytes);
      const got = codec.decode(frameOf(payload)) as object;
      assert.deepEqual(shown(got), shown(grown.decode(whole)), `${mode}, ${length} bytes`);
    }
  }
});

test('copy is your own; view and frame are the one view, lent', () => {
  const frame = frameOf(Everything.encode(MIDDLE));
  const copy = new EventStruct(Everything, 'copy').decode(frame);
  for (const mode of ['view', 'frame'] as const) {
    const codec = new EventStruct(Everything, mode);
    const view = codec.decode(frame) as ReturnType<typeof Everything.view>;
    assert.equal(view.u32, 3);
    const kept = Everything.toObject(view);
    const next = frameOf(Everything.encode({ ...MIDDLE, u32: 99 }));
    assert.equal(codec.decode(next), view);
    assert.equal(view.u32, 99);
    assert.deepEqual(kept, MIDDLE);
  }
  frame.bytes.fill(0xdb);
  assert.deepEqual(copy, MIDDLE);
});

type Fault = readonly [field: keyof EverythingInput, value: unknown];

test('values that do not fit are refused with the name of the field and without the value', () => {
  const faults: readonly Fault[] = [
    ['u8', 256],
    ['u8', -1],
    ['u8', 0.5],
    ['u8', '5'],
    ['u8', 5n],
    ['u8', null],
    ['i8', 128],
    ['u16', 65_536],
    ['i16', -32_769],
    ['u32', -1],
    ['u32', 2 ** 32],
    ['u32', Number.NaN],
    ['i32', 2 ** 31],
    ['u64', -1n],
    ['u64', 2n ** 64n],
    ['u64', 2 ** 53],
    ['u64', -5],
    ['u64', '5'],
    ['i64', 2n ** 63n],
    ['i64', 0.5],
    ['f32', '1'],
    ['f64', 1n],
    ['yes', 1],
    ['letter', 'ab'],
    ['letter', 'ä'],
    ['name', 'x'.repeat(17)],
    ['name', 'ä'.repeat(9)],
    ['name', 'a\0b'],
    ['name', 'ä\0b'],
    ['name', 5],
    ['samples', [1, 2, 3]],
    ['samples', [1, 2, 3, 4, 5, 6, 7, 40_000]],
    ['samples', 'abcdefgh'],
    ['samples', null],
    ['wide', [1n, 'x']],
    ['bits', [true, 1]],
    ['pose', 5],
    ['path', [{}, {}]],
    ['mode', 'walk'],
    ['mode', 40_000],
    ['mode', true],
    ['status', 3],
    ['status', { ok: 1 }],
    ['late', undefined],
  ];
  for (const [field, value] of faults) {
    const message = new RegExp(`${field} |struct pose|path`);
    const expected = { name: 'RingwireError', code: 'ERR_RINGWIRE_INVALID_STRUCT', message };
    const bad = { ...MIDDLE, [field]: value } as EverythingInput;
    assert.throws(() => Everything.encode(bad), expected, `${field} ${inspect(value)}`);
  }
  for (const name of Object.keys(MIDDLE)) {
    const { [name as 'u8']: _, ...rest } = MIDDLE;
    assert.throws(() => Everything.encode(rest as unknown as EverythingInput), /is missing/, name);
  }
  for (const value of [null, undefined, 5, 'text'])
    assert.throws(() => Everything.encode(value as unknown as EverythingInput), /takes an object/);
  assert.throws(
    () => Pose.encode({ x: 1, y: 2, label: 'geheim' }),
    (error: Error) => !/geheim/.test(error.message),
  );
});

test('what may be given: typed arrays, safe integers for 64 bits, flags left out, other names', () => {
  const input: EverythingInput & { more: number } = {
    ...MIDDLE,
    samples: Int16Array.from(MIDDLE.samples),
    bytes: Buffer.from(MIDDLE.bytes),
    u64: Number.MAX_SAFE_INTEGER,
    i64: Number.MIN_SAFE_INTEGER,
    status: { hot: true },
    statuses: [{}, { ok: true, top: true }],
    more: 1,
  };
  assert.deepEqual(Everything.decode(Everything.encode(input)), {
    ...MIDDLE,
    u64: BigInt(Number.MAX_SAFE_INTEGER),
    i64: BigInt(Number.MIN_SAFE_INTEGER),
  });
  for (const number of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3])
    for (const i64 of [number, -number])
      assert.equal(Everything.decode(Everything.encode({ ...MIDDLE, i64 })).i64, BigInt(i64));
});

test('fields may have any name', () => {
  const names = ['length', 'toJSON', 'constructor', 'prototype', 'hasOwnProperty', 'get', 'name', 'bytes'];
  const struct = defineStruct('s', Object.fromEntries(names.map((name) => [name, 'u8'] as const)));
  const value = Object.fromEntries(names.map((name, at) => [name, at + 1]));
  const bytes = struct.encode(value);
  assert.deepEqual(struct.decode(bytes), value);
  const view = struct.view(bytes);
  for (const name of names) assert.equal(view[name], value[name], name);
});

test('a view shows itself in logs and in JSON', () => {
  const struct = defineStruct('s', { a: 'u8', flags: flagsOf('u8', ['x']), list: ['u8', 2] });
  const view = struct.view(struct.encode({ a: 5, flags: { x: true }, list: [1, 2] }));
  const expected = { a: 5, flags: { x: true }, list: [1, 2] };
  assert.equal(JSON.stringify(view), JSON.stringify(expected));
  assert.equal(inspect(view), inspect(expected));
  assert.equal(inspect(view.flags), inspect({ x: true }));
  assert.throws(() => struct.toObject({} as typeof view), TypeError);
});

test('an event without a struct is refused by name', () => {
  const codec = new StructCodec({ imu: Everything });
  assert.equal(codec.forEvent('imu').struct, Everything);
  for (const event of ['other', 'toString', '__proto__'])
    assert.throws(() => codec.forEvent(event), { code: 'ERR_RINGWIRE_NO_STRUCT', closed: false });
});

test('an object built anew for each message may list its fields in any order', () => {
  const order = defineStruct('s', { a: 'u8', b: 'u8', c: 'u8' });
  const inputs: StructInput<typeof order.definition>[] = [
    { a: 1, b: 2, c: 3 },
    { c: 3, b: 2, a: 1 },
    Object.create({ a: 1, b: 2, c: 3 }),
  ];
  for (const input of inputs) assert.deepEqual(order.encode(input), Buffer.of(1, 2, 3));
  assert.deepEqual(NO_STATUS.ok, false);
});
