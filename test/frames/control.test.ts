/**
 * The session of PROTOCOL.md section 6, byte for byte: the page says it, our writers write it and our parser reads it. Then the
 * control frames in both directions, and what is refused in them.
 *
 * Invariant: the golden bytes stand here and on the page; a change of either alone fails.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import {
  announceFrame,
  checkEventName,
  controlKind,
  goodbyeFrame,
  greeting,
  pingFrame,
  pongFrame,
  preamble,
  readAnnounce,
  readEventName,
  readGoodbye,
  readHello,
  readPingToken,
  readPreamble,
} from '../../src/frames/control.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { plainFrameBytes, writeHeader } from '../../src/frames/header.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { projectRoot } from '../support/project.ts';
import { frame } from './naive.ts';

const SESSION = Buffer.from(
  `F5530100 00000001 09000000 00000000 01030E00 01000000 61000000 00000000
   05000000 00000000 02000080 73000000 02000000 00800300 01020000 00000000`.replaceAll(/\s/g, ''),
  'hex',
);

test('PROTOCOL.md section 6 shows the golden bytes', () => {
  const page = readFileSync(join(projectRoot(), 'PROTOCOL.md'), 'utf8');
  const block = /## 6\..*?```\n(.*?)```/s.exec(page)?.[1] ?? '';
  const bytes = block.split('\n').map((line) => /^(?:[0-9A-F]{2} {1,2})*[0-9A-F]{2}/.exec(line)?.[0] ?? '');
  assert.equal(bytes.join('').replaceAll(' ', '').toLowerCase(), SESSION.toString('hex'));
});

test('greeting, announce and header write the golden bytes', () => {
  const data = Buffer.alloc(plainFrameBytes(2));
  writeHeader(new DataView(data.buffer, data.byteOffset, data.length), 0, 2, 0x8000, 3);
  data.set([1, 2], 8);
  const written = Buffer.concat([
    greeting(16_777_216, { codec: 3, codecSet: 0b1110, id: 'a', features: 0 }),
    announceFrame(0x8000, 's'),
    data,
  ]);
  assert.equal(written.toString('hex'), SESSION.toString('hex'));
});

test('the parser reads the golden bytes', () => {
  const parser = new LengthPrefixedParser(new ReceiveRing(256), 1024);
  parser.feed(SESSION);
  const hello = parser.next();
  assert.ok(hello !== undefined);
  assert.equal(parser.peerPayloadMax, 16_777_216);
  assert.equal(controlKind(hello), 1);
  assert.deepEqual(readHello(hello), { codec: 3, codecSet: 0b1110, id: 'a', features: 0 });
  const announce = parser.next();
  assert.ok(announce !== undefined);
  assert.equal(controlKind(announce), 2);
  assert.deepEqual(readAnnounce(announce), { id: 0x8000, name: 's' });
  const data = parser.next();
  assert.ok(data !== undefined);
  const payload = data.bytes.subarray(data.start, data.end).toString('hex');
  assert.deepEqual([data.event, data.codec, data.flags, payload], [0x8000, 3, 0, '0102']);
  assert.equal(parser.next(), undefined);
  assert.equal(parser.unfinishedBytes, 0);
});

/** The one control frame in `bytes`. */
function parsed(bytes: Buffer): Frame {
  const parser = new LengthPrefixedParser(new ReceiveRing(1024), 4096);
  parser.feed(Buffer.concat([SESSION.subarray(0, 8), bytes]));
  const only = parser.next();
  assert.ok(only !== undefined);
  return only;
}

function control(...body: (number | string)[]): Frame {
  const parts = body.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part)));
  return parsed(frame(0, 0, Buffer.concat(parts)));
}

test('a preamble is judged as far as it has come, and by nothing behind that', () => {
  const whole = preamble(4096);
  for (let length = 0; length < 8; length++) {
    const begun = Buffer.alloc(16, 0xee);
    whole.copy(begun, 0, 0, length);
    assert.equal(readPreamble(begun, length), 0);
    if (length < 4) assert.throws(() => readPreamble(begun, length + 1), { closed: true }, `byte ${length}`);
  }
  assert.equal(readPreamble(whole, 8), 4096);
  const later = Buffer.from(whole).fill(2, 2, 3);
  assert.throws(() => readPreamble(later, 8), { code: 'ERR_RINGWIRE_BAD_VERSION', limit: 1, actual: 2 });
  for (const [limit, isAllowed] of [
    [1_023, false],
    [1_024, true],
    [2 ** 31 - 1, true],
    [2 ** 31, false],
  ] as const) {
    if (isAllowed) assert.equal(readPreamble(preamble(limit), 8), limit);
    else assert.throws(() => readPreamble(preamble(limit), 8), { code: 'ERR_RINGWIRE_BAD_CONTROL' });
  }
});

test('control frames come back as they were written', () => {
  for (const name of ['s', 'a name', 'ä€\u{1f600}', 'x'.repeat(256), '__proto__', '\ufeffbom'])
    assert.deepEqual(readAnnounce(parsed(announceFrame(0x83ff, name))), { id: 0x83ff, name });
  for (const token of [0, 1, 0x01020304, 0xffffffff]) {
    assert.equal(readPingToken(parsed(pongFrame(token))), token);
    assert.equal(controlKind(parsed(pongFrame(token))), 4);
    assert.equal(readPingToken(parsed(pingFrame(token))), token);
    assert.equal(controlKind(parsed(pingFrame(token))), 3);
  }
  const goodbye = readGoodbye(parsed(goodbyeFrame('ERR_RINGWIRE_BAD_CODEC', 'why')));
  assert.deepEqual(goodbye, { reason: 5, code: 'ERR_RINGWIRE_BAD_CODEC', text: 'why' });
  assert.deepEqual(readGoodbye(parsed(goodbyeFrame(undefined, ''))), {
    reason: 0,
    code: undefined,
    text: '',
  });
  assert.equal(readGoodbye(control(5, 0, 0xff, 0xff)).reason, 0xffff, 'a reason of a later version');
});

test('the reasons of goodbye have the numbers of PROTOCOL.md section 2', () => {
  const page = readFileSync(join(projectRoot(), 'PROTOCOL.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| `\w+` \| `(\w+)` \|$/gm)];
  assert.equal(rows.length, 16);
  for (const [, number, code] of rows) {
    const goodbye = readGoodbye(parsed(goodbyeFrame(code as 'ERR_RINGWIRE_BAD_FLAGS', '')));
    assert.deepEqual([goodbye.reason, goodbye.code], [Number(number), code]);
  }
});

test('what a slow peer has done, too many bytes or too long, is one reason', () => {
  for (const code of ['ERR_RINGWIRE_SLOW_CONSUMER_BYTES', 'ERR_RINGWIRE_SLOW_CONSUMER_TIME'] as const)
    assert.equal(readGoodbye(parsed(goodbyeFrame(code, ''))).reason, 10);
});

test('every kind has a fixed part, and reserved bytes in it that are zero', () => {
  const bad = { code: 'ERR_RINGWIRE_BAD_CONTROL' };
  for (const [kind, size, reserved] of [
    [1, 8, []],
    [2, 4, [1]],
    [3, 8, [1, 2, 3]],
    [4, 8, [1, 2, 3]],
    [5, 4, [1]],
    [6, 24, [2, 3, 20, 21, 22, 23]],
    [7, 8, [1, 2, 3]],
  ] as const) {
    const rest = Buffer.alloc(size - 1);
    assert.equal(controlKind(control(kind, rest.toString())), kind);
    assert.throws(() => controlKind(control(kind, rest.toString('latin1', 1))), bad, `${kind} is cut`);
    for (let at = 1; at < size; at++) {
      rest.fill(0)[at - 1] = 1;
      const changed = control(kind, rest.toString());
      if ((reserved as readonly number[]).includes(at))
        assert.throws(() => controlKind(changed), bad, `byte ${at} of kind ${kind}`);
      else assert.equal(controlKind(changed), kind);
    }
  }
});

test('texts for people are cut at 256 bytes, whatever a peer sends', () => {
  const long = 'y'.repeat(1000);
  assert.equal(readGoodbye(parsed(goodbyeFrame('ERR_RINGWIRE_BAD_FLAGS', long))).text.length, 256);
  assert.equal(readGoodbye(control(5, 0, 4, 0, long)).text.length, 256);
  const own = greeting(4096, { codec: 1, codecSet: 2, id: long, features: 3 });
  assert.equal(readHello(parsed(own.subarray(8))).id.length, 256);
});

test('unknown kinds, short frames and lengths that lie are refused', () => {
  const bad = { code: 'ERR_RINGWIRE_BAD_CONTROL', closed: true };
  for (const kind of [0, 6, 7, 128, 255])
    assert.throws(() => controlKind(control(kind, '1234567')), bad, `kind ${kind}`);
  assert.throws(() => controlKind(control()), bad, 'no kind at all');
  for (const [kind, bytesMin] of [
    [1, 8],
    [2, 4],
    [3, 8],
    [4, 8],
    [5, 4],
  ] as const) {
    assert.throws(
      () => controlKind(control(kind, '\0'.repeat(bytesMin - 2))),
      bad,
      `kind ${kind}, a byte short`,
    );
    assert.equal(controlKind(control(kind, '\0'.repeat(bytesMin - 1))), kind);
  }
  for (const idBytes of [2, 256, 257, 0xffff]) {
    const hello = control(1, 3, 14, 0, idBytes & 255, idBytes >> 8, 0, 0, 'a');
    assert.throws(() => readHello(hello), bad, `hello with an id of ${idBytes} bytes in 1`);
  }
  const overlong = control(1, 3, 14, 0, 1, 1, 0, 0, 'a'.repeat(257));
  assert.throws(() => readHello(overlong), bad, 'hello with an id of 257 bytes');
  assert.equal(readHello(control(1, 3, 14, 0, 1, 0, 0, 0, 'a and later fields')).id, 'a');
});

test('event names: 1 to 256 bytes of well-formed UTF-8 in, a string that is not empty out', () => {
  const bad = { code: 'ERR_RINGWIRE_INVALID_EVENT', closed: true };
  const malformed = ['ff', 'c0af', 'eda080', 'f4908080', '61e282', '80'].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(257, 0x61), ...malformed])
    assert.throws(() => readEventName(bytes, 0, bytes.length), bad, bytes.toString('hex').slice(0, 20));
  for (const name of ['', undefined, null, 5, {}, [], true])
    assert.throws(() => checkEventName(name), { code: 'ERR_RINGWIRE_INVALID_EVENT' });
  for (const name of ['x'.repeat(257), 'ä'.repeat(129), '€'.repeat(86)])
    assert.throws(() => checkEventName(name), { code: 'ERR_RINGWIRE_EVENT_TOO_LONG' });
  for (const name of ['x'.repeat(256), 'ä'.repeat(128), '€'.repeat(85)]) checkEventName(name);
  const among = Buffer.from(`before${'x'.repeat(258)}`);
  assert.equal(readEventName(among, 6, 10), 'xxxx');
  assert.throws(() => readEventName(among, 6, 263), { ...bad, limit: 256, actual: 257 });
  assert.equal(readEventName(among, 6, 262).length, 256);
  assert.throws(() => readEventName(among, 6, 6), { ...bad, limit: 256, actual: 0 });
  assert.throws(
    () => readEventName(Buffer.of(0xff), 0, 1),
    ({ cause }: Error) => cause instanceof TypeError,
  );
  assert.throws(() => checkEventName('ä'.repeat(129)), { limit: 256, actual: 258 });
});
