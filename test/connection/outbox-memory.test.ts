/**
 * The memory that waiting bytes lie in: how it is shared out where all peers together wait for much, and accounts that stay exact when it has gone.
 *
 * The transport is a scene's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Segment } from '../../src/bytes/byte-writer.ts';
import { type Slab, SLAB_BYTES, SlabPool } from '../../src/bytes/slab-pool.ts';
import { Scene, SOFT } from './outbox-scene.ts';

/** Keeps nothing: gives memory back at once, on every Node. */
class KeepingNothing extends SlabPool {
  constructor() {
    super(0);
  }

  override release(slab: Slab): void {
    super.release(slab);
    const { buffer } = slab.bytes;
    if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  }
}

test('memory that has gone back to the allocator has been accounted for, and makes room', () => {
  for (const isLost of [false, true]) {
    const scene = new Scene('drop-newest', new KeepingNothing());
    const { outbox, memory } = scene;
    outbox.open();
    for (let count = 0; count < 2; count++) scene.put(SLAB_BYTES);
    outbox.flush();
    scene.confirm(isLost);
    assert.deepEqual([outbox.pendingBytes, memory.bytes, scene.drains], [0, 0, isLost ? 0 : 1]);
    assert.equal(outbox.confirmedBytes, 2 * SLAB_BYTES);
    assert.equal(outbox.abandon(), isLost ? 2 * SLAB_BYTES : 0);
  }
});

test('an acknowledgement that overtakes the word that its bytes were written: the memory has gone, the account is exact', () => {
  const scene = new Scene();
  const { outbox, memory } = scene;
  outbox.open();
  const kept = Buffer.alloc(2 * SOFT);
  outbox.writer.attach(kept);
  outbox.added();
  outbox.flush();
  assert.deepEqual([outbox.pendingBytes, memory.bytes], [2 * SOFT, 2 * SOFT]);
  structuredClone(kept.buffer, { transfer: [kept.buffer] });
  assert.equal(kept.length, 0);
  scene.confirm();
  assert.deepEqual([outbox.pendingBytes, memory.bytes], [0, 0]);
});

/** One whose transport takes the first write and no more, where so little memory is allowed that it is short. */
function short(): Scene {
  const scene = new Scene();
  scene.memory.bytesMax = 0;
  scene.outbox.open();
  return scene;
}

function bytesOf(segments: readonly Segment[]): Buffer {
  return Buffer.concat(segments.map(({ bytes }) => bytes));
}

test('where memory is short a large message leaves slab by slab, in memory that comes back at once when its peer is cut', () => {
  const message = Buffer.from(Array.from({ length: 5 * SLAB_BYTES + 77 }, (_, at) => at * 7));
  const scene = short();
  const { outbox, pool, writes } = scene;
  outbox.writer.append(message);
  outbox.added();
  assert.deepEqual([writes.length, writes[0]?.length], [1, SLAB_BYTES]);
  assert.equal(pool.inUseCount, 6);
  const seen: Segment[] = [];
  while (writes.length > 0) {
    seen.push(writes[0] as Segment);
    outbox.written(writes.shift() as Segment);
  }
  assert.ok(bytesOf(seen).equals(message));
  assert.deepEqual(
    seen.map(({ isPart }) => isPart),
    [true, true, true, true, true, false],
  );
  assert.deepEqual([outbox.pendingBytes, pool.inUseCount], [0, 0]);

  const cut = short();
  cut.outbox.writer.append(message);
  cut.outbox.added();
  assert.equal(cut.outbox.cut(), false, 'in the middle of the message');
  assert.deepEqual([cut.outbox.pendingBytes, cut.pool.inUseCount, cut.memory.bytes], [SLAB_BYTES, 1, 0]);
  cut.confirm();
  assert.equal(cut.pool.inUseCount, 0);
});

test('one of a slab is left as it is; the program’s own memory is cut to measure too, and not copied', () => {
  const fits = short();
  fits.outbox.writer.append(Buffer.alloc(SLAB_BYTES));
  const { buffer } = fits.outbox.writer.bytes;
  fits.outbox.added();
  fits.outbox.flush();
  assert.deepEqual([fits.writes.length, fits.writes[0]?.bytes.buffer === buffer], [1, true]);

  const own = short();
  const message = Buffer.alloc(2 * SLAB_BYTES + 1, 'own');
  own.outbox.writer.attach(message);
  own.outbox.writer.append(Buffer.from('end'));
  own.outbox.added();
  own.outbox.flush();
  const seen: Segment[] = [];
  for (let next = own.writes.shift(); next !== undefined; next = own.writes.shift()) {
    seen.push(next);
    own.outbox.written(next);
  }
  assert.deepEqual(
    seen.map(({ length, isPart }) => [length, isPart]),
    [
      [SLAB_BYTES, true],
      [SLAB_BYTES, true],
      [1, true],
      [3, false],
    ],
  );
  assert.ok(seen.slice(0, 3).every(({ bytes }) => bytes.buffer === message.buffer));
  assert.ok(bytesOf(seen.slice(0, 3)).equals(message));
});

test('what a large message was encoded into is given back at once', (context) => {
  if (!('transfer' in ArrayBuffer.prototype)) {
    context.skip('this version of Node cannot give memory back before V8 collects it');
    return;
  }
  const scene = short();
  scene.outbox.writer.append(Buffer.alloc(2 * SLAB_BYTES));
  const { buffer } = scene.outbox.writer.bytes;
  scene.outbox.added();
  assert.deepEqual([buffer.byteLength, scene.outbox.pendingBytes], [0, 2 * SLAB_BYTES]);
});

test('where there is enough a large message leaves whole', () => {
  const scene = new Scene();
  scene.memory.bytesMax = 32 * 8 * SLAB_BYTES;
  scene.outbox.open();
  scene.put(7 * SLAB_BYTES);
  scene.outbox.flush();
  assert.deepEqual(
    scene.writes.map(({ length }) => length),
    [7 * SLAB_BYTES],
  );
});

test('the memory of all is looked at with each slab, not only at the end of the tick, and who is cut by it is told to wait', () => {
  const scene = new Scene('drop-newest', new SlabPool());
  const { outbox, memory } = scene;
  outbox.open();
  memory.bytesMax = 500;
  assert.equal(scene.put(300), true);
  assert.equal(scene.checks, 0);
  memory.bytes += 501;
  assert.equal(scene.put(10), true);
  assert.equal(scene.checks, 0, 'there is room in the slab: nobody looks');
  outbox.flush();
  assert.equal(scene.put(10), true);
  assert.equal(scene.checks, 1);
  outbox.flush();
  memory.check = () => void outbox.cut();
  assert.equal(scene.put(10), false);
  assert.equal(outbox.isClosed, true);
});

test('nobody is cut for what the system takes at once, and room is told of when the message has been accepted', async () => {
  const scene = new Scene();
  const { outbox, memory, writes } = scene;
  outbox.open();
  writes.push = (...segments) => {
    for (const each of segments) outbox.written(each);
    return 0;
  };
  memory.bytesMax = 40_000;
  outbox.writer.attach(Buffer.alloc(50_000));
  assert.equal(outbox.added(), false);
  assert.deepEqual([memory.bytes, scene.checks, scene.drains], [0, 0, 0]);
  await new Promise(process.nextTick);
  assert.equal(scene.drains, 1);
  outbox.abandon();
});
