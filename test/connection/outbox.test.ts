/**
 * Outbox: one write per tick, marks for slow peers, and exact accounts of what waits and of the memory it waits in.
 *
 * The transport is this file: it confirms writes when a test says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Segment } from '../../src/bytes/byte-writer.ts';
import { SLAB_BYTES, SlabPool } from '../../src/bytes/slab-pool.ts';
import type { RingwireError } from '../../src/errors.ts';
import { Counters } from '../../src/connection/counters.ts';
import { MemoryBudget } from '../../src/connection/memory-budget.ts';
import { Outbox } from '../../src/connection/outbox.ts';
import { seeded } from '../support/seeded.ts';

interface Setting {
  readonly pool: SlabPool;
  readonly outbox: Outbox;
  readonly writes: Segment[][];
  readonly drains: { count: number };
  readonly refusals: RingwireError[];
}

function setUp(soft = 1000, hard = 4000, memory = new MemoryBudget(Infinity)): Setting {
  const pool = new SlabPool();
  const writes: Segment[][] = [];
  const drains = { count: 0 };
  const refusals: RingwireError[] = [];
  const outbox = new Outbox(
    pool,
    { pendingBytesSoft: soft, pendingBytesMax: hard },
    { slowConsumer: 'drop-newest', counters: new Counters(), memory },
    {
      write: (segments) => writes.push([...segments]),
      drained: () => drains.count++,
      overflowed: (error) => refusals.push(error),
      refused: (error) => assert.fail(error),
      release: () => assert.fail('nothing is held'),
    },
  );
  return { pool, outbox, writes, drains, refusals };
}

/** A message of `bytes`, as a connection sends it. */
function send({ outbox }: Setting, bytes: number | Uint8Array): boolean {
  if (!outbox.admit()) return false;
  outbox.writer.append(typeof bytes === 'number' ? Buffer.alloc(bytes, 0x61) : bytes);
  return outbox.added();
}

function confirm({ outbox, writes }: Setting, count = writes.length): void {
  for (const segments of writes.splice(0, count)) for (const each of segments) outbox.written(each);
}

function text(segments: readonly Segment[] | undefined): string {
  return Buffer.concat((segments ?? []).map((each) => each.bytes)).toString();
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

test('what is sent in one tick leaves in one write at its end', async () => {
  const setting = setUp();
  setting.outbox.open();
  for (const part of ['one ', 'two ', 'three']) assert.equal(send(setting, Buffer.from(part)), true);
  assert.equal(setting.writes.length, 0);
  assert.equal(setting.outbox.pendingBytes, 13);
  await nextTick();
  assert.deepEqual(setting.writes.map(text), ['one two three']);
  assert.equal(setting.writes[0]?.length, 1, 'and in one segment');
  send(setting, Buffer.from('next tick'));
  await nextTick();
  assert.deepEqual(setting.writes.map(text), ['one two three', 'next tick']);
  confirm(setting);
  assert.equal(setting.outbox.pendingBytes, 0);
  assert.equal(setting.pool.inUseCount, 0);
});

for (const [where, soft, all] of [
  ['above the soft mark', 2 * SLAB_BYTES, Infinity],
  ['while all peers together wait for much', 100 * SLAB_BYTES, 4 * SLAB_BYTES],
] as const)
  test(`messages that leave much of a slab idle lie close together ${where}`, async () => {
    const memory = Object.assign(new MemoryBudget(all), { check: () => {} });
    const setting = setUp(soft, 100 * SLAB_BYTES, memory);
    setting.outbox.open();
    const size = SLAB_BYTES / 2 + 8;
    const sent = Array.from({ length: 100 }, (_, n) => Buffer.alloc(size, n));
    for (const each of sent) {
      send(setting, each);
      await nextTick();
    }
    const { pool, outbox, writes } = setting;
    assert.equal(outbox.pendingBytes, 100 * size);
    assert.ok(pool.inUseCount <= 55, `${pool.inUseCount} slabs for what fills 51`);
    const arrived: Uint8Array[] = [];
    while (writes.length > 0) {
      for (const each of writes[0] ?? []) arrived.push(Buffer.from(each.bytes));
      confirm(setting, 1);
    }
    assert.ok(Buffer.concat(arrived).equals(Buffer.concat(sent)), 'the bytes are the same');
    assert.deepEqual([outbox.pendingBytes, pool.inUseCount], [0, 0]);
  });

test('a message that lies in two slabs: no last word between its parts; what the transport has not got is memory for others at once', async () => {
  const outcomes = new Set<boolean>();
  const random = seeded(9);
  for (let round = 0; round < 40; round++) {
    const size = 20_000 + random.below(70_000);
    const setting = setUp(SLAB_BYTES + random.below(2 * SLAB_BYTES), 100 * SLAB_BYTES);
    const { pool, outbox, writes } = setting;
    outbox.open();
    for (let sent = 0; sent < 40; sent++) {
      send(setting, size);
      await nextTick();
    }
    const given = writes.flat().reduce((sum, each) => sum + each.bytes.length, 0);
    const isClean = outbox.cut();
    assert.equal(isClean, given % size === 0, `${given / size} messages of ${size} bytes have gone`);
    outcomes.add(isClean);
    const held = new Set(writes.flat().map(({ slab }) => slab)).size;
    assert.ok(pool.inUseCount <= held + 1, `${pool.inUseCount} slabs, the transport has ${held}`);
    confirm(setting);
    assert.equal(pool.inUseCount, 0);
  }
  assert.equal(outcomes.size, 2, 'both have been seen');
});

test('before it is open everything waits; then it leaves in order', async () => {
  const setting = setUp(10 * SLAB_BYTES, 20 * SLAB_BYTES);
  send(setting, Buffer.from('first'));
  await nextTick();
  send(setting, 3 * SLAB_BYTES);
  send(setting, Buffer.from('last'));
  await nextTick();
  assert.equal(setting.writes.length, 0);
  assert.equal(setting.outbox.pendingBytes, 9 + 3 * SLAB_BYTES);
  setting.outbox.open();
  const all = setting.writes.map(text).join('');
  assert.ok(all === `first${'a'.repeat(3 * SLAB_BYTES)}last`);
  confirm(setting);
  assert.equal(setting.pool.inUseCount, 0);
});

test('full slabs leave at once, so the other side can begin to read', async () => {
  const setting = setUp(2 ** 30, 2 ** 30);
  setting.outbox.open();
  for (let count = 0; count < 100; count++) send(setting, 3000);
  assert.equal(setting.writes.length, Math.floor(300_000 / SLAB_BYTES));
  await nextTick();
  assert.equal(
    setting.writes.reduce((sum, segments) => sum + text(segments).length, 0),
    300_000,
  );
});

test('soft mark: false at it and above it, one drain at half of it', async () => {
  const setting = setUp(1000, 4000);
  setting.outbox.open();
  assert.equal(send(setting, 999), true);
  await nextTick();
  confirm(setting);
  assert.equal(setting.drains.count, 0, 'nobody was told to wait');

  assert.equal(send(setting, 999), true);
  assert.equal(send(setting, 1), false);
  await nextTick();
  assert.equal(send(setting, 501), false);
  await nextTick();
  assert.deepEqual(
    setting.writes.map((each) => text(each).length),
    [1000, 501],
  );
  confirm(setting, 1);
  assert.equal(setting.drains.count, 0, '501 bytes are more than half of the mark');
  assert.equal(setting.outbox.pendingBytes, 501);
  confirm(setting);
  assert.equal(setting.drains.count, 1);
  send(setting, 5);
  await nextTick();
  confirm(setting);
  assert.equal(setting.drains.count, 1, 'one drain for one false');
});

test('hard mark: the next message is refused with its numbers and nothing is queued', async () => {
  const setting = setUp(1000, 4000);
  setting.outbox.open();
  send(setting, 3999);
  assert.equal(send(setting, 500), false, 'below the mark a message still goes in whole');
  for (let tries = 0; tries < 3; tries++) {
    assert.equal(send(setting, 1), false);
    assert.equal(setting.outbox.pendingBytes, 4499);
  }
  await nextTick();
  assert.equal(send(setting, 1), false);
  assert.equal(setting.outbox.pendingBytes, 4499, 'handed over is not yet written');
  assert.equal(setting.refusals.length, 1, 'said once');
  const [refusal] = setting.refusals;
  assert.deepEqual(
    [refusal?.code, refusal?.limit, refusal?.actual, refusal?.closed],
    ['ERR_RINGWIRE_BACKPRESSURE', 4000, 4499, false],
  );
  confirm(setting);
  assert.equal(send(setting, 1), true);
  send(setting, 4500);
  send(setting, 1);
  assert.equal(setting.refusals.length, 2, 'and again after a drain');
});

test('attachments are not copied', async () => {
  const setting = setUp(2 ** 20, 2 ** 20);
  setting.outbox.open();
  const attached = Buffer.alloc(40_000, 0x62);
  setting.outbox.writer.append(Buffer.from('head'));
  setting.outbox.writer.attach(attached);
  setting.outbox.writer.append(Buffer.from('tail'));
  setting.outbox.added();
  assert.equal(setting.outbox.pendingBytes, 40_008);
  await nextTick();
  assert.ok(setting.writes.flat().some((each) => each.bytes === attached));
  assert.ok(setting.writes.map(text).join('') === `head${attached.toString()}tail`);
  confirm(setting);
  assert.deepEqual([setting.outbox.pendingBytes, setting.pool.inUseCount], [0, 0]);
});

test('abandon: tells what may be lost; slabs come back when the transport lets go of them', async () => {
  const setting = setUp(2 ** 20, 2 ** 20);
  setting.outbox.open();
  send(setting, 100);
  await nextTick();
  send(setting, 10);
  assert.equal(setting.outbox.abandon(), 110);
  assert.equal(setting.pool.inUseCount, 1, 'the kernel may still read the 100 bytes');
  confirm(setting);
  assert.equal(setting.pool.inUseCount, 0);
  assert.equal(setting.drains.count, 0);
  await nextTick();
  assert.equal(setting.writes.length, 0, 'nothing is written afterwards');

  const closed = setUp(2 ** 20, 2 ** 20);
  for (let count = 0; count < 100; count++) send(closed, 3000);
  assert.ok(closed.pool.inUseCount > 1);
  assert.equal(closed.outbox.abandon(), 300_000);
  assert.equal(closed.pool.inUseCount, 0, 'what no transport has seen comes back at once');
});

test('nothing is let in without asking while the outbox is full or closed', () => {
  const setting = setUp(1000, 4000);
  const { outbox } = setting;
  outbox.open();
  assert.equal(send(setting, 500), true);
  assert.ok(outbox.writer.openEnd > 0);
  assert.equal(send(setting, 600), false);
  assert.equal(outbox.writer.openEnd, 0);
  outbox.flush();
  outbox.writer.append(Buffer.alloc(8));
  outbox.added();
  assert.equal(outbox.writer.openEnd, 0, 'a pong opens nothing while the outbox is full');
  confirm(setting);
  send(setting, 10);
  outbox.finish(() => {});
  outbox.writer.append(Buffer.alloc(8));
  outbox.added();
  assert.equal(outbox.writer.openEnd, 0, 'nor when it is closed');
});

test('who waits for the drain is not called in the middle of a message', async () => {
  const pool = new SlabPool();
  const wire: string[] = [];
  let depth = 0;
  const say = (message: string): boolean => {
    if (!outbox.admit()) return false;
    assert.equal(depth++, 0, 'a message within a message');
    const at = outbox.writer.reserve(1000);
    outbox.writer.bytes.write(message.padEnd(1000, '.'), at);
    depth--;
    return outbox.added();
  };
  const outbox: Outbox = new Outbox(
    pool,
    { pendingBytesSoft: 4000, pendingBytesMax: 1e6 },
    { slowConsumer: 'drop-newest', counters: new Counters(), memory: new MemoryBudget(Infinity) },
    {
      write: (segments) => {
        wire.push(text(segments));
        for (const each of segments) outbox.written(each);
      },
      drained: () => void say('drain'),
      overflowed: (error) => assert.fail(error),
      refused: (error) => assert.fail(error),
      release: () => assert.fail('nothing is held'),
    },
  );
  outbox.open();
  for (let n = 0; n < 400; n++) say(`message ${n}`);
  await nextTick();
  await nextTick();
  outbox.flush();
  const said = wire.join('').match(/message \d+/g);
  assert.deepEqual(
    said,
    Array.from({ length: 400 }, (_, n) => `message ${n}`),
  );
  assert.ok(wire.join('').includes('drain'));
});

test('the bound on all connections together is looked at when the tick ends, below the soft mark as well', async () => {
  const memory = new MemoryBudget(1_500);
  let checks = 0;
  memory.check = () => void checks++;
  const settings = [setUp(1_000, 4_000, memory), setUp(1_000, 4_000, memory)];
  for (const setting of settings) {
    setting.outbox.open();
    assert.equal(send(setting, 900), true);
  }
  assert.equal(checks, 0);
  await nextTick();
  assert.equal(memory.bytes, 1_800);
  assert.equal(checks, 1, 'when the second one makes it too much');
});
