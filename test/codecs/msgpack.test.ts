/**
 * msgpack: values come back as they were, decoded memory is the user's own, and hostile bytes are refused before a decoder sees
 * them: promises of more than there is, nesting, extensions, anything behind the value.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import { checkMsgpack } from '../../src/codecs/msgpack-check.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import { seeded, type Random } from '../support/seeded.ts';
import { decode, encode, frameOf, outcome } from './support.ts';

const codec = new MsgpackCodec();

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

test('round trips: every format of the specification', () => {
  const values: unknown[] = [
    null,
    true,
    false,
    '',
    'text',
    'ä€\u{1f600}',
    [],
    {},
    [[], {}],
    { a: { b: [1, 'x', null] } },
  ];
  for (const bound of [0, 2 ** 5, 2 ** 7, 2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53 - 1])
    for (const off of [-1, 0, 1]) values.push(bound + off, -bound - off);
  values.push(0.1, -1.5, 1e300, Infinity, -Infinity, Number.NaN, Number.MIN_VALUE);
  for (const length of [31, 32, 255, 256, 65_535, 65_536]) {
    values.push(
      's'.repeat(length),
      Array.from({ length }, (_, index) => index & 127),
    );
    if (length < 1000)
      values.push(Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, index])));
  }
  for (const value of values) {
    // An integer is written as one: the sign of zero is lost, and beyond 2^53 it would be a bigint.
    if (Object.is(value, -0) || (Number.isInteger(value) && !Number.isSafeInteger(value))) continue;
    assert.deepEqual(decode(codec, encode(codec, value)), value);
  }
  assert.deepEqual(decode(codec, encode(codec, new Date(1e12 + 1))), new Date(1e12 + 1));
  assert.equal(decode(codec, encode(codec, undefined)), undefined);
  assert.equal(encode(codec, undefined).length, 0);
});

test('the bytes are those of the specification, which any language reads', () => {
  assert.equal(
    encode(codec, { a: [1, -1, 'x', null, true] }).toString('hex'),
    '81a16195 01ffa178c0c3'.replace(' ', ''),
  );
  assert.equal(encode(codec, Buffer.of(1, 2)).toString('hex'), 'c4020102');
  assert.equal(encode(codec, 1.5).toString('hex'), 'cb3ff8000000000000', 'floats keep all their bits');
  const twice = { b: 1 };
  assert.equal(
    encode(codec, [twice, twice]).toString('hex'),
    '9281a1620181a16201',
    'no records, no references',
  );
});

test('integers of C peers are numbers as long as they are safe integers', () => {
  assert.equal(decode(codec, hex('cf 0000000000000001')), 1);
  assert.equal(decode(codec, hex('d3 ffffffffffffffff')), -1);
  assert.equal(decode(codec, hex('cf 001fffffffffffff')), 2 ** 53 - 1);
  assert.equal(BigInt(decode(codec, hex('cf ffffffffffffffff')) as bigint), 2n ** 64n - 1n);
});

test('decoded buffers and strings own their memory', () => {
  for (const size of [3, 100, 128, 129, 5000]) {
    const frame = frameOf(encode(codec, { bytes: Buffer.alloc(size, 7), text: 'y'.repeat(size) }));
    const value = codec.decode(frame) as { bytes: Buffer; text: string };
    assert.notEqual(value.bytes.buffer, frame.bytes.buffer);
    frame.bytes.fill(0xdb);
    decode(codec, encode(codec, { bytes: Buffer.alloc(size, 9), text: 'z'.repeat(size) }));
    assert.deepEqual(value, { bytes: Buffer.alloc(size, 7), text: 'y'.repeat(size) }, `${size} bytes`);
    assert.ok(
      value.bytes.buffer.byteLength <= Math.max(8192, 2 * size),
      'a small value keeps no large memory alive',
    );
  }
});

test('what cannot be packed throws and leaves nothing behind', () => {
  const throwing = {
    get bad(): never {
      return assert.fail('of the user');
    },
  };
  for (const value of [throwing, { a: [throwing] }, 2n ** 70n]) {
    assert.throws(() => codec.prepare(value));
    assert.equal(encode(codec, 'next').toString('hex'), 'a46e657874');
  }
});

const BOMBS: readonly (readonly [bytes: string, code: string])[] = [
  ...['dd', 'df', 'c6', 'db'].map((type) => [`${type} ffffffff`, 'INVALID_MSGPACK'] as const),
  ['c9 ffffffff ff', 'INVALID_MSGPACK'],
  ['c9 ffffffff 62', 'EXT_NOT_ALLOWED'],
  ['dd 01ffffff', 'INVALID_MSGPACK'],
  ['dd 01ffffff'.repeat(20), 'INVALID_MSGPACK'],
  ['dc ffff', 'INVALID_MSGPACK'],
  ['de ffff', 'INVALID_MSGPACK'],
  ['df 80000001 a161 01', 'INVALID_MSGPACK'],
  ['a0a0c70462fffffffbc0', 'INVALID_MSGPACK'],
  ['c70462fffffffb', 'EXT_NOT_ALLOWED'],
  ['91'.repeat(65) + 'c0', 'TOO_DEEP'],
  ['91'.repeat(200_000), 'TOO_DEEP'],
  ['81a161'.repeat(65) + 'c0', 'TOO_DEEP'],
  ['c1', 'INVALID_MSGPACK'],
  ['91c1', 'INVALID_MSGPACK'],
  ['c0c0', 'INVALID_MSGPACK'],
  ['8101', 'INVALID_MSGPACK'],
  ['92c0', 'INVALID_MSGPACK'],
  ['a3 6161', 'INVALID_MSGPACK'],
  ['d9', 'INVALID_MSGPACK'],
  ['da 00', 'INVALID_MSGPACK'],
  ['db 000000', 'INVALID_MSGPACK'],
  ['cb 0000000000', 'INVALID_MSGPACK'],
];

test('bombs are refused with their code, at once and without memory', () => {
  const before = process.memoryUsage();
  for (const [bytes, code] of BOMBS)
    assert.equal(outcome(codec, hex(bytes)), `ERR_RINGWIRE_${code}`, bytes.slice(0, 30));
  const elements = Buffer.concat([hex('dd 000f4241'), Buffer.alloc(1_000_001, 0xc0)]);
  assert.equal(outcome(codec, elements), 'ERR_RINGWIRE_TOO_MANY_ELEMENTS');
  assert.equal(outcome(codec, hex('91'.repeat(64) + 'c0')), 'decoded', '64 levels are legal');
  const after = process.memoryUsage();
  assert.ok(after.rss - before.rss < 64 * 2 ** 20, 'no bomb went off');
});

test('no extension but the timestamp is let through', () => {
  const forms = [
    'd4 TT 00',
    'd5 TT 0000',
    'd6 TT 00000000',
    `d7 TT ${'00'.repeat(8)}`,
    `d8 TT ${'00'.repeat(16)}`,
  ];
  forms.push('c7 01 TT 00', 'c8 0001 TT 00', 'c9 00000001 TT 00', 'c7 00 TT');
  for (let type = 0; type < 255; type++) {
    for (const form of forms) {
      const bytes = hex(form.replace('TT', type.toString(16).padStart(2, '0')));
      assert.equal(outcome(codec, bytes), 'ERR_RINGWIRE_EXT_NOT_ALLOWED', bytes.toString('hex'));
      assert.equal(outcome(codec, Buffer.concat([hex('91'), bytes])), 'ERR_RINGWIRE_EXT_NOT_ALLOWED');
    }
  }
  assert.deepEqual(decode(codec, hex('d6 ff 00000001')), new Date(1000));
  assert.deepEqual(decode(codec, hex('c7 0c ff 00000000 0000000000000002')), new Date(2000));
});

test('keys of a peer pollute nothing', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
    const key = Buffer.concat([Buffer.of(0x81, 0xa0 + name.length), Buffer.from(name)]);
    const bytes = Buffer.concat([key, hex('81 a8 706f6c6c75746564 01')]);
    assert.match(outcome(codec, bytes), /^(decoded|ERR_RINGWIRE_INVALID_MSGPACK)$/);
    const value = decode(codec, bytes) as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype, name);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined, name);
  }
});

/** Bytes that look like msgpack often enough to get deep into it. */
function almostMsgpack(random: Random): Buffer {
  const types = [
    0xc0, 0xc2, 0xc4, 0xc5, 0xc7, 0xca, 0xcb, 0xcc, 0xcd, 0xcf, 0xd3, 0xd4, 0xd6, 0xd9, 0xdc, 0xdd, 0xde,
  ];
  const bytes = Array.from({ length: random.below(60) }, () => {
    const kind = random.below(8);
    if (kind === 0) return 0x80 + random.below(4);
    if (kind === 1) return 0x90 + random.below(5);
    if (kind === 2) return 0xa0 + random.below(6);
    if (kind === 3) return random.pick(types);
    if (kind === 4) return 0xff;
    return kind === 5 ? random.below(256) : random.below(8);
  });
  return Buffer.from(bytes);
}

const withMaps = new Packr({
  useRecords: false,
  mapsAsObjects: false,
  copyBuffers: true,
  structuredClone: false,
});

/** What passes the check, decoded without objects; a throw of the decoder is a failure of the check. */
function checked(bytes: Buffer): { value: unknown } | undefined {
  const { start, end, bytes: memory } = frameOf(bytes, 0xc1);
  try {
    checkMsgpack(memory, start, end, DEFAULT_LIMITS);
  } catch {
    return undefined;
  }
  return { value: withMaps.unpack(bytes) as unknown };
}

/** Whether a map has a key that is a collection, bytes or a date. */
function hasStrangeKey(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasStrangeKey);
  if (!(value instanceof Map)) return false;
  return [...value].some(([key, each]) => (typeof key === 'object' && key !== null) || hasStrangeKey(each));
}

test('20,000 random messages: what passes the check is decoded, and the bytes around it change nothing', () => {
  const random = seeded(2026);
  const counts = { decoded: 0, refused: 0 };
  for (let round = 0; round < 20_000; round++) {
    const valid = round % 2 === 0;
    let bytes = valid ? encode(codec, randomValue(random, 4)) : almostMsgpack(random);
    if (valid && bytes.length > 0 && random.below(2) === 0) {
      bytes = Buffer.from(bytes);
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const first = outcome(codec, bytes, 0x00);
    assert.equal(
      outcome(codec, bytes, 0xff),
      first,
      `bytes behind the end were read: ${bytes.toString('hex')}`,
    );
    if (bytes.length > 0) {
      const value = checked(bytes);
      if (value === undefined) assert.notEqual(first, 'decoded', bytes.toString('hex'));
      else if (!hasStrangeKey(value.value)) assert.equal(first, 'decoded', bytes.toString('hex'));
      else assert.equal(first, 'ERR_RINGWIRE_INVALID_MSGPACK', 'a key that no object can have');
    }
    counts[first === 'decoded' ? 'decoded' : 'refused']++;
  }
  assert.ok(counts.decoded > 4000 && counts.refused > 4000, JSON.stringify(counts));
});

function randomValue(random: Random, depth: number): unknown {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind === 0) return random.pick([null, true, false, 0.5, -1e100]);
  if (kind === 1) return random.below(2 ** 32) - 2 ** random.below(32);
  if (kind === 2) return 'ä'.repeat(random.below(40));
  if (kind === 3) return random.bytes(random.below(40));
  if (kind === 4) return new Date(random.below(2 ** 32) * 1000 + random.below(1000));
  const items = Array.from({ length: random.below(5) }, () => randomValue(random, depth - 1));
  return kind < 7 ? items : Object.fromEntries(items.map((each, index) => [`k${index}`, each]));
}

test('what plain msgpack does not have is refused by the sender, where the program sees it', () => {
  for (const value of [/x/, new Error('x'), { nested: [new Error('x')] }, new Map([[1, /x/]])]) {
    assert.throws(() => encode(codec, value), { code: 'ERR_RINGWIRE_EXT_NOT_ALLOWED' });
  }
});

test('views are sent as exactly their bytes, undefined inside of values as null', () => {
  const floats = new Float64Array([1, -2.5]);
  const bytes = Buffer.from(floats.buffer);
  for (const view of [floats, floats.buffer, new DataView(floats.buffer), new Uint8Array(floats.buffer)]) {
    assert.deepEqual(decode(codec, encode(codec, view)), bytes);
    const inside = {
      at: new Map([['list', [view]]]),
      set: new Set([view]),
      class: new (class {
        view = view;
      })(),
    };
    assert.deepEqual(decode(codec, encode(codec, inside)), {
      at: { list: [bytes] },
      set: [bytes],
      class: { view: bytes },
    });
  }
  assert.deepEqual(decode(codec, encode(codec, { a: undefined, b: [undefined] })), { a: null, b: [null] });
});
