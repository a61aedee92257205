/**
 * Layouts in a hello: our writers and readers against bytes that were written by hand, and entries that lie about their lengths.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlKind, greeting, readHello } from '../../src/frames/control.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { layoutEntries, readLayouts } from '../../src/frames/layouts.ts';

const LAYOUTS = [
  { event: 'imu', hash: 0x1122334455667788n, bytes: 48, fieldCount: 8 },
  { event: 'position', hash: 0xcbf29ce484222325n, bytes: 16, fieldCount: 2 },
];
/** A hello of codec struct, all codecs, features 0 and 1, id "imu", padding; then the two layouts. */
const HELLO = Buffer.from(
  `0104 1E00 0300 0300 696D750000000000
   8877665544332211 30000000 0800 0300 696D750000000000
   25232284E49CF2CB 10000000 0200 0800 706F736974696F6E`.replaceAll(/\s/g, ''),
  'hex',
);

function frameOf(payload: Buffer): Frame {
  const bytes = Buffer.concat([Buffer.alloc(8, 0xc4), payload, Buffer.alloc(64, 0xc4)]);
  return {
    bytes,
    start: 8,
    end: 8 + payload.length,
    event: 0,
    codec: 0,
    flags: 0,
    correlation: 0,
    kind: 0,
    traceStart: 0,
  };
}

test('layouts are written and read as PROTOCOL.md shows them', () => {
  const hello = { codec: 4, codecSet: 0b11110, id: 'imu', features: 3 };
  const written = greeting(16_777_216, hello, layoutEntries(LAYOUTS));
  assert.equal(written.subarray(16).toString('hex'), HELLO.toString('hex'));
  assert.equal(written.readUInt32LE(8), 64);
  const frame = frameOf(HELLO);
  assert.equal(controlKind(frame), 1);
  assert.deepEqual(readHello(frame), hello);
  assert.deepEqual(readLayouts(frame), LAYOUTS);
});

test('a hello without layouts has none, whatever the length of its id', () => {
  for (let length = 0; length <= 17; length++) {
    const id = 'x'.repeat(length);
    const bytes = greeting(16_777_216, { codec: 1, codecSet: 2, id, features: 0 });
    const payload = bytes.subarray(16, 16 + bytes.readUInt32LE(8));
    assert.equal(payload.length, 8 + length);
    assert.deepEqual(readLayouts(frameOf(payload)), []);
    const two = greeting(16_777_216, { codec: 1, codecSet: 2, id, features: 0 }, layoutEntries(LAYOUTS));
    assert.deepEqual(readLayouts(frameOf(two.subarray(16, 16 + two.readUInt32LE(8)))), LAYOUTS);
  }
});

test('entries that do not fit with their padding are BAD_CONTROL', () => {
  const bad = { code: 'ERR_RINGWIRE_BAD_CONTROL', closed: true };
  const whole = HELLO.length;
  for (let length = 17; length < whole; length++) {
    const read = (): unknown => readLayouts(frameOf(HELLO.subarray(0, length)));
    if (length === 40) assert.deepEqual(read(), LAYOUTS.slice(0, 1), `${length} bytes`);
    else assert.throws(read, bad, `${length} bytes`);
  }
  for (const nameBytes of [0, 257, 0xffff]) {
    const lying = Buffer.concat([HELLO, Buffer.alloc(512, 0x6e)]);
    lying.writeUInt16LE(nameBytes, 30);
    assert.throws(() => readLayouts(frameOf(lying)), bad, `a name of ${nameBytes} bytes`);
  }
  const one = layoutEntries(LAYOUTS.slice(0, 1));
  const many = (count: number): Buffer =>
    Buffer.concat([HELLO.subarray(0, 16), ...Array.from({ length: count }, () => one)]);
  assert.equal(readLayouts(frameOf(many(256))).length, 256);
  assert.throws(() => readLayouts(frameOf(many(257))), bad);
});
