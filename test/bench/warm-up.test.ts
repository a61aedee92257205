/**
 * What the clock of a round covers: the messages behind the warm-up, no others.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Counter } from '../../src/bench/shapes/shape.ts';
import type { Measured } from '../../src/bench/window.ts';

test('counter: the warm-up is counted and not timed', (t) => {
  let seconds = 0;
  t.mock.method(process.hrtime, 'bigint', () => BigInt(seconds * 1e9));
  const done = t.mock.fn((measured: Measured, counted: number) => [measured.perSecond, counted]);
  const counter = new Counter({ count: 100, warm: 40 }, done);
  counter.add(30);
  seconds = 7;
  counter.add(10);
  seconds = 10;
  counter.add(59);
  assert.equal(done.mock.callCount(), 0);
  counter.add(1);
  // 60 messages in 3 seconds.
  assert.deepEqual(
    done.mock.calls.map(({ result }) => result),
    [[20, 100]],
  );
});
