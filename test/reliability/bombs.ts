/**
 * Payloads that try to blow up whoever decodes them, in msgpack and in JSON, and what has to become of each.
 *
 * Invariant: a vector that may pass is plain data once it is decoded.
 */

export interface Bomb {
  readonly name: string;
  readonly bytes: Buffer;
  /** The code without its prefix, `passes`, or a set of codes that are all right. */
  readonly outcome: RegExp;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const REFUSED = /^(?:INVALID_MSGPACK|EXT_NOT_ALLOWED|TOO_MANY_ELEMENTS|TOO_DEEP)$/;
const INVALID = /^INVALID_MSGPACK$/;
const EXTENSION = /^EXT_NOT_ALLOWED$/;
const DEEP = /^TOO_DEEP$/;
const MANY = /^TOO_MANY_ELEMENTS$/;

/** A type with a length, and how many bytes that has. */
const LENGTHS: readonly (readonly [type: string, width: number])[] = [
  ['c4', 1],
  ['c5', 2],
  ['c6', 4],
  ['c7', 1],
  ['c8', 2],
  ['c9', 4],
  ['d9', 1],
  ['da', 2],
  ['db', 4],
  ['dc', 2],
  ['dd', 4],
  ['de', 2],
  ['df', 4],
];

function lengthBombs(): Bomb[] {
  const bombs: Bomb[] = [];
  for (const [type, width] of LENGTHS) {
    for (const length of [2 ** (8 * width) - 1, 2 ** 31, 2 ** 25 - 1, 2 ** 24, 2 ** (8 * width - 1)]) {
      if (length >= 2 ** (8 * width)) continue;
      const head = type + length.toString(16).padStart(2 * width, '0');
      for (const nest of [0, 1, 20]) {
        const bytes = hex('91'.repeat(nest) + head);
        bombs.push({ name: `${head} in ${nest} arrays`, bytes, outcome: REFUSED });
      }
      bombs.push({ name: `${head} twenty times`, bytes: hex(head.repeat(20)), outcome: REFUSED });
    }
  }
  return bombs;
}

function extensionBombs(): Bomb[] {
  const bombs: Bomb[] = [];
  for (const type of ['62', '65', '69', '70', '72', '73', '74', '78', '42']) {
    for (const form of [
      'd4TT00',
      'd5TT0000',
      'd6TT00000000',
      `d7TT${'00'.repeat(8)}`,
      `d8TT${'00'.repeat(16)}`,
    ]) {
      const bytes = hex(form.replace('TT', type));
      bombs.push({ name: `extension ${type}, ${form.slice(0, 2)}`, bytes, outcome: EXTENSION });
    }
    for (const form of ['c701TT00', 'c80001TT00', 'c900000001TT00']) {
      const bytes = hex(`91${form.replace('TT', type)}`);
      bombs.push({ name: `extension ${type} in an array, ${form.slice(0, 2)}`, bytes, outcome: EXTENSION });
    }
  }
  // An array of two references to the array before it, 25 times: 2^25 elements for whoever follows them.
  const shared = Array.from(
    { length: 25 },
    (_, id) => `c7056900000${id.toString(16).padStart(3, '0')}92d670${'0'.repeat(8)}`,
  );
  bombs.push({
    name: 'shared references',
    bytes: hex(shared.join('').slice(0, 820)),
    outcome: /^(?:INVALID_MSGPACK|EXT_NOT_ALLOWED)$/,
  });
  return bombs;
}

function shapeBombs(): Bomb[] {
  const bombs: Bomb[] = [];
  for (const depth of [65, 10_000, 200_000]) {
    bombs.push({ name: `${depth} arrays`, bytes: Buffer.alloc(depth + 1, 0x91), outcome: DEEP });
    bombs.push({ name: `${depth} maps`, bytes: hex('81a161'.repeat(depth) + 'c0'), outcome: DEEP });
  }
  const many = Buffer.concat([hex('dd000f4241'), Buffer.alloc(1_000_001, 0xc0)]);
  bombs.push({ name: '1,000,001 elements', bytes: many, outcome: MANY });
  const manyKeys = Buffer.concat([hex('df000186a1'), Buffer.alloc(2 * 100_001, 0x01)]);
  bombs.push({ name: '100,001 keys', bytes: manyKeys, outcome: MANY });
  for (const text of [
    'c1',
    'c0c0',
    '92c0',
    '81c0',
    'd4',
    'c7',
    'cb00',
    'cf00',
    'a5616263',
    'a0a0c70462fffffffbc0',
  ])
    bombs.push({ name: text, bytes: hex(text), outcome: text === '' ? EXTENSION : INVALID });
  const secret = Buffer.concat([hex('a6'), Buffer.from('canary'), hex('a6'), Buffer.from('canary')]);
  bombs.push({ name: 'a value behind the value', bytes: secret, outcome: INVALID });
  return bombs;
}

export function msgpackBombs(): Bomb[] {
  return [...lengthBombs(), ...extensionBombs(), ...shapeBombs()];
}

const PASSES = /^passes$/;
const NO_JSON = /^INVALID_JSON$/;
const EITHER = /^(?:passes|INVALID_JSON)$/;

const INVALID_TEXTS: readonly string[] = [
  '[',
  ']',
  '{',
  '}',
  '[1',
  '1]',
  '[1,',
  '[,1]',
  '[1,,2]',
  '[1,]',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,}',
  '{a:1}',
  "{'a':1}",
  '{"a":1 "b":2}',
  '{"a" 1}',
  '{1:1}',
  '[1}',
  '{"a":1]',
  '"',
  '"a',
  'a"',
  "'a'",
  '"\\"',
  '"\\x"',
  '"\\u12"',
  '"\\u"',
  '"\\uD8"',
  '"\n"',
  '"	"',
  '"\0"',
  '""',
  '01',
  '-',
  '-01',
  '+1',
  '.5',
  '1.',
  '1.e1',
  '1e',
  '1e+',
  '0x10',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',
  'nan',
  'True',
  'TRUE',
  'tru',
  'nul',
  'undefined',
  '﻿1',
  '﻿{}',
  '{}{}',
  '1 2',
  '[] []',
  '/* a */1',
  '1//a',
  '#',
  '\\',
  '$',
  '(1)',
  '\0',
  '[\0]',
  '\xA01',
  '\u20281',
  '[1]x',
  '"a"b',
  'null null',
  '{"a":1}}',
  '[[1]]]',
  ':',
  ',',
  '[:]',
  '{:}',
  '{"a"::1}',
  '[1:2]',
  '-a',
  '--1',
  '1-',
  '1e1.5',
  '[-]',
  '"\\uZZZZ"',
  "['a']",
  '{"a":\'b\'}',
  '',
  '',
  '[undefined]',
  'function(){}',
  '1n',
];
const VALID_TEXTS: readonly string[] = [
  '1e400',
  '-1e400',
  '1e-400',
  '123456789012345678901234567890',
  '-0',
  '0e0',
  '1E5',
  '1.5e+3',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\\u2028\u2028"',
  '""',
  '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
  ' [ ] ',
  '	{\r\n}\n',
  '""',
  '{"":1}',
  '{"a":1,"a":2}',
  '{"\\u005f_proto__":1}',
  '{"__defineGetter__":1}',
  '{"toString":null}',
  '{"toJSON":1}',
  '{"then":1}',
  '{"length":-1}',
  '{"hasOwnProperty":1}',
  '{"valueOf":{}}',
  '{"constructor":1}',
  '[[[[]]]]',
  '"😀"',
  '[null,true,false]',
  '{"0":1,"-1":2}',
];
const POLLUTERS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  '__proto__.polluted',
  '\\u005f_proto__',
  'constructor.prototype',
];

function polluting(): string[] {
  const wraps = [(text: string) => text, (text: string) => `[${text}]`, (text: string) => `{"a":${text}}`];
  const texts: string[] = [];
  for (const key of POLLUTERS) {
    for (const value of [
      '{"polluted":1}',
      '{"prototype":{"polluted":1}}',
      '{"__proto__":{"polluted":1}}',
      'null',
    ])
      for (const wrap of wraps) texts.push(wrap(`{"${key}":${value}}`));
  }
  return texts;
}

function of(texts: readonly string[], outcome: RegExp): Bomb[] {
  return texts.map((text) => ({
    name: JSON.stringify(text.slice(0, 40)),
    bytes: Buffer.from(text),
    outcome,
  }));
}

function nested(open: string, close: string, depth: number): string {
  return open.repeat(depth) + close.repeat(depth);
}

function keys(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join()}}`;
}

function repeated(count: number): string {
  return `{${Array.from({ length: count }, () => '"k":0').join()}}`;
}

/** @param longBytes how long the longest string of escapes is */
export function jsonBombs(longBytes: number): Bomb[] {
  return [
    ...of(INVALID_TEXTS, NO_JSON),
    ...of(VALID_TEXTS, PASSES),
    ...of(polluting(), PASSES),
    ...of([nested('[', ']', 64), nested('{"a":[', ']}', 32), nested('[', ']', 63)], PASSES),
    ...of([nested('[', ']', 65), nested('[', ']', 200_000), '['.repeat(200_000)], DEEP),
    ...of([nested('{"a":', '}', 65), nested('{"a":[', ']}', 33), '{"a":'.repeat(200_000)], DEEP),
    ...of([keys(99_000), repeated(99_000)], PASSES),
    ...of([keys(100_001), repeated(100_001), `[${'0,'.repeat(1_000_000)}0]`], MANY),
    ...of([`"${'\\u0000'.repeat(longBytes / 6)}"`], PASSES),
    ...['22ff22', '22c0af22', '22eda08022', '22f490808022', '5bff5d', 'ff', 'fffe2200', '22e28222'].map(
      (text) => ({
        name: text,
        bytes: hex(text),
        outcome: EITHER,
      }),
    ),
  ];
}
