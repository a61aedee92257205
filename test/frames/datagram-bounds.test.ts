/**
 * Every field of a datagram at its bounds: what the quick way and the careful way of the reader let through, header by header and byte by byte.
 *
 * No I/O. The worked examples and the assembly of fragments are in datagram.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  datagramHeaderBytes,
  DatagramReader,
  writeDatagramHeader,
  writeFragment,
  writeTokenFrame,
} from '../../src/frames/datagram.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** A datagram without flags around these frames, as hexadecimal text. */
function around(frames: string): Buffer {
  return hex(`f5440100 07000000 ${frames}`);
}

/** What the first frame is, or why there is none. */
function outcome(bytes: Buffer, payloadMax?: number): string {
  const reader = new DatagramReader(payloadMax);
  assert.ok(reader.open(bytes));
  const frame = reader.next();
  return frame === undefined ? (reader.fault ?? 'end') : `${frame.event} ${frame.end - frame.start}`;
}

test('bounds of a frame: events, codecs and sizes at their exact places', () => {
  for (const [frames, expected] of [
    ['00000000 01000100', '1 0'],
    ['00000000 ff7f0400', '32767 0'],
    ['00000000 00800400', 'ERR_RINGWIRE_INVALID_EVENT'],
    ['00000000 ff830400', 'ERR_RINGWIRE_INVALID_EVENT'],
    ['00000000 feff0400', 'ERR_RINGWIRE_INVALID_EVENT'],
    ['00000000 ffff0400', '65535 0'],
    ['00000000 ffff0401 01000000 01000000', '65535 0'],
    ['00000000 00800401 01000000 01000000', 'ERR_RINGWIRE_INVALID_EVENT'],
    ['00000000 01000500', 'ERR_RINGWIRE_BAD_CODEC'],
    ['00000000 01000000', 'ERR_RINGWIRE_BAD_CODEC'],
    ['00000000 010001', 'ERR_RINGWIRE_TRUNCATED'],
    ['08000000 01000100 00000000000000', 'ERR_RINGWIRE_TRUNCATED'],
    ['08000000 01000101 01000000 01000000 00000000000000', 'ERR_RINGWIRE_TRUNCATED'],
    ['', 'end'],
  ] as const)
    assert.equal(outcome(around(frames)), expected, frames);
  assert.equal(outcome(around(`10000000 01000100 ${'00'.repeat(16)}`), 16), '1 16');
  assert.equal(outcome(around(`11000000 01000100 ${'00'.repeat(24)}`), 16), 'ERR_RINGWIRE_FRAME_TOO_LARGE');
});

test('a frame with an extension and a trace, then a plain one, which has neither', () => {
  const extended = `02000000 05000303 04030201 02000000 ${'11'.repeat(25)}${'00'.repeat(7)} aabb000000000000`;
  const reader = new DatagramReader();
  assert.ok(reader.open(around(`${extended} 01000000 06000200 cc00000000000000`)));
  const { event, codec, flags, correlation, kind, traceStart, start, end } = reader.next() ?? {};
  assert.deepEqual(
    [event, codec, flags, correlation, kind, traceStart, start, end],
    [5, 3, 3, 0x01020304, 2, 24, 56, 58],
  );
  const plain = { ...reader.next(), bytes: undefined };
  assert.deepEqual(plain, {
    bytes: undefined,
    start: 72,
    end: 73,
    event: 6,
    codec: 2,
    flags: 0,
    correlation: 0,
    kind: 0,
    traceStart: 0,
  });
  assert.deepEqual([reader.next(), reader.fault], [undefined, undefined]);

  // The same the other way round: control frames take the careful way, and have nothing of the frame before.
  assert.ok(reader.open(around(`${extended} 08000000 00000000 04000000 09000000`)));
  reader.next();
  const pong = reader.next();
  assert.deepEqual(
    [pong?.event, pong?.codec, pong?.flags, pong?.correlation, pong?.kind, pong?.traceStart],
    [0, 0, 0, 0, 0, 0],
  );
});

test('what fragments were put together to is one frame, and nothing behind it', () => {
  const reader = new DatagramReader();
  const frame = hex('02000000 05000300 aabb000000000000');
  const whole = reader.whole(frame);
  assert.equal(whole?.bytes.toString('hex', whole.start, whole.end), 'aabb');
  assert.equal(reader.next(), undefined);
  for (const bytes of [Buffer.concat([frame, Buffer.alloc(8)]), frame.subarray(0, 8), frame.subarray(0, 4)]) {
    assert.equal(reader.whole(bytes), undefined);
    assert.equal(reader.fault, 'ERR_RINGWIRE_BAD_CONTROL');
  }
  assert.equal(reader.whole(hex('00000000 05000500')), undefined);
  assert.equal(reader.fault, 'ERR_RINGWIRE_BAD_CODEC', 'a fault of the frame keeps its name');
  assert.ok(reader.whole(frame) !== undefined, 'and is forgotten with the next');
});

test('headers: eight sets of flags, written and read', () => {
  for (let flags = 0; flags < 8; flags++) {
    const bytes = Buffer.alloc(100, 0xee);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const start = 8 + ([0, 8, 8, 16][flags & 3] as number) + (flags & 4 ? 16 : 0);
    const fragment = { number: 0x01020304, bytes: 0x05060708, index: 0x090a, count: 0x0b0c };
    const stamp = { sequence: 0xf1f2f3f4, session: 0x11121314, sentUs: 0x21222324 };
    assert.equal(datagramHeaderBytes(flags), start);
    if (flags & 4) writeFragment(view, 4 + start - 16, fragment);
    writeDatagramHeader(bytes, view, 4, 92, flags, stamp);
    assert.deepEqual([bytes[3], bytes[92]], [0xee, 0xee], 'nothing around it');
    const reader = new DatagramReader();
    assert.ok(reader.open(bytes.subarray(4, 92)), reader.fault);
    assert.deepEqual([reader.flags, reader.start, reader.sequence], [flags, start, 0xf1f2f3f4]);
    assert.deepEqual([reader.session, reader.sentUs], flags & 1 ? [0x11121314, 0x21222324] : [0, 0]);
    if (flags & 4) assert.deepEqual(reader.fragment, fragment);
  }
});

test('headers: what is reserved, cut, or cannot be', () => {
  const fragment = 'f5440104 00000000 01000000';
  for (const [bytes, fault] of [
    [`${fragment} 10000000 0000 0200 00000000`, undefined],
    [`${fragment} 10000000 0100 0200 00000000`, undefined],
    [`${fragment} 14000000 0000 0200 00000000`, 'BAD_CONTROL'],
    [`${fragment} 10000000 0000 0200 000000`, 'TRUNCATED'],
    ['f5440100 00000000', undefined],
    ['f5440100 000000', 'TRUNCATED'],
    ['f5440101 00000000 01000000 01000000', undefined],
    ['f5440101 00000000 01000000 010000', 'TRUNCATED'],
    ['f5440102 00000000 01000000 00000000', 'BAD_CHECKSUM'],
    ['f5440110 00000000', 'BAD_FLAGS'],
    ['f5440180 00000000', 'BAD_FLAGS'],
  ] as const) {
    const reader = new DatagramReader();
    assert.equal(reader.open(hex(bytes)), fault === undefined, bytes);
    assert.equal(reader.fault, fault === undefined ? undefined : `ERR_RINGWIRE_${fault}`, bytes);
  }
  const summed = hex('f5440102 00000000 00000000 01000000');
  summed.writeUInt32LE(crc32(summed), 8);
  const reader = new DatagramReader();
  assert.equal(reader.open(summed), false);
  assert.equal(reader.fault, 'ERR_RINGWIRE_BAD_FLAGS', 'reserved bytes behind a checksum that is right');
});

test('a frame with a token: sixteen bytes over whatever lay there, and none around them', () => {
  const bytes = Buffer.alloc(32, 0xee);
  writeTokenFrame(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 8, 4, 0xfedcba98);
  const before = 'ee'.repeat(8);
  assert.equal(bytes.toString('hex'), `${before}08000000000000000400000098badcfe${before}`);
});
