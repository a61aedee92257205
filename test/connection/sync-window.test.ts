/**
 * SyncWindow: how many requests are under way, who goes next, and that every request ends: answered, given up or lost.
 *
 * Time is the test's own.
 * Row T38 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { SharedMessage } from '../../src/connection/shared-message.ts';
import { SyncWindow } from '../../src/connection/sync-window.ts';
import type { Wire } from '../../src/connection/wire.ts';

const pool = new SlabPool();
const wire = { encodeShared: (event, _data, out) => out.append(Buffer.from(event)) } as Pick<
  Wire,
  'encodeShared'
> as Wire;

function request(name: string): SharedMessage {
  return SharedMessage.encode(wire, name, undefined, pool);
}

interface Setting {
  readonly sync: SyncWindow;
  readonly sent: string[];
  readonly failed: string[];
  readonly add: (name: string) => boolean;
}

function setUp(t: TestContext, window: number, queuedCountMax = 100, queuedBytesSoft = 1e6): Setting {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const names = new Map<SharedMessage, string>();
  const sent: string[] = [];
  const failed: string[] = [];
  const sync: SyncWindow = new SyncWindow(
    { window, timeoutMs: 1000, queuedCountMax, queuedBytesSoft, queuedBytesMax: 2 * queuedBytesSoft },
    {
      send: (message) => {
        const name = names.get(message) as string;
        if (name.startsWith('bad')) throw new Error(name);
        sent.push(name);
      },
      drained: () => sent.push('drained'),
      failed: (error) => failed.push((error as { code?: string }).code ?? error.message),
    },
  );
  const add = (name: string): boolean => {
    const message = request(name);
    names.set(message, name);
    return sync.add(message);
  };
  return { sync, sent, failed, add };
}

test('window of one: the next request leaves when an answer has come', (t) => {
  const { sync, sent, add } = setUp(t, 1);
  sync.online();
  assert.equal(add('a'), true, 'nothing waits');
  assert.equal(add('b'), true);
  assert.equal(add('c'), true);
  assert.deepEqual(sent, ['a']);
  assert.equal(sync.length, 3);
  sync.next();
  assert.deepEqual(sent, ['a', 'b']);
  sync.next();
  sync.next();
  assert.deepEqual(sent, ['a', 'b', 'c']);
  assert.equal(sync.length, 0);
  sync.next();
  assert.equal(add('d'), true, 'an answer to nothing opens no second place');
  add('e');
  assert.deepEqual(sent, ['a', 'b', 'c', 'd']);
});

test('window of n: n under way, in order', (t) => {
  const { sync, sent, add } = setUp(t, 3);
  sync.online();
  for (const name of 'abcdefg') add(name);
  assert.equal(sent.join(''), 'abc');
  sync.next();
  assert.equal(sent.join(''), 'abcd');
  sync.next();
  sync.next();
  assert.equal(sent.join(''), 'abcdef');
  assert.equal(sync.length, 4);
});

test('offline: nothing leaves; online: what had no answer is sent again, in order', (t) => {
  const { sync, sent, failed, add } = setUp(t, 2);
  for (const name of 'abc') assert.equal(add(name), true);
  assert.deepEqual(sent, []);
  sync.online();
  assert.equal(sent.join(''), 'ab');
  sync.next();
  assert.equal(sent.join(''), 'abc');
  sync.offline();
  sync.next();
  add('d');
  assert.equal(sent.join(''), 'abc');
  assert.equal(sync.length, 3);
  sync.online();
  assert.equal(sent.join(''), 'abcbc', 'a was answered, b and c were not');
  sync.next();
  sync.next();
  assert.equal(sent.join(''), 'abcbcd');
  assert.deepEqual(failed, []);
});

test('a request without an answer is given up, and the next one goes', (t) => {
  const { sync, sent, failed, add } = setUp(t, 1);
  sync.online();
  add('a');
  add('b');
  t.mock.timers.tick(999);
  assert.deepEqual(failed, []);
  t.mock.timers.tick(1);
  assert.deepEqual(failed, ['ERR_RINGWIRE_SYNC_TIMEOUT']);
  assert.deepEqual(sent, ['a', 'b']);
  t.mock.timers.tick(999);
  sync.next();
  t.mock.timers.tick(10_000);
  assert.deepEqual(failed, ['ERR_RINGWIRE_SYNC_TIMEOUT'], 'an answered request has no clock');
  assert.equal(sync.length, 0);
});

test('the clock stops while there is no connection', (t) => {
  const { sync, sent, failed, add } = setUp(t, 1);
  sync.online();
  add('a');
  sync.offline();
  t.mock.timers.tick(5000);
  assert.deepEqual(failed, []);
  sync.online();
  assert.deepEqual(sent, ['a', 'a']);
  t.mock.timers.tick(1000);
  assert.deepEqual(failed, ['ERR_RINGWIRE_SYNC_TIMEOUT']);
});

test('the queue is bounded: what does not fit is refused, the rest goes on', (t) => {
  const { sync, sent, failed, add } = setUp(t, 1, 3);
  sync.online();
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => add(name)),
    [true, true, false, false],
  );
  assert.equal(add('d'), false);
  assert.deepEqual(failed, ['ERR_RINGWIRE_BACKPRESSURE'], 'said once');
  assert.equal(sync.length, 3);
  sync.next();
  add('e');
  for (let answers = 0; answers < 3; answers++) sync.next();
  assert.deepEqual(sent, ['a', 'b', 'c', 'drained', 'e']);
});

test('a request that cannot be sent fails by itself', (t) => {
  const { sync, sent, failed, add } = setUp(t, 2);
  for (const name of ['a', 'bad 1', 'bad 2', 'b', 'c']) add(name);
  sync.online();
  assert.deepEqual(sent, ['a', 'b']);
  assert.deepEqual(failed, ['bad 1', 'bad 2']);
  sync.next();
  assert.deepEqual(sent, ['a', 'b', 'c']);
  assert.equal(sync.length, 2);
});

test('close: what has no answer is lost, said once, and no clock runs on', (t) => {
  const { sync, sent, failed, add } = setUp(t, 1);
  sync.online();
  add('a');
  add('b');
  sync.close();
  assert.deepEqual(failed, ['ERR_RINGWIRE_SYNC_LOST']);
  assert.equal(sync.length, 0);
  t.mock.timers.tick(10_000);
  sync.close();
  sync.next();
  assert.deepEqual(failed, ['ERR_RINGWIRE_SYNC_LOST']);
  assert.deepEqual(sent, ['a']);
  assert.equal(pool.inUseCount, 0);
});

test('bytes: add says false above the soft mark, a drain follows, and twice as much is refused', (t) => {
  const bytes = request('a').bytes;
  const { sync, sent, failed, add } = setUp(t, 1, 100, 2 * bytes);
  sync.online();
  assert.equal(add('a'), true);
  assert.equal(add('b'), false);
  assert.equal(add('c'), false);
  assert.equal(add('d'), false);
  assert.deepEqual(failed, []);
  assert.equal(add('e'), false);
  assert.deepEqual(failed, ['ERR_RINGWIRE_BACKPRESSURE']);
  sync.next();
  sync.next();
  assert.deepEqual(sent, ['a', 'b', 'c'], 'half of the mark is not free yet');
  sync.next();
  assert.deepEqual(sent, ['a', 'b', 'c', 'drained', 'd']);
});
