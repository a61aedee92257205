/**
 * The short ways of JSON and msgpack do what the general ones do: the same values from the same bytes, the same bytes from the same values,
 * and nothing at all from what they do not know. JSON.parse, JSON.stringify and msgpackr are the judges.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import { JsonCodec } from '../../src/codecs/json.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import { Draft } from '../../src/codecs/shapes/draft.ts';
import { Familiar } from '../../src/codecs/shapes/familiar.ts';
import { JsonReader } from '../../src/codecs/shapes/json-reader.ts';
import { encodeJsonKey, JsonWriter } from '../../src/codecs/shapes/json-writer.ts';
import { MsgpackReader } from '../../src/codecs/shapes/msgpack-reader.ts';
import { encodeMsgpackKey, MsgpackWriter } from '../../src/codecs/shapes/msgpack-writer.ts';
import { shapeOf, UNREAD } from '../../src/codecs/shapes/shape.ts';
import { seeded, type Random } from '../support/seeded.ts';
import { decode, encode, frameOf } from './support.ts';

const draft = new Draft();
const json = new JsonWriter(draft);
const jsonReader = new JsonReader();
const msgpackDraft = new Draft();
const msgpack = new MsgpackWriter(msgpackDraft, 64);
const msgpackReader = new MsgpackReader();
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: true,
  encodeUndefinedAsNil: true,
  structuredClone: false,
});

const NUMBERS: readonly number[] = [
  [
    0, -0, 1, -1, 9, 10, 127, 128, 255, 256, -32, -33, -128, -129, 32_767, 32_768, -32_768, -32_769, 65_535,
    65_536,
  ],
  [
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 32 - 1,
    2 ** 32,
    999_999_999,
    1e9,
    1e9 + 1,
    1_795_444_332_184,
  ],
  [
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    1e15,
    1e15 - 1,
    1e15 + 1,
    1e20,
    1e21,
    1e22,
    123_456_789_012_345_680,
    5e-324,
    1.7976931348623157e308,
  ],
  [
    0.1,
    0.2,
    0.1 + 0.2,
    0.5,
    1.5,
    23.62,
    -0.042,
    9.807,
    0.118,
    1e-6,
    1e-7,
    5e-7,
    0.000001,
    0.0000015,
    0.999999,
    0.9999999,
  ],
  [
    4.35,
    1.005,
    2.675,
    1.0000001,
    123_456.789_012,
    999_999_999.999_999,
    1 / 3,
    Math.PI,
    1e5 + 0.1,
    2_251_799_813_685_248.5,
  ],
  [Number.NaN, Infinity, -Infinity, Number.EPSILON, 562_949_953_421_311.9, 99_999_999.95],
].flat();

const TEXTS: readonly string[] = [
  [
    '',
    'a',
    'state',
    'x'.repeat(31),
    'x'.repeat(32),
    'x'.repeat(33),
    'x'.repeat(255),
    'x'.repeat(256),
    'x'.repeat(300),
  ],
  [
    '"',
    '\\',
    '\n',
    '\u0000',
    '\u001f',
    '\u007f',
    'é',
    'Jürgen',
    '\u2028',
    '日本語',
    '\u{1f600}',
    '\ud800',
    '\udc00x',
    '\ufffd',
    'a"b\\c',
  ],
].flat();

function numberOf(random: Random): number {
  const kind = random.below(6);
  if (kind === 0) return random.pick(NUMBERS);
  if (kind === 1) return random.below(1000) - 500;
  if (kind === 2) return (random.below(2 ** 31) * 2 ** random.below(40)) / 10 ** random.below(12);
  if (kind === 3) return (random.below(2_000_000) - 1_000_000) / 10 ** random.below(8);
  return random.below(2 ** 31) / (1 + random.below(2 ** 31));
}

function leafOf(random: Random): unknown {
  const kind = random.below(8);
  if (kind < 4) return numberOf(random);
  return kind < 6 ? random.pick(TEXTS) : random.pick([true, false, null]);
}

/** Plain data with the keys of `names`. */
function valueOf(random: Random, depth: number): unknown {
  const kind = depth === 0 ? 0 : random.below(4);
  if (kind < 2) return leafOf(random);
  const count = random.below(5);
  if (kind === 2) return Array.from({ length: count }, () => valueOf(random, depth - 1));
  const names = [
    'id',
    't',
    'é',
    'a"b',
    'name',
    'x'.repeat(20),
    'toString',
    'constructor',
    'pos',
    '7',
    '__proto__',
    'k'.repeat(70),
  ];
  const entries = Array.from({ length: count }, () => [random.pick(names), valueOf(random, depth - 1)]);
  return Object.fromEntries(entries);
}

/** The same structure with other leaves, as the next message of an event. */
function likeIt(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null) return random.below(3) === 0 ? value : leafOf(random);
  if (Array.isArray(value)) return value.map((each) => likeIt(each, random));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, likeIt(each, random)]));
}

function jsonText(value: unknown): string | undefined {
  const end = json.write(value, 0);
  return end < 0 ? undefined : draft.bytes.toString('utf8', 0, end);
}

test('JSON: numbers and texts are written as JSON.stringify writes them, and read as JSON.parse reads them', () => {
  const random = seeded(1);
  const leaves: unknown[] = [...NUMBERS, ...TEXTS, true, false, null];
  for (let n = 0; n < 200_000; n++) leaves.push(numberOf(random));
  const shape = shapeOf(0, encodeJsonKey);
  assert.ok(shape);
  for (const leaf of leaves) {
    const expected = JSON.stringify(leaf);
    assert.equal(jsonText(leaf), expected);
    const bytes = Buffer.from(`${expected} `);
    const value = jsonReader.read(bytes, 0, bytes.length, shape);
    assert.ok(Object.is(value, JSON.parse(expected)), expected);
    assert.equal(jsonReader.end, bytes.length - 1);
  }
});

test('JSON: what is not plain is left to JSON.stringify, and what is written is what it writes', () => {
  class Point {
    x = 1;
  }
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const left = [
    [
      new Point(),
      new Date(0),
      new Map(),
      Buffer.of(1),
      1n,
      Symbol('x'),
      () => {},
      undefined,
      Object(1),
      circular,
    ],
    [
      { a: undefined, b: () => {} },
      [undefined],
      [() => {}],
      { toJSON: () => 1 },
      { a: { toJSON: () => 1 } },
      Object.create({ a: 1 }),
    ],
    [
      'x'.repeat(20_000),
      Array.from({ length: 20_000 }, () => 1),
      Array.from({ length: 40 }).reduce((all) => [all], 1),
    ],
  ].flat();
  for (const value of left) assert.equal(new JsonWriter(draft).write(value, 0), -1);
  const sparse: unknown[] = [1, 2];
  sparse[4] = 3;
  assert.equal(jsonText(sparse), undefined);
  const plain = [{}, [], [[]], [{}], { a: undefined }, { a: 1, b: undefined, c: 2 }, { b: 1, 2: 3, 1: 4 }];
  for (const value of plain)
    assert.equal(new JsonWriter(draft).write(value, 0) >= 0 && jsonText(value), JSON.stringify(value));
});

test('JSON: a polluted prototype, a getter that throws and one that sends are what they are to JSON.stringify', () => {
  const getter = {
    get a(): number {
      throw new RangeError('no');
    },
  };
  assert.throws(() => json.write(getter, 0), RangeError);
  assert.equal(jsonText({ a: 1 }), '{"a":1}', 'and the writer goes on');
  const codec = new JsonCodec();
  const nested = {
    get a(): string {
      return encode(codec, { inner: true }).toString();
    },
    b: 2,
  };
  assert.equal(encode(codec, nested).toString(), '{"a":"{\\"inner\\":true}","b":2}');
  const polluted = Object.prototype as { extra?: number };
  polluted.extra = 1;
  try {
    assert.equal(encode(codec, { a: 1 }).toString(), '{"a":1}');
    assert.equal(encode(new MsgpackCodec(), { a: 1 }).toString('hex'), '81a16101');
  } finally {
    delete polluted.extra;
  }
});

test('JSON: 30,000 messages of familiar and unfamiliar structure, whole and damaged', () => {
  const random = seeded(2);
  const codec = new JsonCodec();
  let familiar = 0;
  for (let n = 0; n < 3_000; n++) {
    const first = valueOf(random, 3);
    const shape = shapeOf(first, encodeJsonKey);
    for (let each = 0; each < 10; each++) {
      const value = likeIt(first, random);
      const text = JSON.stringify(value);
      const written = jsonText(value);
      if (written !== undefined) assert.equal(written, text);
      assert.equal(encode(codec, value).toString(), Buffer.from(text).toString());
      const bytes = Buffer.from(text);
      assert.deepEqual(decode(codec, bytes), JSON.parse(String(bytes)));
      if (shape === undefined) continue;
      const read = jsonReader.read(bytes, 0, bytes.length, shape);
      if (read !== UNREAD && jsonReader.end === bytes.length) {
        familiar++;
        assert.deepEqual(read, JSON.parse(text));
      }
      damage(bytes, random);
      const again = jsonReader.read(bytes, 0, bytes.length, shape);
      if (again !== UNREAD && jsonReader.end === bytes.length)
        assert.deepEqual(again, JSON.parse(String(bytes)));
    }
  }
  assert.ok(familiar > 10_000, `${familiar} were read the short way`);
});

/** One byte becomes another one that means something in JSON, or anything. */
function damage(bytes: Buffer, random: Random): void {
  if (bytes.length === 0) return;
  const at = random.below(bytes.length);
  bytes[at] =
    random.below(2) === 0
      ? random.below(256)
      : (Buffer.from('{}[]",:\\-+.eE0123456789tfn ')[random.below(26)] as number);
}

test('msgpack: 30,000 messages of familiar and unfamiliar structure, whole and damaged', () => {
  const random = seeded(3);
  const codec = new MsgpackCodec();
  let familiar = 0;
  for (let n = 0; n < 3_000; n++) {
    const first = valueOf(random, 3);
    const shape = shapeOf(decode(codec, encode(new MsgpackCodec(), first)), encodeMsgpackKey);
    for (let each = 0; each < 10; each++) {
      const value = likeIt(first, random);
      const expected = Buffer.from(packr.pack(value));
      const end = msgpack.write(value, 0);
      if (end >= 0) assert.equal(msgpackDraft.bytes.toString('hex', 0, end), expected.toString('hex'));
      assert.equal(encode(codec, value).toString('hex'), expected.toString('hex'));
      const bytes = Buffer.from(expected);
      const slow = decode(new MsgpackCodec(), bytes);
      assert.deepEqual(decode(codec, bytes), slow);
      if (shape === undefined) continue;
      if (readMsgpack(bytes, shape, slow)) familiar++;
      damage(bytes, random);
      readMsgpack(bytes, shape);
    }
  }
  assert.ok(familiar > 10_000, `${familiar} were read the short way`);
});

/** What the short way reads, the general one reads too. */
function readMsgpack(
  bytes: Buffer,
  shape: NonNullable<ReturnType<typeof shapeOf>>,
  expected?: unknown,
): boolean {
  const frame = frameOf(bytes);
  const value = msgpackReader.read(frame.bytes, frame.start, frame.end, shape);
  if (value === UNREAD || msgpackReader.end !== frame.end) return false;
  assert.deepEqual(value, expected ?? new MsgpackCodec().decode(frame));
  return true;
}

test('values that were read the short way own their memory and have no strange prototype', () => {
  const codec = new JsonCodec();
  const text = '{"__proto__":{"polluted":1},"a":"some text that is longer than thirteen","b":[1,2]}';
  for (let n = 0; n < 5; n++) {
    const value = decode(codec, text) as Record<string, unknown>;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.ok(Object.hasOwn(value, '__proto__'));
    assert.equal(value['polluted'], undefined);
  }
  const first = decode(codec, '{"a":{"b":[1]}}') as { a: { b: number[] } };
  const second = decode(codec, '{"a":{"b":[1]}}') as { a: { b: number[] } };
  second.a.b.push(2);
  assert.deepEqual(first, { a: { b: [1] } });
});

test('limits hold the short way too', () => {
  const text = '{"a":[1,2,3,4,5,6,7,8],"b":{"c":1}}';
  for (const limits of [
    { depthMax: 64, elementsMax: 8, keysMax: 100 },
    { depthMax: 64, elementsMax: 100, keysMax: 2 },
    { depthMax: 1, elementsMax: 100, keysMax: 100 },
  ]) {
    const codec = new JsonCodec(limits);
    const packed = new MsgpackCodec(limits);
    const other = encode(new MsgpackCodec(), JSON.parse(text));
    for (let n = 0; n < 4; n++) {
      assert.throws(() => decode(codec, text), { name: 'RingwireError' });
      assert.throws(() => decode(packed, other), { name: 'RingwireError' });
      assert.throws(() => packed.prepare(JSON.parse(text)), { name: 'RingwireError' });
    }
  }
});

test('what keeps surprising is learned more and more seldom, what is confirmed again soon', () => {
  const familiar = new Familiar(encodeJsonKey);
  let lessons = 0;
  for (let n = 0; n < 5_000; n++) {
    if (familiar.shape !== undefined || n === 0) lessons++;
    familiar.surprised({ [`key${n}`]: 1 });
  }
  assert.ok(lessons >= 10 && lessons <= 20, `${lessons} attempts of 5000`);
  while (familiar.shape === undefined) familiar.surprised({ same: 1 });
  for (let n = 0; n < 20; n++) familiar.confirmed();
  familiar.surprised({ other: 1 });
  assert.notEqual(familiar.shape, undefined);
});

test('a value that sends another one while it is written goes out as itself, once', () => {
  for (const codec of [new JsonCodec(), new MsgpackCodec()]) {
    const inner: Buffer[] = [];
    const outer = encode(codec, {
      when: new Date(0),
      get x() {
        inner.push(encode(codec, { inner: 'y'.repeat(9_000) }));
        return 1;
      },
    });
    const value = decode(codec, outer) as { x: number };
    assert.equal(value.x, 1);
    assert.ok(inner.length > 0);
    for (const each of inner) assert.deepEqual(decode(codec, each), { inner: 'y'.repeat(9_000) });
  }
  const codec = new JsonCodec();
  const order = { toJSON: () => (encode(codec, { log: 1 }), { order: 42 }) };
  assert.equal(encode(codec, order).toString(), '{"order":42}');
});

test('bytes, dates and what all objects have are not learned', () => {
  for (const value of [
    Buffer.alloc(1),
    [new Date(0)],
    { a: new Map() },
    { constructor: 1 },
    { toString: 1 },
  ]) {
    assert.equal(shapeOf(value, encodeJsonKey), undefined);
  }
});

test('nothing behind a frame is read: old bytes there change no value and cost no time', () => {
  for (const [text, junk] of [
    ['[1,1,1,1', ',1'],
    ['[12', '3'],
    ['[1.5', '5'],
    ['12', '3'],
    ['1e5', '5'],
  ] as const) {
    const bytes = Buffer.concat([Buffer.from(text), Buffer.from(junk.repeat(100_000))]);
    const shape = shapeOf(text.startsWith('[') ? [1] : 1, encodeJsonKey);
    assert.ok(shape);
    const value = jsonReader.read(bytes, 0, text.length, shape);
    if (value !== UNREAD) assert.equal(value, JSON.parse(text));
    assert.ok(jsonReader.end <= text.length + 1, `${text}: read up to ${jsonReader.end}`);
  }
});
