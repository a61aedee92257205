/**
 * The checks of msgpack and JSON without any decoder: every type of the msgpack specification at its exact length, as a key and as a value, and every
 * bound of a value at its exact place.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkJson, familiarBytesMax as familiarJsonBytesMax } from '../../src/codecs/json-check.ts';
import { checkMsgpack, familiarBytesMax as familiarMsgpackBytesMax } from '../../src/codecs/msgpack-check.ts';
import type { ValueLimits } from '../../src/codecs/value-limits.ts';
import { FAMILIAR_BYTES_MAX } from '../../src/limits.ts';

const LARGE: ValueLimits = { depthMax: 1_000, elementsMax: 1e6, keysMax: 1e6 };
/** A length of which no byte is zero or equal to another. */
const LENGTH = 0x0102;

function codeOf(check: () => void): string {
  try {
    check();
    return 'passes';
  } catch (error) {
    return (error as { code: string }).code.replace('ERR_RINGWIRE_', '');
  }
}

/** The verdict on a message that lies among bytes of others. */
function msgpack(bytes: Buffer, limits: Partial<ValueLimits> = {}, around = 0xc0): string {
  const memory = Buffer.concat([Buffer.alloc(3, around), bytes, Buffer.alloc(9, around)]);
  return codeOf(() => checkMsgpack(memory, 3, 3 + bytes.length, { ...LARGE, ...limits }));
}

function json(text: string, limits: Partial<ValueLimits>): string {
  return codeOf(() => checkJson(text, { ...LARGE, ...limits }));
}

/** A type byte, its length in `width` bytes, and what follows. */
function sized(type: number, width: number, length: number, body: Buffer): Buffer {
  const head = Buffer.alloc(1 + width, type);
  if (width > 0) head.writeUIntBE(length, 1, width);
  return Buffer.concat([head, body]);
}

function nils(count: number): Buffer {
  return Buffer.alloc(count, 0xc0);
}

/** One message of each type, with what else it could be used as. */
function samples(): { bytes: Buffer; isKey: boolean }[] {
  const found: { bytes: Buffer; isKey: boolean }[] = [];
  const add = (isKey: boolean, bytes: Buffer): void => void found.push({ bytes, isKey });
  for (const type of [0x00, 0x7f, 0xe0, 0xff, 0xc0, 0xc2, 0xc3]) add(true, Buffer.of(type));
  for (const [type, bytes] of [
    [0xca, 4],
    [0xcb, 8],
    [0xcc, 1],
    [0xcd, 2],
    [0xce, 4],
    [0xcf, 8],
    [0xd0, 1],
    [0xd1, 2],
    [0xd2, 4],
    [0xd3, 8],
  ] as const)
    add(true, sized(type, 0, 0, nils(bytes)));
  for (const bytes of [0, 1, 31]) add(true, sized(0xa0 + bytes, 0, 0, nils(bytes)));
  for (const [type, width] of [
    [0xd9, 1],
    [0xda, 2],
    [0xdb, 4],
  ] as const)
    add(true, sized(type, width, width === 1 ? 3 : LENGTH, nils(width === 1 ? 3 : LENGTH)));
  for (const [type, width] of [
    [0xc4, 1],
    [0xc5, 2],
    [0xc6, 4],
  ] as const)
    add(false, sized(type, width, width === 1 ? 3 : LENGTH, nils(width === 1 ? 3 : LENGTH)));
  for (const [type, bytes] of [
    [0xd4, 1],
    [0xd5, 2],
    [0xd6, 4],
    [0xd7, 8],
    [0xd8, 16],
  ] as const)
    add(false, sized(type, 0, 0, Buffer.concat([Buffer.of(0xff), nils(bytes)])));
  for (const [type, width] of [
    [0xc7, 1],
    [0xc8, 2],
    [0xc9, 4],
  ] as const) {
    const length = width === 1 ? 3 : LENGTH;
    add(false, sized(type, width, length, Buffer.concat([Buffer.of(0xff), nils(length)])));
  }
  for (const count of [0, 1, 15]) {
    add(false, sized(0x90 + count, 0, 0, nils(count)));
    add(false, sized(0x80 + count, 0, 0, nils(2 * count)));
  }
  for (const [type, width, each] of [
    [0xdc, 2, 1],
    [0xdd, 4, 1],
    [0xde, 2, 2],
    [0xdf, 4, 2],
  ] as const)
    add(false, sized(type, width, LENGTH, nils(LENGTH * each)));
  return found;
}

const SAMPLES = samples();

test('msgpack: every type passes at its exact length, and at no other', () => {
  assert.ok(SAMPLES.length > 40);
  for (const { bytes } of SAMPLES) {
    const name = bytes.toString('hex', 0, 6);
    // Values, a key that is none, and an extension that is refused: none of them is looked at.
    for (const around of [0xc0, 0xff, 0x90, 0xd4]) {
      assert.equal(msgpack(bytes, {}, around), 'passes', name);
      for (let end = 0; end < bytes.length; end++)
        assert.equal(
          msgpack(bytes.subarray(0, end), {}, around),
          'INVALID_MSGPACK',
          `${name}, cut at ${end}`,
        );
      assert.equal(msgpack(Buffer.concat([bytes, nils(1)]), {}, around), 'INVALID_MSGPACK', name);
    }
  }
  for (let behind = 0; behind < 20; behind++)
    for (const what of [nils(behind), Buffer.alloc(behind)])
      assert.equal(msgpack(Buffer.concat([Buffer.of(0xc1), what])), 'INVALID_MSGPACK');
});

test('msgpack: what may be the key of a map, and that all may be values, in every place', () => {
  for (const { bytes, isKey } of SAMPLES) {
    const name = bytes.toString('hex', 0, 6);
    const verdict = isKey ? 'passes' : 'INVALID_MSGPACK';
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x81), bytes, nils(1)])), verdict, name);
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x82, 1, 2), bytes, nils(1)])), verdict, name);
    assert.equal(msgpack(Buffer.concat([sized(0xde, 2, 1, bytes), nils(1)])), verdict, name);
    // Behind a map within a map, and behind a list within one.
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x82, 1, 0x81, 1, 1), bytes, nils(1)])), verdict, name);
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x82, 1, 0x92, 1, 1), bytes, nils(1)])), verdict, name);
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x82, 1), bytes, Buffer.of(1, 1)])), 'passes', name);
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x92, 0x81, 1, 1), bytes])), 'passes', name);
    assert.equal(msgpack(Buffer.concat([Buffer.of(0x93, 1), bytes, bytes])), 'passes', name);
  }
});

test('msgpack: extensions of every other type are refused in each of their forms', () => {
  for (const { bytes } of SAMPLES) {
    const type = bytes[0] as number;
    const at =
      type >= 0xd4 && type <= 0xd8 ? 1 : [0xc7, 0xc8, 0xc9].includes(type) ? 1 + 2 ** (type - 0xc7) : 0;
    if (at === 0) continue;
    for (const extension of [0, 1, 0xfe]) {
      const other = Buffer.from(bytes);
      other[at] = extension;
      assert.equal(msgpack(other), 'EXT_NOT_ALLOWED', other.toString('hex', 0, 6));
    }
  }
});

test('msgpack: a collection may promise as many elements as bytes follow, and no more', () => {
  for (const [type, width, each] of [
    [0xdc, 2, 1],
    [0xdd, 4, 1],
    [0xde, 2, 2],
    [0xdf, 4, 2],
  ] as const) {
    assert.equal(msgpack(sized(type, width, 3, nils(3 * each))), 'passes');
    assert.equal(msgpack(sized(type, width, 4, nils(3 * each))), 'INVALID_MSGPACK');
    // Judged before the elements are looked at: the first of them is one that is never allowed.
    assert.equal(msgpack(sized(type, width, 4, Buffer.of(0xd4, 5, 0))), 'INVALID_MSGPACK');
  }
});

test('msgpack: depth, elements and keys at their exact places', () => {
  const nested = Buffer.of(0x91, 0x81, 1, 0x91, 0xc0);
  assert.deepEqual(
    [3, 2].map((depthMax) => msgpack(nested, { depthMax })),
    ['passes', 'TOO_DEEP'],
  );
  assert.deepEqual(
    [4, 3].map((elementsMax) => msgpack(nested, { elementsMax })),
    ['passes', 'TOO_MANY_ELEMENTS'],
  );
  assert.equal(msgpack(Buffer.of(0x91, 0xa0), { depthMax: 1 }), 'passes', 'an empty text is no level');
  assert.equal(msgpack(Buffer.of(0x91, 0x90), { depthMax: 1 }), 'TOO_DEEP', 'an empty list is one');
  for (const list of [Buffer.of(0x93, 1, 2, 3), sized(0xdc, 2, 3, nils(3)), sized(0xdd, 4, 3, nils(3))])
    assert.deepEqual(
      [3, 2].map((elementsMax) => msgpack(list, { elementsMax })),
      ['passes', 'TOO_MANY_ELEMENTS'],
    );
  const siblings = Buffer.of(0x93, 0x91, 1, 0x91, 1, 0x91, 1);
  assert.equal(msgpack(siblings, { depthMax: 2 }), 'passes', 'levels that were left do not count');
  for (const map of [
    Buffer.of(0x83, 1, 1, 2, 2, 3, 3),
    sized(0xde, 2, 3, nils(6)),
    sized(0xdf, 4, 3, nils(6)),
  ]) {
    assert.deepEqual(
      [3, 2].map((keysMax) => msgpack(map, { keysMax })),
      ['passes', 'TOO_MANY_ELEMENTS'],
    );
    assert.deepEqual(
      [6, 5].map((elementsMax) => msgpack(map, { elementsMax })),
      ['passes', 'TOO_MANY_ELEMENTS'],
    );
  }
  const twice = Buffer.of(0x92, 0x81, 1, 1, 0x81, 1, 1);
  assert.deepEqual(
    [2, 1].map((keysMax) => msgpack(twice, { keysMax })),
    ['passes', 'TOO_MANY_ELEMENTS'],
  );
  assert.deepEqual(
    [6, 5].map((elementsMax) => msgpack(twice, { elementsMax })),
    ['passes', 'TOO_MANY_ELEMENTS'],
  );
});

test('JSON: depth, elements and keys at their exact places, whatever stands in strings and between', () => {
  for (const [text, depth, elements, keys] of [
    ['[]', 1, 0, 0],
    ['{}', 1, 0, 0],
    ['[ ]', 1, 0, 0],
    ['[0]', 1, 1, 0],
    ['[[]]', 2, 1, 0],
    ['[{},{}]', 2, 2, 0],
    ['[[0],[0],[0]]', 2, 6, 0],
    ['{"a":0}', 1, 2, 1],
    ['{"a":[0]}', 2, 3, 1],
    ['{"a":{"b":{}}}', 3, 4, 2],
    ['{"a":0,"b":0}', 1, 4, 2],
    [' { "a" : 0 , "b" : [ 1 , 2 ] } ', 2, 6, 2],
    ['["[[[{{{,,,:::"]', 1, 1, 0],
    ['["\\"[[,,::\\\\",0]', 1, 2, 0],
    ['["\\\\","[,"]', 1, 2, 0],
    ['{"[{,:":"[{,:"}', 1, 2, 1],
    ['[\n\t"a",\r\n"b"]', 1, 2, 0],
  ] as const) {
    const exact = { depthMax: depth, elementsMax: elements, keysMax: keys };
    assert.equal(json(text, exact), 'passes', text);
    if (depth > 1) assert.equal(json(text, { depthMax: depth - 1 }), 'TOO_DEEP', text);
    if (elements > 0) assert.equal(json(text, { elementsMax: elements - 1 }), 'TOO_MANY_ELEMENTS', text);
    if (keys > 0) assert.equal(json(text, { keysMax: keys - 1 }), 'TOO_MANY_ELEMENTS', text);
  }
});

test('JSON: text that ends in the middle of a string is let through to those who read it', () => {
  for (const text of ['["[[[[', '["\\', '"[[[[\\"'])
    assert.equal(json(text, { depthMax: 1, elementsMax: 1 }), 'passes', text);
});

/** Text that says whether somebody has read it character by character. */
class Watched extends String {
  isRead = false;

  override charCodeAt(at: number): number {
    this.isRead = true;
    return super.charCodeAt(at);
  }
}

test('JSON: text that is too short for a bound, or has too few marks, is not read character by character', () => {
  for (const [limits, text, isRead] of [
    [{ depthMax: 3 }, '[[[[[[', false],
    [{ depthMax: 3 }, ' [[[   ', false],
    [{ depthMax: 3 }, '[[[]]][', true],
    [{ elementsMax: 6 }, ',,,,,,::::::', false],
    [{ elementsMax: 6 }, ' ,,::[[      ', false],
    [{ elementsMax: 6 }, ',,,          ', true],
    [{ elementsMax: 6 }, ':::          ', true],
    [{ elementsMax: 6 }, '[[[          ', true],
    [{ keysMax: 2 }, '::::::::::', false],
    [{ keysMax: 2 }, ' ::        ', false],
    [{ keysMax: 4 }, ':::::                ', true],
  ] as const) {
    const watched = new Watched(text);
    json(watched as unknown as string, limits);
    assert.equal(watched.isRead, isRead, `${JSON.stringify(limits)}: ${text}`);
  }
});

function bounds(elementsMax: number, keysMax: number): ValueLimits {
  return { depthMax: 1, elementsMax, keysMax };
}

test('what cannot have too many elements or keys needs no look: two characters and five, or a byte and two', () => {
  assert.equal(familiarJsonBytesMax(bounds(100, 1e6)), 200);
  assert.equal(familiarJsonBytesMax(bounds(1e6, 100)), 500);
  assert.equal(familiarMsgpackBytesMax(bounds(100, 1e6)), 100);
  assert.equal(familiarMsgpackBytesMax(bounds(1e6, 100)), 200);
  for (const familiarBytesMax of [familiarJsonBytesMax, familiarMsgpackBytesMax])
    assert.equal(familiarBytesMax(bounds(1e6, 1e6)), FAMILIAR_BYTES_MAX);
});
