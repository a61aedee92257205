/**
 * What a peer may say on ringwire's wire, hostile or merely strange, and what has to follow from it by PROTOCOL.md.
 *
 * The bytes are made by the naive writer of the frames tests, not by src.
 */
import { frame, inlineFrame } from '../frames/naive.ts';
import { type Case, MESSAGE_MAX } from './delimited-cases.ts';

export const PREAMBLE: Buffer = hex('f5530100 00001000');
export const HELLO: Buffer = control('01 03 0e00 0100 0000 61');
const START: Buffer = Buffer.concat([PREAMBLE, HELLO]);
/** The name `msg` for id 0x8000. */
const ANNOUNCE: Buffer = control('02 00 0080 6d7367');
const JSON_CODEC = 1;
const MSGPACK = 2;
const RAW = 3;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function control(body: string): Buffer {
  return frame(0, 0, hex(body));
}

function header(length: number, event: number, codec: number, flags: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(event, 4);
  bytes[6] = codec;
  bytes[7] = flags;
  return bytes;
}

type Row = readonly [name: string, ...bytes: Buffer[]];

/** Rows that cut the peer before its hello has counted. */
function atStart(code: string, rows: readonly Row[]): Case[] {
  return rows.map(([name, ...bytes]) => ({ name, bytes: Buffer.concat(bytes), code, stays: false }));
}

function afterHello(code: string, rows: readonly Row[]): Case[] {
  return atStart(
    code,
    rows.map(([name, ...bytes]) => [name, START, ...bytes]),
  );
}

/** One message is refused, the next one is delivered. */
function refused(code: string, rows: readonly Row[]): Case[] {
  const next = frame(0x8000, RAW, 'next');
  return rows.map(([name, ...bytes]) => {
    return { name, bytes: Buffer.concat([START, ANNOUNCE, ...bytes, next]), code, stays: true, delivered: 1 };
  });
}

function legal(delivered: number, rows: readonly Row[]): Case[] {
  return rows.map(([name, ...bytes]) => {
    return { name, bytes: Buffer.concat([START, ...bytes]), stays: true, delivered };
  });
}

function truncated(rows: readonly Row[]): Case[] {
  return rows.map(([name, ...bytes]) => {
    return {
      name: `${name}, and the end`,
      bytes: Buffer.concat(bytes),
      code: 'TRUNCATED',
      stays: false,
      ends: true,
    };
  });
}

function msgpack(text: string): Row {
  return [`msgpack ${text.slice(0, 24)}`, frame(0x8000, MSGPACK, hex(text))];
}

const announces = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      const id = Buffer.alloc(2);
      id.writeUInt16LE(0x8000 + index);
      return frame(0, 0, Buffer.concat([hex('0200'), id, Buffer.from(`n${index}`)]));
    }),
  );

export const BINARY_CASES: readonly Case[] = [
  ...atStart('BAD_MAGIC', [['the wrong second byte', hex('f554 0100 00001000'), HELLO]]),
  ...atStart('BAD_VERSION', [
    ['version 0', hex('f553 0000 00001000'), HELLO],
    ['version 2', hex('f553 0200 00001000'), HELLO],
    ['version 255', hex('f553 ff00 00001000'), HELLO],
  ]),
  ...atStart('BAD_FLAGS', [
    ['preamble flag 1', hex('f553 0101 00001000'), HELLO],
    ['preamble flag 0x80', hex('f553 0180 00001000'), HELLO],
  ]),
  ...atStart('BAD_CONTROL', [
    ['payload limit 0', hex('f553 0100 00000000'), HELLO],
    ['payload limit 1023', hex('f553 0100 ff030000'), HELLO],
    ['payload limit 2^31', hex('f553 0100 00000080'), HELLO],
    ['announce before hello', PREAMBLE, ANNOUNCE],
    ['ping before hello', PREAMBLE, control('03000000 01000000')],
    ['pong before hello', PREAMBLE, control('04000000 01000000')],
    ['a message before hello', PREAMBLE, frame(0x8000, RAW, 'x')],
    ['an inline name before hello', PREAMBLE, inlineFrame('msg', RAW, 'x')],
    ['hello of 7 bytes', PREAMBLE, control('01 03 0e00 0000 00')],
    ['hello without its id', PREAMBLE, control('01 03 0e00 0100 0000')],
    ['hello with an id of 65535 bytes', PREAMBLE, control('01 03 0e00 ffff 0000 61')],
    ['hello with an id of 257 bytes', PREAMBLE, control(`01 03 0e00 0101 0000 ${'61'.repeat(257)}`)],
    ['an empty control frame', PREAMBLE, control('')],
  ]),
  ...atStart('BAD_CODEC', [
    ['hello in codec 0', PREAMBLE, control('01 00 0e00 0100 0000 61')],
    ['hello in codec 4', PREAMBLE, control('01 04 1e00 0100 0000 61')],
    ['hello in codec 200', PREAMBLE, control('01 c8 ffff 0100 0000 61')],
    ['hello that does not decode its own codec', PREAMBLE, control('01 03 0600 0100 0000 61')],
    ['hello with an empty codec set', PREAMBLE, control('01 01 0000 0100 0000 61')],
  ]),
  ...afterHello('BAD_CONTROL', [
    ['a second hello', HELLO],
    ['control kind 0', control('00 00000000000000')],
    ['control kind 6', control('06 00000000000000')],
    ['control kind 255', control('ff 00000000000000')],
    ['announce of 0x8001 first', control('02 00 0180 61')],
    ['announce of an agreed id', control('02 00 0100 61')],
    ['announce of id 0', control('02 00 0000 61')],
    ['announce of 0x8000 twice', ANNOUNCE, ANNOUNCE],
    ['announce number 1,025', announces(1025)],
    ['announce of 3 bytes', control('02 00 00')],
    ['ping of 7 bytes', control('03 000000 010000')],
    ['goodbye of 3 bytes', control('05 00 00')],
    ['announce with its zero byte set', control('02 01 0080 61')],
    ['ping with a zero byte set', control('03 000001 01000000')],
    ['goodbye with its zero byte set', control('05 01 0000')],
  ]),
  ...afterHello('INVALID_EVENT', [
    ['announce of an empty name', control('02 00 0080')],
    ['announce of 257 bytes', control(`02 00 0080 ${'61'.repeat(257)}`)],
    ['announce that is not UTF-8', control('02 00 0080 ff')],
    ['announce with a surrogate', control('02 00 0080 eda080')],
    ['reserved id 0x8400', frame(0x8400, RAW, 'x')],
    ['reserved id 0xFFFE', frame(0xfffe, RAW, 'x')],
  ]),
  ...afterHello('PEER_GOODBYE', [
    ['goodbye BAD_FLAGS with escapes in its text', control('05 00 0400 1b5b33316d0a')],
    ['goodbye with a reason of a later version', control('05 00 ffff')],
  ]),
  ...afterHello('BAD_FLAGS', [
    ...[2, 3, 4, 5, 6, 7].map((bit): Row => [`flag bit ${bit}`, ANNOUNCE, header(0, 0x8000, RAW, 1 << bit)]),
    ['control with an extension', header(8, 0, 0, 1), hex('03000000 01000000 0000000000000000')],
    ['an extension of unknown kind', header(0, 1, RAW, 1), hex('01000000 08000000')],
    ['reserved bytes of an extension', header(0, 1, RAW, 1), hex('01000000 00010000')],
    ['reserved bytes of a trace context', header(0, 1, RAW, 2), Buffer.alloc(32, 1)],
  ]),
  ...afterHello('BAD_CODEC', [
    ['codec 4, which was not offered', ANNOUNCE, frame(0x8000, 4, 'x')],
    ['codec 5', ANNOUNCE, header(0, 0x8000, 5, 0)],
    ['codec 255', ANNOUNCE, header(0, 0x8000, 255, 0)],
    ['codec 0 with an event', ANNOUNCE, header(0, 0x8000, 0, 0)],
    ['control in codec 1', header(8, 0, 1, 0), hex('0300000001000000')],
  ]),
  ...afterHello('FRAME_TOO_LARGE', [
    ['one byte above the limit', header(MESSAGE_MAX + 1, 0x8000, RAW, 0)],
    ['2^31 bytes', header(2 ** 31, 0x8000, RAW, 0)],
    ['2^32 - 1 bytes', header(2 ** 32 - 1, 0x8000, RAW, 0)],
    ['2^32 - 1 bytes of control', header(2 ** 32 - 1, 0, 0, 0)],
  ]),
  ...refused('INVALID_EVENT', [
    ['an agreed id that nobody agreed on', frame(5, RAW, 'x')],
    ['an id that was not announced', frame(0x8001, RAW, 'x')],
    ['the last id, not announced', frame(0x83ff, RAW, 'x')],
    ['an inline name without its length', frame(0xffff, RAW, 'x')],
    ['an inline name longer than its frame', frame(0xffff, RAW, hex('ffff6d7367000000'))],
    ['an empty inline name', inlineFrame('', RAW, 'x')],
    ['an inline name of 257 bytes', inlineFrame('n'.repeat(257), RAW, 'x')],
    ['an inline name that is not UTF-8', frame(0xffff, RAW, hex('0100ff0000000000'))],
    ['an inline name that its padding does not fit', frame(0xffff, RAW, hex('03006d7367'))],
  ]),
  ...refused('INVALID_JSON', [
    ['JSON that is none', frame(0x8000, JSON_CODEC, '{"a":')],
    ['JSON of zeros', frame(0x8000, JSON_CODEC, '\0\0\0\0')],
  ]),
  ...refused('TOO_DEEP', [
    ['JSON 65 deep', frame(0x8000, JSON_CODEC, '['.repeat(65) + ']'.repeat(65))],
    ['JSON 200,000 deep', frame(0x8000, JSON_CODEC, '['.repeat(200_000))],
    msgpack('91'.repeat(65) + 'c0'),
    msgpack('91'.repeat(200_000)),
  ]),
  ...refused('INVALID_MSGPACK', [
    ...['dd01ffffff', 'ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff', 'a0a0c70462fffffffbc0'].map(
      msgpack,
    ),
    ...['c1', 'c0c0', '92c0', 'd4', 'c7', '81'].map(msgpack),
  ]),
  ...refused(
    'EXT_NOT_ALLOWED',
    ['d46900', 'c7056278787878787878', 'd57200a1', 'c70365616161', 'd4ff00d47800'].slice(0, 4).map(msgpack),
  ),
  ...truncated([
    ['the first byte', PREAMBLE.subarray(0, 1)],
    ['half a preamble', PREAMBLE.subarray(0, 5)],
    ['half a hello', PREAMBLE, HELLO.subarray(0, 12)],
    ['half a header', START, ANNOUNCE.subarray(0, 3)],
    ['a frame without its last padding', START, ANNOUNCE, frame(0x8000, RAW, 'x').subarray(0, 15)],
    ['one MiB that never comes', START, ANNOUNCE, header(MESSAGE_MAX, 0x8000, RAW, 0), Buffer.alloc(100)],
  ]),
  ...legal(1, [
    ['raw', ANNOUNCE, frame(0x8000, RAW, 'x')],
    ['json', ANNOUNCE, frame(0x8000, JSON_CODEC, '{"__proto__":{"polluted":1}}')],
    ['msgpack', ANNOUNCE, frame(0x8000, MSGPACK, hex('81a161c3'))],
    ['an inline name', inlineFrame('msg', JSON_CODEC, '1')],
    ['empty', ANNOUNCE, frame(0x8000, MSGPACK, '')],
    ['an extension', ANNOUNCE, frame(0x8000, RAW, 'x', 0xffffffff)],
    ['padding that is not zero', ANNOUNCE, header(1, 0x8000, RAW, 0), hex('78ffffffffffffff')],
    [
      'a name announced twice, under two ids',
      ANNOUNCE,
      control('02 00 0180 6d7367'),
      frame(0x8001, RAW, 'x'),
    ],
    ['a payload at the limit', ANNOUNCE, frame(0x8000, RAW, Buffer.alloc(MESSAGE_MAX))],
  ]),
  ...legal(0, [
    ['nothing more', Buffer.alloc(0)],
    ['a pong nobody asked for', control('04000000 01000000')],
    ['1,024 announces', announces(1024)],
    ['names of Object.prototype', inlineFrame('__proto__', RAW, 'x'), inlineFrame('constructor', RAW, 'x')],
    ['goodbye, a normal end', control('05 00 0000')],
  ]),
];
