/**
 * HeldMessages beside a plain list: what comes out is the oldest, or of each key the newest in the place of the first, and `bytes` is the sum of
 * what is left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HeldMessages } from '../../src/connection/held-messages.ts';
import type { SharedMessage } from '../../src/connection/shared-message.ts';
import { seeded } from '../support/seeded.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function message(key: string, bytes: number): SharedMessage {
  return { key, bytes } as unknown as SharedMessage;
}

for (const keyed of [false, true]) {
  test(`random lives, ${keyed ? 'the newest of each key' : 'all that come'}`, () => {
    const random = seeded(5);
    const held = new HeldMessages(keyed);
    let list: SharedMessage[] = [];
    for (let step = 0; step < 30_000; step++) {
      // It grows to thousands of places, and shrinks to none, many times.
      const isGrowing = Math.floor(step / 5_000) % 2 === 0;
      if (random.below(10) < (isGrowing ? 8 : 2)) {
        const next = message(`key ${random.below(3_000)}`, random.below(100));
        const place = keyed ? list.findIndex(({ key }) => key === next.key) : -1;
        assert.equal(held.add(next), place >= 0);
        if (place >= 0) list[place] = next;
        else list.push(next);
      } else assert.equal(held.shift(), list.shift());
      assert.equal(held.size, list.length);
      if (step % 50 === 0)
        assert.equal(
          held.bytes,
          list.reduce((sum, { bytes }) => sum + bytes, 0),
        );
      if (step % 7_000 === 6_999) {
        held.clear();
        list = [];
        assert.deepEqual([held.size, held.bytes, held.shift()], [0, 0, undefined]);
      }
    }
  });
}

test('the oldest is given up, but not what has just taken its place', () => {
  for (const [added, left] of [
    ['c', ['b', 'c']],
    ['b', ['b', 'c']],
    ['a', ['a', 'c']],
  ] as const) {
    const held = new HeldMessages(true);
    for (const key of ['a', 'b', 'c']) held.add(message(key, 1));
    const newest = message(added, 10);
    held.add(newest);
    held.dropOldest(newest);
    assert.equal(held.bytes, 11);
    const [first, second] = [held.shift(), held.shift()];
    assert.deepEqual([first?.key, second?.key, held.size, held.bytes], [...left, 0, 0]);
    assert.ok(first === newest || second === newest);
    // Its key is one that waits no more.
    assert.equal(held.add(message('a', 1)), false);
    assert.equal(held.add(message('b', 1)), false);
  }
});

test('a key that has left, or was cleared, is a new one', () => {
  const held = new HeldMessages(true);
  assert.equal(held.add(message('a', 1)), false);
  held.shift();
  assert.equal(held.add(message('a', 1)), false);
  held.clear();
  assert.equal(held.add(message('a', 1)), false);
  assert.equal(held.add(message('a', 2)), true);
  assert.deepEqual([held.size, held.bytes], [1, 2]);
});

test('messages that have left are let go, whether many wait behind them or none', async () => {
  for (const [count, leave] of [
    [1_100, 1_100],
    [3_000, 2_000],
  ] as const) {
    const held = new HeldMessages(false);
    const add = (): WeakRef<SharedMessage> => {
      const next = message('key', 1);
      held.add(next);
      return new WeakRef(next);
    };
    const [first] = Array.from({ length: count }, add) as [WeakRef<SharedMessage>];
    for (let left = 0; left < leave; left++) held.shift();
    // Until its end, a task holds what it has made weak references to.
    await new Promise((resolve) => void setImmediate(resolve));
    gc();
    assert.equal(first.deref(), undefined, `${leave} of ${count}`);
    assert.equal(held.size, count - leave);
  }
});
