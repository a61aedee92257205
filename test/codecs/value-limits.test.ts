/**
 * Depth, elements and keys: JSON text and msgpack pass exactly when what they build is within the limits, counted here on the built value.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkJson } from '../../src/codecs/json-check.ts';
import { JsonCodec } from '../../src/codecs/json.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import type { ValueLimits } from '../../src/codecs/value-limits.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { type Random, seeded } from '../support/seeded.ts';
import { encode, outcome } from './support.ts';

interface Size {
  depth: number;
  elements: number;
  keys: number;
}

/** A map's keys and values are elements, as they are in msgpack. */
function measure(value: unknown): Size {
  if (typeof value !== 'object' || value === null) return { depth: 0, elements: 0, keys: 0 };
  const children = Object.values(value);
  const keys = Array.isArray(value) ? 0 : children.length;
  const size = { depth: 0, elements: children.length + keys, keys };
  for (const child of children.map(measure)) {
    size.depth = Math.max(size.depth, child.depth);
    size.elements += child.elements;
    size.keys += child.keys;
  }
  size.depth++;
  return size;
}

const STRINGS = ['', 'a', '"', '\\', ',:[]{}', '\\"', '\u2028', 'ä€', '[[[', '"}'];

function anyValue(random: Random, depth: number): unknown {
  const kind = depth === 0 ? random.below(3) : random.below(5);
  if (kind === 0) return random.below(1_000);
  if (kind === 1) return random.pick(STRINGS);
  if (kind === 2) return random.pick([true, false, null, -1.5e9, [], {}]);
  const count = random.below(5);
  const values = Array.from({ length: count }, () => anyValue(random, depth - 1));
  if (kind === 3) return values;
  return Object.fromEntries(values.map((value, index) => [`${random.pick(STRINGS)}${index}`, value]));
}

function codeOf(limits: Partial<ValueLimits>, check: (limits: ValueLimits) => void): string {
  try {
    check({ ...DEFAULT_LIMITS, ...limits });
    return '';
  } catch (error) {
    return (error as { code: string }).code.replace('ERR_RINGWIRE_', '');
  }
}

test('5,000 random values: each bound at its exact place, in JSON of any spacing', () => {
  const random = seeded(11);
  let counted = 0;
  for (let round = 0; round < 5_000; round++) {
    const value = anyValue(random, 5);
    const { depth, elements, keys } = measure(value);
    for (const text of [JSON.stringify(value), JSON.stringify(value, undefined, '\t')]) {
      const exact = { depthMax: Math.max(1, depth), elementsMax: elements, keysMax: keys };
      assert.equal(
        codeOf(exact, (limits) => checkJson(text, limits)),
        '',
        text,
      );
      if (depth > 1)
        assert.equal(
          codeOf({ depthMax: depth - 1 }, (limits) => checkJson(text, limits)),
          'TOO_DEEP',
          text,
        );
      for (const [name, count] of [
        ['elementsMax', elements],
        ['keysMax', keys],
      ] as const) {
        if (count === 0) continue;
        counted++;
        assert.equal(
          codeOf({ [name]: count - 1 }, (limits) => checkJson(text, limits)),
          'TOO_MANY_ELEMENTS',
          text,
        );
      }
    }
  }
  assert.ok(counted > 5_000);
});

test('1,000 random values: msgpack agrees', () => {
  const random = seeded(12);
  const open = new MsgpackCodec();
  for (let round = 0; round < 1_000; round++) {
    const value = anyValue(random, 5);
    const { depth, elements, keys } = measure(value);
    const bytes = encode(open, value);
    const exact = { depthMax: Math.max(1, depth), elementsMax: elements, keysMax: keys };
    assert.equal(outcome(new MsgpackCodec({ ...DEFAULT_LIMITS, ...exact }), bytes), 'decoded');
    if (keys > 0)
      assert.equal(
        outcome(new MsgpackCodec({ ...DEFAULT_LIMITS, keysMax: keys - 1 }), bytes),
        'ERR_RINGWIRE_TOO_MANY_ELEMENTS',
      );
    if (depth > 1)
      assert.equal(
        outcome(new MsgpackCodec({ ...DEFAULT_LIMITS, depthMax: depth - 1 }), bytes),
        'ERR_RINGWIRE_TOO_DEEP',
      );
  }
});

function withKeys(count: number): unknown {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]));
}

function withElements(count: number): unknown {
  return Array.from({ length: count }, () => 0);
}

test('the defaults: 100,000 keys and 1,000,000 elements pass, one more does not, in either codec', () => {
  const free = { depthMax: 64, elementsMax: Infinity, keysMax: Infinity };
  for (const [writer, reader] of [
    [new JsonCodec(free), new JsonCodec()],
    [new MsgpackCodec(free), new MsgpackCodec()],
  ] as const) {
    for (const [make, most] of [
      [withKeys, 100_000],
      [withElements, 1_000_000],
    ] as const) {
      assert.equal(outcome(reader, encode(writer, make(most))), 'decoded', `${reader.name} ${most}`);
      assert.equal(outcome(reader, encode(writer, make(most + 1))), 'ERR_RINGWIRE_TOO_MANY_ELEMENTS');
    }
  }
});
