/**
 * Segments cut to measure: which of them, to the byte, and what they become.
 *
 * Slabs are the real ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import { isLarge, isWasteful, pack } from '../../src/bytes/packing.ts';
import { Slab, SLAB_BYTES, SlabPool } from '../../src/bytes/slab-pool.ts';

const SLAB: Slab = new Slab();

function segment(bytes: number, slab: Slab | undefined, isPart = false): Segment {
  return { bytes: Buffer.alloc(bytes, 'bytes'), length: bytes, slab, isPart };
}

test('wasteful: a slab of which 16 KiB and less than three quarters are used', () => {
  const share = (3 / 4) * SLAB_BYTES;
  for (const [bytes, is] of [
    [16 * 1024 - 1, false],
    [16 * 1024, true],
    [share - 1, true],
    [share, false],
    [SLAB_BYTES, false],
  ] as const) {
    assert.equal(isWasteful(segment(bytes, SLAB)), is, `${bytes} bytes`);
    assert.equal(isWasteful(segment(bytes, undefined)), false, `${bytes} bytes of the program's own`);
  }
  const own = new Slab(10 * SLAB_BYTES);
  assert.equal(isWasteful(segment(5 * SLAB_BYTES, own)), true, 'one of its own, half of which is used');
});

test('large: more than fits into a slab', () => {
  for (const slab of [SLAB, undefined])
    assert.deepEqual(
      [isLarge(segment(SLAB_BYTES, slab)), isLarge(segment(SLAB_BYTES + 1, slab))],
      [false, true],
    );
});

/** What becomes of segments that are packed one behind the other. */
function packed(...segments: readonly Segment[]): Segment[] {
  const parts: Segment[] = [];
  const out = new ByteWriter(new SlabPool(), (part) => parts.push(part));
  for (const each of segments) pack(each, out);
  return parts;
}

function told(parts: readonly Segment[]): [length: number, isPart: boolean][] {
  return parts.map(({ length, isPart }) => [length, isPart]);
}

function bytesOf(parts: readonly Segment[]): Buffer {
  return Buffer.concat(parts.map(({ bytes }) => bytes));
}

test('what was copied goes on where the one before has ended, and the last piece says what the whole did', () => {
  const most = 80_000;
  const segments = [segment(most, SLAB), segment(most, SLAB, true), segment(10, SLAB)];
  const parts = packed(...segments);
  const room = SLAB_BYTES - most;
  assert.deepEqual(told(parts), [
    [most, false],
    [room, true],
    [most - room, true],
    [10, false],
  ]);
  assert.ok(bytesOf(parts).equals(bytesOf(segments)));
});

test('the program’s own memory: pieces of a slab, none that is empty, and none ends a message', () => {
  for (const [bytes, expected] of [
    [SLAB_BYTES, [SLAB_BYTES]],
    [2 * SLAB_BYTES, [SLAB_BYTES, SLAB_BYTES]],
    [2 * SLAB_BYTES + 1, [SLAB_BYTES, SLAB_BYTES, 1]],
  ] as const) {
    const own = segment(bytes, undefined, true);
    const parts = packed(own);
    assert.deepEqual(
      told(parts),
      expected.map((length) => [length, true]),
    );
    assert.ok(
      parts.every(({ slab, bytes: { buffer } }) => slab === undefined && buffer === own.bytes.buffer),
    );
    assert.ok(bytesOf(parts).equals(own.bytes));
  }
});
