/**
 * RepeatCopy: whatever comes, however often and whatever happens to it in between, its present bytes are copied.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/bytes/byte-writer.ts';
import { RepeatCopy } from '../../src/bytes/repeat-copy.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';

interface ResizableBuffer extends ArrayBuffer {
  resize(bytes: number): void;
}

function setUp(): (source: Uint8Array) => string {
  const writer = new ByteWriter(new SlabPool(), () => {});
  const repeat = new RepeatCopy();
  return (source) => {
    const before = writer.reserve(8);
    writer.view.setBigUint64(before, 0n);
    const at = writer.reserve((source.length + 15) & ~7);
    writer.bytes.fill(0xee, at, writer.end);
    repeat.copy(source, writer, at);
    assert.equal(writer.view.getBigUint64(before), 0n, 'nothing before it');
    assert.equal(writer.bytes[at + source.length], 0xee, 'nothing behind it');
    return writer.bytes.subarray(at, at + source.length).toString('hex');
  };
}

function hex(source: Uint8Array): string {
  return Buffer.from(source).toString('hex');
}

test('the same source, changed in between, at every size and alignment', () => {
  const copy = setUp();
  const memory = new Uint8Array(1024);
  for (const size of [0, 1, 7, 8, 9, 64, 255, 256, 257, 512]) {
    for (const offset of [0, 1, 8]) {
      const source = memory.subarray(offset, offset + size);
      for (let round = 0; round < 20; round++) {
        memory.fill(round * 13 + size);
        source[round % size] = 0xff;
        assert.equal(copy(source), hex(source), `${size} bytes at ${offset}, round ${round}`);
      }
    }
  }
});

test('any bits survive: what is no number as a float, and the largest integers', () => {
  const copy = setUp();
  const source = Buffer.from(
    'fff8000000000001ffffffffffffffff7ff0000000000001800000000000000080',
    'hex',
  ).subarray(0, 32);
  const aligned = new Uint8Array(32);
  aligned.set(source);
  for (let round = 0; round < 20; round++) assert.equal(copy(aligned), hex(source));
});

test('sources that take turns, and a part of a large memory', () => {
  const copy = setUp();
  const sources = [Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(1024 * 1024, 3).subarray(0, 16)];
  for (let round = 0; round < 60; round++) {
    const source = sources[Math.trunc(round / 12) % 3] as Buffer;
    assert.equal(copy(source), hex(source));
    assert.equal(copy(sources[round % 3] as Buffer), hex(sources[round % 3] as Buffer));
  }
});

test('a source whose memory is resized or moved away', () => {
  const copy = setUp();
  // The compiler's library does not know these yet.
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ResizableBuffer;
  const memory = new Resizable(16, { maxByteLength: 64 });
  const tracking = new Uint8Array(memory);
  for (let round = 0; round < 12; round++) copy(tracking);
  memory.resize(32);
  tracking.fill(7);
  for (let round = 0; round < 12; round++) assert.equal(copy(tracking), '07'.repeat(32));
  const source = new Uint8Array(16);
  for (let round = 0; round < 12; round++) copy(source);
  structuredClone(source, { transfer: [source.buffer] });
  assert.equal(copy(source), '');
});

test('repeatedBytes: the length of what keeps coming, and 0 for what may change its length or has lost its memory', () => {
  const repeat = new RepeatCopy();
  const writer = new ByteWriter(new SlabPool(), () => {});
  const keep = (source: Uint8Array): number => {
    for (let round = 0; round < 12; round++) repeat.copy(source, writer, writer.reserve(64));
    return repeat.repeatedBytes(source);
  };
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ResizableBuffer;
  assert.equal(keep(new Uint8Array(new Resizable(16, { maxByteLength: 64 }))), 0);
  assert.equal(keep(new Uint8Array(12)), 0, 'no multiple of 8');
  const source = new Uint8Array(16);
  assert.equal(keep(source), 16);
  assert.equal(repeat.repeatedBytes(new Uint8Array(16)), 0, 'another one');
  const at = writer.reserve(16);
  source.fill(9);
  repeat.copyRepeated(writer, at);
  assert.equal(hex(writer.bytes.subarray(at, at + 16)), '09'.repeat(16));
  structuredClone(source, { transfer: [source.buffer] });
  assert.equal(repeat.repeatedBytes(source), 0);
});
