/**
 * ByteWriter and SlabPool: what is written comes out in order and unharmed, a slab is never used again before the last segment cut from
 * it has been written, and an idle writer holds nothing.
 *
 * Segments are "written" here by hand, as late as a test likes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import { Slab, SLAB_BYTES, SlabPool } from '../../src/bytes/slab-pool.ts';
import { FREE_SLABS_MAX } from '../../src/limits.ts';
import { seeded } from '../support/seeded.ts';

function setUp(freeMax?: number): { pool: SlabPool; writer: ByteWriter; segments: Segment[] } {
  const pool = new SlabPool(freeMax);
  const segments: Segment[] = [];
  const writer = new ByteWriter(pool, (segment) => segments.push(segment));
  return { pool, writer, segments };
}

function text(segments: readonly Segment[]): string {
  return Buffer.concat(segments.map((each) => each.bytes)).toString('latin1');
}

test('pool: what is released is lent again, up to the cap; the accounts are exact', () => {
  const pool = new SlabPool(3);
  const slabs = Array.from({ length: 5 }, () => pool.acquire());
  assert.equal(new Set(slabs.map((each) => each.bytes.buffer)).size, 5);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [5, 0]);
  for (const slab of slabs) pool.release(slab);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [0, 3]);
  assert.ok(slabs.includes(pool.acquire()), 'a free slab is used before a new one is made');
  assert.deepEqual([pool.inUseCount, pool.freeCount], [1, 2]);
  const standard = new SlabPool();
  for (const slab of Array.from({ length: FREE_SLABS_MAX + 9 }, () => standard.acquire()))
    standard.release(slab);
  assert.equal(standard.freeCount, FREE_SLABS_MAX);
  const many = Array.from({ length: 8 * FREE_SLABS_MAX }, () => standard.acquire());
  for (const slab of many.slice(0, 4 * FREE_SLABS_MAX)) standard.release(slab);
  assert.equal(standard.freeCount, 2 * FREE_SLABS_MAX, 'half as many as are in use');
  for (const slab of many.slice(4 * FREE_SLABS_MAX)) standard.release(slab);
  assert.deepEqual([standard.inUseCount, standard.freeCount], [0, FREE_SLABS_MAX]);
});

test('a slab has its bytes and a view over the same memory', () => {
  const slab = new Slab();
  assert.equal(slab.bytes.length, SLAB_BYTES);
  slab.view.setUint32(4, 0x01020304, true);
  assert.equal(slab.bytes.readUInt32LE(4), 0x01020304);
  assert.equal(slab.bytes.byteOffset % 8, 0);
});

test('reserve, write in place, rewind, append: one segment with what remained', () => {
  const { writer, segments } = setUp();
  const at = writer.reserve(100);
  writer.bytes.write('kept', at);
  writer.rewind(at + 4);
  const next = writer.reserve(50);
  assert.equal(next, at + 4, 'the rest of a reservation is used again');
  writer.rewind(next);
  writer.append(Buffer.from(' appended'));
  writer.view.setUint8(writer.reserve(1), 0x21);
  assert.equal(writer.unsealedBytes, 14);
  assert.equal(segments.length, 0, 'nothing is visible before seal');
  writer.seal();
  assert.equal(writer.unsealedBytes, 0);
  assert.equal(text(segments), 'kept appended!');
  writer.seal();
  assert.equal(segments.length, 1, 'an empty seal hands out nothing');
});

test('a reservation that does not fit seals the slab and turns to the next one', () => {
  const { pool, writer, segments } = setUp();
  writer.append(Buffer.alloc(SLAB_BYTES - 10, 0x61));
  const first = writer.bytes;
  assert.equal(writer.reserve(10), SLAB_BYTES - 10, 'a slab is filled to its last byte');
  writer.rewind(SLAB_BYTES - 10);
  assert.equal(writer.reserve(11), 0);
  assert.notEqual(writer.bytes, first);
  assert.equal(segments.length, 1);
  assert.equal(segments[0]?.bytes.length, SLAB_BYTES - 10);
  assert.equal(pool.inUseCount, 2);
  assert.equal(writer.view.buffer, writer.bytes.buffer, 'bytes and view turn together');
});

test('a message larger than a slab gets memory of its own, which never enters the pool', () => {
  const { pool, writer, segments } = setUp();
  const large = seeded(1).bytes(SLAB_BYTES + 1);
  writer.append(Buffer.from('before'));
  writer.append(large);
  writer.append(Buffer.from('behind'));
  writer.seal();
  assert.ok(text(segments) === `before${large.toString('latin1')}behind`);
  assert.equal(pool.inUseCount, 2);
  for (const segment of segments) writer.written(segment);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [0, 2]);
  for (let count = 0; count < 3; count++) assert.equal(pool.acquire().bytes.length, SLAB_BYTES);
});

test('attach: the very memory of the user, in line', () => {
  const { pool, writer, segments } = setUp();
  const attached = Buffer.from('attached');
  writer.append(Buffer.from('head '));
  writer.attach(attached);
  writer.append(Buffer.from(' tail'));
  writer.seal();
  assert.equal(text(segments), 'head attached tail');
  assert.equal(segments[1]?.bytes, attached);
  assert.equal(segments[1]?.slab, undefined);
  for (const segment of segments) writer.written(segment);
  assert.equal(pool.inUseCount, 0);
});

test('a slab comes back with its last segment, in whatever order they are written', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [2, 0, 1],
  ]) {
    const { pool, writer, segments } = setUp();
    for (const part of ['a', 'b', 'c']) {
      writer.append(Buffer.from(part));
      writer.seal();
    }
    assert.equal(pool.inUseCount, 1, 'three segments of one slab');
    for (const [done, index] of order.entries()) {
      assert.equal(pool.freeCount, 0, `${done} of 3 written`);
      writer.written(segments[index] as Segment);
    }
    assert.deepEqual([pool.inUseCount, pool.freeCount], [0, 1], 'an idle writer holds no slab');
    assert.equal(writer.bytes.length, 0);
  }
});

test('bytes that are not sealed keep their slab when all that was sealed is written', () => {
  const { pool, writer, segments } = setUp();
  writer.append(Buffer.from('sealed '));
  writer.seal();
  writer.append(Buffer.from('not yet'));
  writer.written(segments[0] as Segment);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [1, 0]);
  writer.seal();
  assert.equal(segments[1]?.bytes.toString(), 'not yet');
  writer.written(segments[1] as Segment);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [0, 1]);
});

test('discard drops what is not sealed, and lets go of the slab when its segments are written', () => {
  const { pool, writer, segments } = setUp();
  writer.append(Buffer.from('sealed'));
  writer.seal();
  writer.append(Buffer.from('dropped'));
  writer.discard();
  assert.equal(writer.unsealedBytes, 0);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [1, 0], 'the kernel may still read it');
  writer.append(Buffer.from('afterwards'));
  writer.seal();
  assert.deepEqual(
    segments.map((each) => each.bytes.toString()),
    ['sealed', 'afterwards'],
  );
  assert.notEqual(segments[0]?.slab, segments[1]?.slab);
  for (const segment of segments) writer.written(segment);
  assert.deepEqual([pool.inUseCount, pool.freeCount], [0, 2]);
  writer.discard();
  assert.equal(pool.inUseCount, 0, 'discarding nothing releases nothing');
});

test('20,000 random steps of two writers on one pool: every byte arrives, nothing leaks', () => {
  const random = seeded(11);
  const pool = new SlabPool(4);
  const writers = [1, 2].map((name) => {
    const queue: { segment: Segment; copy: Buffer }[] = [];
    const writer = new ByteWriter(pool, (segment) =>
      queue.push({ segment, copy: Buffer.from(segment.bytes) }),
    );
    return { name, writer, queue };
  });
  for (let step = 0; step < 20_000; step++) {
    const { writer, queue, name } = random.pick(writers);
    const kind = random.below(12);
    if (kind < 5) {
      const bytes = random.below(40) === 0 ? random.below(2 * SLAB_BYTES) : random.below(3000);
      const at = writer.reserve(bytes);
      writer.bytes.fill(name * 16 + (step & 15), at, at + bytes);
      if (random.below(3) === 0) writer.rewind(at + random.below(bytes + 1));
    } else if (kind < 7) writer.seal();
    else if (kind === 7) writer.attach(Buffer.alloc(random.below(100), 9));
    else if (kind === 8 && random.below(20) === 0) writer.discard();
    else if (queue.length > 0) {
      // Any of the queued segments, as several sockets would confirm them.
      const [{ segment, copy }] = queue.splice(random.below(queue.length), 1) as [(typeof queue)[0]];
      assert.ok(copy.equals(segment.bytes), `step ${step}: a segment changed before it was written`);
      writer.written(segment);
    }
    assert.ok(pool.freeCount <= 4);
  }
  for (const { writer, queue } of writers) {
    writer.discard();
    for (const { segment, copy } of queue) {
      assert.ok(copy.equals(segment.bytes));
      writer.written(segment);
    }
  }
  assert.equal(pool.inUseCount, 0);
});
