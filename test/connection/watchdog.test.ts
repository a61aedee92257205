/**
 * Watchdog and MemoryBudget: one timer while there are connections, a clock that does not count sleep, and who has to go when all
 * together wait for too much.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from '../../src/connection/memory-budget.ts';
import { beatOf, Watchdog, type Watched } from '../../src/connection/watchdog.ts';
import type { RingwireError } from '../../src/errors.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';

const TRAFFIC = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

class Member implements Watched {
  readonly traffic = TRAFFIC;
  readonly looks: number[] = [];
  readonly errors: RingwireError[] = [];
  readonly #memory: MemoryBudget;
  pendingBytes: number;
  receivingBytes: number;
  isCut = false;
  onCut: () => void = () => {};

  constructor(memory: MemoryBudget, pendingBytes = 0, receivingBytes = 0) {
    this.#memory = memory;
    this.pendingBytes = pendingBytes;
    this.receivingBytes = receivingBytes;
    memory.bytes += pendingBytes;
    memory.receivingBytes += receivingBytes;
  }

  check(nowMs: number): void {
    this.looks.push(nowMs);
  }

  cut(error: RingwireError): void {
    this.isCut = true;
    this.#memory.bytes -= this.pendingBytes;
    this.#memory.receivingBytes -= this.receivingBytes;
    this.errors.push(error);
    this.onCut();
  }
}

test('the beat follows the shortest deadline, within bounds', () => {
  assert.equal(beatOf(DEFAULT_LIMITS), 250);
  const none = {
    frameTimeoutMs: Infinity,
    writeStallTimeoutMs: Infinity,
    heartbeatMs: Infinity,
    floodTimeoutMs: Infinity,
  };
  assert.equal(beatOf(none), 250);
  assert.equal(beatOf({ ...none, heartbeatMs: 300 }), 15);
  assert.equal(beatOf({ ...none, floodTimeoutMs: 1 }), 5);
});

test('one timer for all connections, none without any', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 1_000;
  const memory = new MemoryBudget(Infinity);
  const watchdog = new Watchdog(DEFAULT_LIMITS, memory, () => nowMs);
  const [first, second] = [new Member(memory), new Member(memory)];
  const tick = (ms: number): void => {
    nowMs += ms;
    context.mock.timers.tick(250);
  };
  tick(250);
  watchdog.add(first);
  tick(250);
  watchdog.add(second);
  tick(250);
  watchdog.delete(first);
  tick(250);
  watchdog.delete(second);
  watchdog.delete(second);
  tick(250);
  assert.deepEqual(first.looks, [250, 500]);
  assert.deepEqual(second.looks, [500, 750]);
  assert.equal(memory.groups.size, 0, 'an endpoint without connections is not kept');
  watchdog.add(first);
  tick(250);
  assert.deepEqual(first.looks, [250, 500, 1000], 'the clock never goes back');
});

test('time in which the process slept is nobody’s fault', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const memory = new MemoryBudget(Infinity);
  const watchdog = new Watchdog(DEFAULT_LIMITS, memory, () => nowMs);
  const member = new Member(memory);
  watchdog.add(member);
  for (const ms of [250, 40_000, 300, 250]) {
    nowMs += ms;
    context.mock.timers.tick(250);
  }
  assert.deepEqual(member.looks, [250, 750, 1050, 1300]);
  watchdog.delete(member);
});

test('memory: unsent bytes and unfinished messages count together, of a peer and of all', () => {
  const memory = new MemoryBudget(1_000);
  const members = [new Member(memory, 450), new Member(memory, 0, 300), new Member(memory, 250, 240)];
  memory.groups.add(members);
  assert.equal(memory.isOver, true);
  memory.check();
  assert.deepEqual(
    members.map((each) => each.isCut),
    [false, false, true],
  );
  assert.deepEqual([memory.bytes, memory.receivingBytes, memory.isOver], [450, 300, false]);
  assert.equal(members[2]?.errors[0]?.actual, 1_240);
  assert.match(String(members[2]?.errors[0]?.message), /this one has the most, 490$/);
});

test('memory: the largest goes first, and no more of them than need be', () => {
  const memory = new MemoryBudget(1_000);
  const members = [200, 500, 400, 300].map((bytes) => new Member(memory, bytes));
  memory.groups.add(members.slice(0, 2));
  memory.groups.add(members.slice(2));
  memory.check();
  assert.deepEqual(
    members.map((each) => each.isCut),
    [false, true, false, false],
  );
  assert.equal(memory.bytes, 900);
  const [error] = members[1]?.errors ?? [];
  assert.deepEqual(
    [error?.code, error?.limit, error?.actual, error?.closed],
    ['ERR_RINGWIRE_MEMORY_LIMIT', 1_000, 1_400, true],
  );
  memory.bytesMax = 250;
  memory.check();
  assert.deepEqual(
    members.map((each) => each.isCut),
    [false, true, true, true],
  );
});

test('memory: a handler that sends again starts nothing anew: one cut after the other', () => {
  const memory = new MemoryBudget(10);
  const log: string[] = [];
  const members = ['a', 'b', 'c'].map((name, index) => {
    const member = new Member(memory, 100 - index);
    member.onCut = () => {
      log.push(`${name} begins`);
      memory.bytes += 50;
      memory.check();
      log.push(`${name} ends`);
    };
    return member;
  });
  memory.groups.add(members);
  memory.check();
  assert.deepEqual(
    log,
    ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'],
    'and it ends when nobody is left',
  );
});
