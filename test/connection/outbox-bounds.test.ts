/**
 * Outbox at its edges: the hard mark byte by byte, what no policy drops, what a transport loses, and the two ends, with exact accounts.
 *
 * The memory that waiting bytes lie in is tested beside this file.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Segment } from '../../src/bytes/byte-writer.ts';
import { SLAB_BYTES } from '../../src/bytes/slab-pool.ts';
import type { SlowConsumerPolicy } from '../../src/limits.ts';
import { HARD, Scene, SOFT } from './outbox-scene.ts';

/** Full at the hard mark, or a byte below it. */
function full(bytes: number, policy?: SlowConsumerPolicy): Scene {
  const scene = new Scene(policy);
  scene.outbox.open();
  assert.equal(scene.put(bytes), false);
  scene.outbox.flush();
  return scene;
}

test('the hard mark: a byte below it a message still goes, at it none does, and each is counted', () => {
  const below = full(HARD - 1);
  assert.equal(below.outbox.isFull, true);
  assert.equal(below.outbox.admit(), true);
  assert.equal(below.outbox.admitKept(), true);
  const { outbox, ...at } = full(HARD);
  assert.equal(outbox.admit(), false);
  assert.equal(outbox.admit(), false);
  assert.equal(at.overflows.length, 1);
  assert.equal(at.counters.snapshot([]).dropped.newest, 2);
  assert.equal(at.counters.snapshot([]).refusals['ERR_RINGWIRE_BACKPRESSURE'], 2);
  assert.equal(outbox.holds, false);
});

test('what no policy drops: stopped by the hard mark unless it is owed, and told why', () => {
  for (const policy of ['drop-newest', 'drop-oldest', 'latest', 'disconnect'] as const) {
    const { outbox, overflows } = full(HARD, policy);
    assert.deepEqual([outbox.admitKept(), outbox.admitKept(true)], [false, true], policy);
    const { code, limit, actual, closed } = outbox.refuseKept();
    const cuts = policy === 'disconnect';
    assert.equal(code, `ERR_RINGWIRE_${cuts ? 'SLOW_CONSUMER_BYTES' : 'BACKPRESSURE'}`);
    assert.deepEqual([limit, actual, closed, overflows.length], [HARD, HARD, cuts, cuts ? 1 : 0]);
    outbox.close();
    assert.deepEqual([outbox.admitKept(), outbox.admitKept(true), outbox.isFull], [false, false, false]);
    assert.equal(outbox.refuseKept().code, 'ERR_RINGWIRE_NOT_CONNECTED');
  }
  const open = new Scene().outbox;
  assert.deepEqual([open.admitKept(), open.isFull], [true, false]);
});

test('disconnect: the peer goes, no message counts as refused', () => {
  const { outbox, overflows, counters } = full(HARD, 'disconnect');
  assert.equal(outbox.admit(), false);
  assert.equal(overflows.length, 1);
  assert.equal(counters.snapshot([]).dropped.newest, 0);
  assert.deepEqual(Object.keys(counters.snapshot([]).refusals), []);
});

test('held messages: the oldest go when there are too many bytes, the last one stays whatever its size', () => {
  const scene = full(HARD, 'drop-oldest');
  const { outbox, memory } = scene;
  assert.deepEqual([outbox.admit(), outbox.holds], [false, true]);
  scene.hold('a', 10);
  assert.deepEqual([outbox.pendingBytes, memory.bytes], [HARD + 10, HARD + 10]);
  scene.hold('b', 20);
  assert.deepEqual([outbox.pendingBytes, memory.bytes, scene.dropped['oldest']], [HARD + 20, HARD + 20, 1]);

  const roomy = full(HARD - 30, 'drop-oldest');
  roomy.hold('a', 10);
  roomy.hold('b', 20);
  assert.equal(roomy.dropped['oldest'], 0, 'at the mark nothing has to go');
  roomy.hold('c', 1);
  assert.equal(roomy.dropped['oldest'], 1);
  roomy.confirm();
  assert.deepEqual(roomy.released, ['b', 'c']);
  assert.deepEqual([roomy.memory.bytes, roomy.outbox.pendingBytes, roomy.drains], [21, 21, 1]);
});

test('held messages: only where the newest counts does one replace another', () => {
  const scene = full(SOFT, 'drop-oldest');
  scene.hold('a', 10);
  scene.hold('a', 20);
  scene.confirm();
  assert.deepEqual([scene.released, scene.dropped['replaced'], scene.memory.bytes], [['a', 'a'], 0, 30]);
});

test('held messages: a newer value of a key is counted, and is looked at in the memory of all', () => {
  const scene = full(HARD - 100, 'latest');
  scene.hold('a', 10);
  scene.hold('a', 30);
  assert.deepEqual([scene.dropped['replaced'], scene.memory.bytes, scene.checks], [1, HARD - 70, 0]);
  scene.memory.bytesMax = HARD - 71;
  scene.hold('a', 30);
  assert.equal(scene.checks, 1);
  scene.memory.bytesMax = HARD - 70;
  scene.hold('a', 30);
  assert.equal(scene.checks, 1, 'at its bound there is not too much');
});

test('latest: above the hard mark the newest value stays, also when it has taken the place of the oldest', () => {
  const scene = full(HARD - 100, 'latest');
  for (const key of ['a', 'b', 'c']) scene.hold(key, 30);
  scene.hold('a', 60);
  assert.deepEqual([scene.dropped['replaced'], scene.dropped['oldest']], [1, 1]);
  scene.confirm();
  assert.deepEqual(scene.released, ['a', 'c']);
});

test('a held message that cannot be sent any more is told, and the next ones go', () => {
  const scene = full(SOFT, 'drop-oldest');
  for (const key of ['a', 'b', 'c']) scene.hold(key, 10);
  scene.failing = 'b';
  scene.confirm();
  assert.deepEqual(scene.released, ['a', 'c']);
  assert.deepEqual(scene.refusals.map(String), ['Error: b']);
  assert.equal(scene.memory.bytes, 20);
});

test('held messages go on while fewer bytes than the soft mark are under way; all of them at once when asked', () => {
  const scene = full(HARD, 'drop-oldest');
  for (const key of ['a', 'b', 'c', 'd']) scene.hold(key, 500);
  assert.deepEqual([scene.dropped['oldest'], scene.outbox.pendingBytes], [3, HARD + 500]);
  const some = full(SOFT, 'drop-oldest');
  for (const key of ['a', 'b', 'c', 'd']) some.hold(key, 500);
  some.confirm();
  assert.deepEqual(some.released, ['a', 'b'], 'a thousand bytes are under way');
  assert.equal(some.drains, 0);
  some.outbox.releaseAll();
  assert.deepEqual(some.released, ['a', 'b', 'c', 'd']);
  some.confirm();
  assert.deepEqual([some.drains, some.outbox.pendingBytes, some.memory.bytes], [1, 0, 0]);
  assert.equal(some.outbox.confirmedBytes, SOFT + 2_000);
});

test('the soft mark counts what is under way, and what was confirmed no more', () => {
  const scene = new Scene();
  scene.outbox.open();
  for (const bytes of [600, 300]) {
    assert.equal(scene.put(bytes), true);
    scene.outbox.flush();
  }
  scene.outbox.written(scene.writes.shift() as Segment);
  assert.deepEqual([scene.put(SOFT - 301), scene.put(1)], [true, false]);
});

test('a message larger than a slab is accounted for at once, others with their slab', () => {
  for (const [bytes, accounted] of [
    [SLAB_BYTES, 0],
    [SLAB_BYTES + 1, SLAB_BYTES + 1],
  ] as const) {
    const scene = new Scene();
    assert.equal(scene.put(bytes), false);
    assert.equal(scene.memory.bytes, accounted);
  }
});

test('a drain comes at half of the soft mark, not a byte above it, and counts', () => {
  const scene = full(SOFT);
  scene.put(SOFT / 2);
  scene.outbox.flush();
  scene.put(1);
  const [first] = scene.writes.splice(0, 1) as [Segment];
  scene.outbox.written(first);
  assert.deepEqual([scene.drains, scene.outbox.drainCount], [0, 0], '501 bytes are left');
  const other = full(SOFT);
  other.put(SOFT / 2);
  other.outbox.flush();
  other.outbox.written(other.writes.shift() as Segment);
  assert.deepEqual([other.drains, other.outbox.drainCount, other.outbox.isFull], [1, 1, false]);
});

test('abandon: what waits, what is held, what was cut and what the transport lost', () => {
  const scene = full(HARD - 100, 'drop-oldest');
  scene.hold('a', 50);
  scene.confirm(true);
  assert.equal(scene.outbox.pendingBytes, 50, 'lost bytes do not wait');
  assert.equal(scene.outbox.abandon(), HARD - 50);
  assert.equal(scene.outbox.abandon(), HARD - 50, 'they stay lost');
  assert.equal(scene.memory.bytes, 0);

  const cut = full(SOFT, 'drop-oldest');
  cut.hold('a', 50);
  cut.put(7);
  assert.equal(cut.outbox.cut(), true);
  assert.deepEqual([cut.outbox.pendingBytes, cut.memory.bytes], [SOFT, 0]);
  assert.deepEqual([cut.outbox.holds, cut.outbox.admit()], [false, false]);
  assert.equal(cut.counters.snapshot([]).refusals['ERR_RINGWIRE_NOT_CONNECTED'], 1);
  cut.confirm();
  assert.deepEqual([cut.drains, cut.released], [0, []], 'nothing goes on');
  assert.equal(cut.outbox.abandon(), 57);
});

test('finish: before it is open nothing goes and nothing is lost; afterwards nothing more goes', () => {
  const early = new Scene();
  early.put(10);
  early.outbox.finish(() => assert.fail('nothing has been handed over'));
  assert.deepEqual([early.writes.length, early.outbox.pendingBytes], [0, 10]);
  assert.equal(early.outbox.admit(), true, 'and it is not closed by that');
  early.outbox.open();
  assert.equal(early.writes.length, 1, 'opening sends what waits');
  let handed = 0;
  early.outbox.finish(() => handed++);
  assert.equal(handed, 1);
  assert.equal(early.outbox.admit(), false);
  early.put(5);
  early.outbox.flush();
  assert.equal(early.writes.length, 1);
  assert.equal(early.outbox.pendingBytes, 10, 'nor waits for a peer that would be cut for not taking it');
  early.confirm();
  assert.deepEqual([early.outbox.abandon(), early.memory.bytes, early.pool.inUseCount], [0, 0, 0]);
});
