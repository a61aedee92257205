/**
 * Raw: bytes in equal bytes out, whatever stands for them; three ways to receive, and `retain` as the way to keep what was lent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawCodec, type ReceiveMode, retain, toBytes } from '../../src/codecs/raw.ts';
import { ATTACH_BYTES_MIN } from '../../src/limits.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { encode, frameOf } from './support.ts';

const codec = new RawCodec();

test('everything that stands for bytes is sent as exactly its bytes', () => {
  const memory = new ArrayBuffer(32);
  new Uint8Array(memory).forEach((_, index, all) => (all[index] = index));
  const shared = new SharedArrayBuffer(4);
  new Uint8Array(shared).set([9, 8, 7, 6]);
  const cases: readonly (readonly [data: unknown, hex: string])[] = [
    [Buffer.from('fffe0080', 'hex'), 'fffe0080'],
    [new Uint8Array(memory, 3, 4), '03040506'],
    [Buffer.from(memory, 5, 2), '0506'],
    [new Uint16Array(memory, 2, 2), '02030405'],
    [new Float64Array(memory, 8, 1), '08090a0b0c0d0e0f'],
    [new BigInt64Array(memory, 16, 1), '1011121314151617'],
    [new DataView(memory, 1, 3), '010203'],
    [memory.slice(0, 4), '00010203'],
    [shared, '09080706'],
    [new Uint8Array(shared, 1, 2), '0807'],
    [[0, 255, 256, -1], '00ff00ff'],
    [[], ''],
    ['', ''],
    ['ä', 'c3a4'],
    [Buffer.alloc(0), ''],
    [new Uint8ClampedArray([1, 2]), '0102'],
  ];
  for (const [data, expected] of cases) assert.equal(encode(codec, data).toString('hex'), expected);
});

test('all byte values and pairs survive, received in every way', () => {
  const all = Buffer.alloc(131_072);
  for (let pair = 0; pair < 65_536; pair++) all.writeUInt16BE(pair, 2 * pair);
  for (const receive of ['copy', 'view', 'frame'] as const) {
    const receiver = new RawCodec(receive);
    const sent = encode(codec, all);
    assert.ok(retain(receiver.decode(frameOf(sent))).equals(all));
  }
});

test('strings are sent in the encoding of the codec', () => {
  for (const encoding of ['utf8', 'utf16le', 'latin1', 'ascii', 'hex', 'base64', 'base64url'] as const) {
    const text = encoding === 'hex' ? '00ff10' : 'AbC4';
    assert.deepEqual(encode(new RawCodec('copy', encoding), text), Buffer.from(text, encoding));
    assert.deepEqual(
      encode(new RawCodec('copy', encoding), Buffer.of(0, 255)),
      Buffer.of(0, 255),
      'bytes do not know it',
    );
  }
});

test('anything else is ERR_INVALID_ARG_TYPE before a byte is written', () => {
  const bad: unknown[] = [
    undefined,
    null,
    0,
    5,
    true,
    1n,
    Symbol('s'),
    () => 0,
    {},
    { length: 3 },
    new Map(),
    new Date(0),
  ];
  for (const data of bad) {
    assert.throws(() => codec.prepare(data), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => toBytes(data, 'utf8'), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(encode(codec, 'next').toString(), 'next');
  }
});

test('large bytes are attached where they are, small ones copied', () => {
  for (const [size, attached] of [
    [ATTACH_BYTES_MIN - 1, false],
    [ATTACH_BYTES_MIN, true],
    [1_000_000, true],
  ] as const) {
    const data = Buffer.alloc(size, 1);
    assert.equal(codec.prepare(data), size);
    assert.equal(codec.attachment === data, attached);
    assert.equal(codec.attachment === undefined, !attached);
  }
  const words = new Uint32Array(ATTACH_BYTES_MIN);
  codec.prepare(words);
  assert.equal(codec.attachment?.buffer, words.buffer);
  codec.prepare('small');
  assert.equal(codec.attachment, undefined, 'an attachment does not outlive its message');
});

function received(mode: ReceiveMode): { frame: Frame; got: Buffer | Frame } {
  const frame = frameOf(Buffer.from('payload'));
  return { frame, got: new RawCodec(mode).decode(frame) };
}

test('copy: your own bytes', () => {
  const { frame, got } = received('copy');
  frame.bytes.fill(0xdb);
  assert.ok(Buffer.isBuffer(got));
  assert.equal(got.toString(), 'payload');
});

test('view: messages at the same place of the receive memory are lent as the same Buffer, and only those', () => {
  const memory = Buffer.alloc(64, 0x61);
  const receiver = new RawCodec('view', 'utf8', memory);
  const at = (bytes: Buffer, start: number, end: number): unknown =>
    receiver.decode({ ...frameOf(Buffer.alloc(0)), bytes, start, end });
  const lent = at(memory, 8, 20);
  assert.deepEqual(lent, memory.subarray(8, 20));
  memory[8] = 0x62;
  assert.equal(at(memory, 8, 20), lent);
  assert.deepEqual(at(memory, 8, 21), memory.subarray(8, 21), 'another length');
  assert.deepEqual(at(memory, 16, 28), memory.subarray(16, 28), 'another place');
  assert.deepEqual(at(memory, 9, 21), memory.subarray(9, 21), 'a place between two multiples of 8');
  assert.deepEqual(at(Buffer.alloc(64), 8, 20), Buffer.alloc(12), 'another memory');
});

test('view: lent bytes, which the next read overwrites; retain keeps them', () => {
  const { frame, got } = received('view');
  assert.ok(Buffer.isBuffer(got));
  assert.equal(got.buffer, frame.bytes.buffer);
  assert.equal(got.toString(), 'payload');
  const kept = retain(got);
  frame.bytes.fill(0xdb);
  assert.equal(got.toString('latin1'), '\xdb'.repeat(7));
  assert.equal(kept.toString(), 'payload');
});

test('frame: the very object of the parser; retain keeps its payload', () => {
  const { frame, got } = received('frame');
  assert.equal(got, frame);
  const kept = retain(got);
  frame.bytes.fill(0xdb);
  assert.equal(kept.toString(), 'payload');
});

test('an empty payload is no bytes, in every mode', () => {
  for (const mode of ['copy', 'view', 'frame'] as const)
    assert.equal(retain(new RawCodec(mode).decode(frameOf(Buffer.alloc(0)))).length, 0);
});
