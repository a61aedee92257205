/**
 * KeptBytes: who was refused is told when there is room again, once, unless it has left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptBytes } from '../../src/connection/kept-bytes.ts';

test('those that were refused are told once there is room, also of one that keeps nothing itself', () => {
  const kept = new KeptBytes(100);
  const told: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ settle: () => void told.push(name) })) as [
    { settle(): void },
    { settle(): void },
    { settle(): void },
  ];
  kept.bytes = 100;
  assert.equal(kept.isFull, true);
  for (const session of [a, b, c]) kept.refuse(session);
  kept.leave(c);
  kept.settle();
  assert.deepEqual([told, kept.hasRefused(a), kept.hasRefused(c)], [[], true, false], 'no room yet');
  kept.bytes = 99;
  kept.settle();
  assert.deepEqual([told, kept.hasRefused(a)], [['a', 'b'], false]);
  kept.settle();
  assert.deepEqual(told, ['a', 'b']);
});

test('one that is told and refused again waits for the next room', () => {
  const kept = new KeptBytes(100);
  let told = 0;
  const session = {
    settle: (): void => {
      told++;
      kept.bytes = 100;
      kept.refuse(session);
    },
  };
  kept.refuse(session);
  kept.settle();
  assert.deepEqual([told, kept.hasRefused(session)], [1, true]);
  kept.bytes = 0;
  kept.settle();
  assert.equal(told, 2);
});
