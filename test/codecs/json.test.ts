/**
 * JSON: the text of JSON.stringify byte for byte, `undefined` as nothing, a bound on depth, and keys of a peer that stay data.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonCodec, parseJson, utf8BytesMax } from '../../src/codecs/json.ts';
import { decode, encode, outcome } from './support.ts';

const codec = new JsonCodec();

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  Infinity,
  Number.NaN,
  '',
  'text',
  'ä€\u{1f600}',
  '\u0000\f\n"\\',
  '\ud800 alone',
  [],
  {},
  [1, [2, [3]]],
  { a: { b: undefined, c: () => 0 }, d: [undefined, Symbol('s')] },
  new Date(0),
  { toJSON: () => ({ from: 'toJSON' }) },
  Buffer.from('bytes'),
  new Map([[1, 2]]),
  Array.from({ length: 5000 }, (_, index) => `${index} €`),
];

test('what is written is what JSON.stringify writes, and comes back as JSON.parse reads it', () => {
  for (const value of VALUES) {
    const text = JSON.stringify(value);
    assert.equal(encode(codec, value).toString('utf8'), Buffer.from(text).toString('utf8'));
    assert.deepEqual(decode(codec, text), JSON.parse(Buffer.from(text).toString()));
  }
});

test('undefined, and what JSON cannot express, is an empty payload, which is undefined', () => {
  for (const value of [undefined, () => 0, Symbol('s'), { toJSON: () => undefined }])
    assert.equal(encode(codec, value).length, 0);
  assert.equal(decode(codec, ''), undefined);
});

test('a value that throws leaves nothing behind for the next one', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const throwing = { toJSON: () => assert.fail('of the user') };
  for (const value of [circular, 1n, { deep: [2n] }, throwing]) {
    assert.throws(() => codec.prepare(value));
    assert.equal(encode(codec, 'next').toString(), '"next"');
  }
});

test('the announced length is enough for any text, and exact for long text', () => {
  for (const unit of ['a', 'ä', '€', '\u{1f600}', '\ud800']) {
    for (const count of [0, 1, 2730, 2731, 8191, 8192, 9000]) {
      const text = unit.repeat(count);
      assert.ok(utf8BytesMax(text) >= Buffer.byteLength(text));
      if (text.length >= 8192) assert.equal(utf8BytesMax(text), Buffer.byteLength(text));
      assert.equal(encode(codec, text).length, Buffer.byteLength(JSON.stringify(text)));
    }
  }
});

function nested(open: string, close: string, depth: number): string {
  return open.repeat(depth) + close.repeat(depth);
}

test('depth: 64 levels pass, 65 and 200,000 are refused, brackets in strings do not count', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":[', ']}'],
  ] as const) {
    const levels = open === '[' ? 1 : 2;
    assert.notEqual(decode(codec, nested(open, close, 64 / levels)), undefined);
    for (const depth of [64 / levels + 1, 200_000])
      assert.equal(outcome(codec, Buffer.from(nested(open, close, depth))), 'ERR_RINGWIRE_TOO_DEEP');
  }
  const quoted = JSON.stringify({ text: `${'[{'.repeat(500)}\\" \\\\"${'['.repeat(500)}`, next: [1] });
  assert.deepEqual(decode(codec, quoted), JSON.parse(quoted));
  const flat = JSON.stringify(Array.from({ length: 500 }, () => ({ a: [] })));
  assert.deepEqual(decode(codec, flat), JSON.parse(flat), 'many brackets that are not deep');
  assert.equal(
    outcome(codec, Buffer.from('['.repeat(129))),
    'ERR_RINGWIRE_TOO_DEEP',
    'depth is judged before syntax',
  );
  assert.equal(outcome(codec, Buffer.from('['.repeat(64))), 'ERR_RINGWIRE_INVALID_JSON');
});

test('text that is not JSON is refused without being quoted', () => {
  for (const text of [
    'nope',
    '{',
    '{"a":1,}',
    '[1]]',
    "'a'",
    '\ufeff{}',
    'undefined',
    'NaN',
    '\0',
    ' ',
    '{"secret":"canary"',
  ]) {
    assert.equal(outcome(codec, Buffer.from(text)), 'ERR_RINGWIRE_INVALID_JSON', text);
    assert.throws(
      () => parseJson(text),
      (error: Error) => !/canary|nope/.test(`${error.message}${String(error.cause)}`),
    );
  }
});

test('bytes that are not UTF-8 are replaced or refused, never fatal', () => {
  for (const hex of [
    '22ff22',
    '22c0af22',
    '22eda08022',
    '22f490808022',
    '22e28222',
    '22',
    'ff',
    'f5530100',
    '2280808022',
  ])
    assert.match(outcome(codec, Buffer.from(hex, 'hex')), /^(decoded|ERR_RINGWIRE_INVALID_JSON)$/, hex);
  assert.equal(decode(codec, Buffer.from('22ff22', 'hex')), '\ufffd');
});

test('__proto__ and constructor of a peer are own properties, and pollute nothing', () => {
  const text =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":null}}';
  const value = decode(codec, text) as Record<string, unknown>;
  assert.ok(Object.hasOwn(value, '__proto__') && Object.hasOwn(value, 'constructor'));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('nothing behind the end of the frame is read', () => {
  assert.equal(outcome(codec, Buffer.from('"a'), 0x22), 'ERR_RINGWIRE_INVALID_JSON');
  assert.equal(outcome(codec, Buffer.from('1'), 0x31), 'decoded');
  assert.equal(decode(codec, '12'), 12);
});
