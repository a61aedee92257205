/**
 * Turn: a peer's budget of bytes, messages and time, and the one continuation that follows when it is spent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turn } from '../../src/connection/turn.ts';

const LIMITS = { turnBytesMax: 1000, turnMessagesMax: 100, turnTimeMsMax: 10_000 };

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('bytes: over beyond the bound, fresh after the continuation, which comes once', async () => {
  let continued = 0;
  const turn: Turn = new Turn(LIMITS, () => continued++);
  turn.arrived(1000, false);
  assert.equal(turn.over, false);
  turn.arrived(1, false);
  assert.equal(turn.over, true);
  turn.yield();
  turn.yield();
  assert.deepEqual([continued, turn.over], [0, true], 'never within the call');
  await immediate();
  assert.deepEqual([continued, turn.over], [1, false]);
  await immediate();
  assert.equal(continued, 1);
  turn.arrived(1000, false);
  assert.equal(turn.over, false, 'the count starts again');
});

test('a read that empties the socket gives way by itself, and the next one begins anew', () => {
  const turn = new Turn(LIMITS, () => {});
  for (let read = 0; read < 10; read++) {
    turn.arrived(5000, true);
    turn.handled(90);
    assert.equal(turn.isOver() || turn.over, false, `read ${read}`);
  }
  assert.equal(turn.spentCount, 10, 'all the same each was a whole turn');
  turn.arrived(499, true);
  assert.equal(turn.spentCount, 10);
  turn.arrived(600, false);
  turn.arrived(600, true);
  assert.equal(turn.over, false, 'nothing more comes in this turn');
  turn.arrived(600, false);
  turn.arrived(600, false);
  assert.equal(turn.over, true);
});

test('messages: over soon after the bound, also across chunks', () => {
  const turn = new Turn(LIMITS, () => {});
  let messages = 0;
  let over = false;
  while (!over && messages < 1000) {
    if (messages % 40 === 0) turn.arrived(1, false);
    turn.handled(1);
    over = turn.isOver();
    messages++;
  }
  assert.ok(messages >= 100 && messages < 200, `${messages} messages`);
  assert.equal(turn.over, true);
});

test('time: slow handlers end the turn', () => {
  const turn = new Turn({ ...LIMITS, turnMessagesMax: 1e9, turnTimeMsMax: 1 }, () => {});
  turn.arrived(1, false);
  let messages = 0;
  while (!turn.isOver()) {
    assert.ok(messages < 2 || turn.stride === 1, 'slow messages are timed one by one');
    const end = performance.now() + 0.2;
    while (performance.now() < end);
    assert.ok(++messages < 1000, 'the clock is looked at');
  }
  assert.equal(turn.over, true);
});

test('stride: grows while messages are quick', () => {
  const turn = new Turn({ ...LIMITS, turnMessagesMax: 1e9 }, () => {});
  turn.arrived(1, false);
  for (let look = 0; look < 10; look++) assert.equal(turn.isOver(), false);
  assert.equal(turn.stride, 64);
});

test('stop: no continuation follows', async () => {
  let continued = 0;
  const turn = new Turn(LIMITS, () => continued++);
  turn.arrived(5000, false);
  turn.yield();
  turn.stop();
  await immediate();
  await immediate();
  assert.equal(continued, 0);
});

test('bytes: half of the budget in a read that empties the socket is a turn, a byte less is none', () => {
  const turn = new Turn(LIMITS, () => {});
  turn.arrived(499, true);
  assert.equal(turn.spentCount, 0);
  turn.arrived(500, true);
  assert.equal(turn.spentCount, 1);
  turn.yield();
  assert.equal(turn.spentCount, 2);
  turn.stop();
});

test('messages: over at the bound exactly, and all of them are counted', () => {
  const turn = new Turn(LIMITS, () => {});
  turn.arrived(1, false);
  turn.handled(99);
  assert.equal(turn.isOver(), false);
  turn.handled(1);
  assert.equal(turn.isOver(), true);
  assert.equal(turn.handledCount, 100);
});

test('time: an eighth of it is not too long for a stride, more is; over at the bound exactly', (context) => {
  let now = 5_000;
  context.mock.method(performance, 'now', () => now);
  const turn = new Turn({ ...LIMITS, turnTimeMsMax: 8 }, () => {});
  turn.arrived(1, false);
  const after = (ms: number): [boolean, number] => {
    now += ms;
    return [turn.isOver(), turn.stride];
  };
  assert.deepEqual(after(0), [false, 2]);
  assert.deepEqual(after(1), [false, 4]);
  assert.deepEqual(after(1.5), [false, 1]);
  assert.deepEqual(after(1), [false, 2], 'each stride is timed by itself');
  assert.deepEqual(after(4.25), [false, 1]);
  assert.deepEqual(after(0.25), [true, 2], '8 ms since the chunk came');
  turn.arrived(1, false);
  assert.deepEqual(after(0), [false, 4], 'the next chunk has its own time');
});
