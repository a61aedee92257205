/**
 * Outbox and its policies for slow peers: what goes, what stays, and counters that equal the gaps. The transport is this file: it takes what
 * it is given and confirms when a test says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import { SLAB_BYTES, SlabPool } from '../../src/bytes/slab-pool.ts';
import { Counters } from '../../src/connection/counters.ts';
import { MemoryBudget } from '../../src/connection/memory-budget.ts';
import { Outbox } from '../../src/connection/outbox.ts';
import { SharedMessage } from '../../src/connection/shared-message.ts';
import type { Wire } from '../../src/connection/wire.ts';
import type { RingwireError } from '../../src/errors.ts';
import type { SlowConsumerPolicy } from '../../src/limits.ts';
import { seeded } from '../support/seeded.ts';

const SOFT = 1_000;
const HARD = 4_000;
const MESSAGE_BYTES = 100;

/** Messages are their text, padded with blanks to 100 bytes. */
const WIRE = {
  bytesMax: 1e9,
  prepareShared: () => {},
  isPeersDoing: () => false,
  encodeShared: (_event: string, data: string, out: ByteWriter) => out.append(Buffer.from(data)),
} as unknown as Wire;

class Scene {
  readonly pool = new SlabPool();
  readonly counters = new Counters();
  readonly memory = new MemoryBudget(Infinity);
  readonly errors: RingwireError[] = [];
  drains = 0;
  /** What the transport was given, in order. */
  taken = '';
  /** Takes all at once. */
  isFast = false;
  readonly #unconfirmed: Segment[] = [];
  readonly outbox: Outbox;

  constructor(slowConsumer: SlowConsumerPolicy, soft = SOFT, hard = HARD) {
    this.outbox = new Outbox(
      this.pool,
      { pendingBytesSoft: soft, pendingBytesMax: hard },
      { slowConsumer, counters: this.counters, memory: this.memory },
      {
        write: (segments) => this.#write(segments),
        release: (message) => message.writeTo(WIRE, this.outbox.writer),
        refused: (error) => assert.fail(error),
        overflowed: (error) => void this.errors.push(error),
        drained: () => void this.drains++,
      },
    );
    this.outbox.open();
  }

  #write(segments: readonly Segment[]): void {
    for (const segment of segments) {
      this.taken += Buffer.from(segment.bytes).toString('latin1');
      if (this.isFast) this.outbox.written(segment);
      else this.#unconfirmed.push(segment);
    }
  }

  send(text: string, key = text): boolean {
    const { outbox, pool } = this;
    const data = text.padEnd(MESSAGE_BYTES);
    if (!outbox.admit()) {
      if (outbox.holds) outbox.hold(SharedMessage.encode(WIRE, 'event', data, pool, key));
      return false;
    }
    outbox.writer.append(Buffer.from(data));
    return outbox.added();
  }

  /** @returns how many segments were confirmed */
  confirm(count = Infinity): number {
    let done = 0;
    for (; done < count && this.#unconfirmed.length > 0; done++)
      this.outbox.written(this.#unconfirmed.shift() as Segment);
    return done;
  }

  /** Until everything is confirmed. */
  finish(): void {
    this.outbox.flush();
    while (this.confirm() > 0) this.outbox.flush();
  }

  get received(): string[] {
    return this.taken.split(/ +/).filter((text) => text !== '');
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.counters.snapshot([]).dropped;
  }
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => String(from + index));
}

test('drop-newest: what is above the hard mark is refused, and counted one by one', () => {
  const scene = new Scene('drop-newest');
  for (const text of numbers(0, 100)) scene.send(text);
  assert.deepEqual(scene.dropped, { newest: 60, oldest: 0, replaced: 0 });
  assert.equal(scene.counters.snapshot([]).refusals['ERR_RINGWIRE_BACKPRESSURE'], 60);
  assert.deepEqual(
    scene.errors.map((error) => [error.code, error.closed]),
    [['ERR_RINGWIRE_BACKPRESSURE', false]],
  );
  scene.finish();
  assert.deepEqual(scene.received, numbers(0, 40));
});

test('drop-oldest: the newest arrive, the gaps equal the counter, nothing grows', () => {
  const scene = new Scene('drop-oldest');
  for (const text of numbers(0, 100)) {
    scene.send(text);
    assert.ok(scene.outbox.pendingBytes <= HARD, String(scene.outbox.pendingBytes));
  }
  assert.equal(scene.memory.bytes + scene.outbox.writer.unsealedBytes, scene.outbox.pendingBytes);
  scene.finish();
  // The first ten were under way when the peer was found slow.
  assert.deepEqual(scene.received, [...numbers(0, 10), ...numbers(70, 100)]);
  assert.deepEqual(scene.dropped, { newest: 0, oldest: 60, replaced: 0 });
  assert.deepEqual([scene.errors.length, scene.drains, scene.memory.bytes], [0, 1, 0]);
  assert.equal(scene.pool.inUseCount, 0);
});

test('latest: of each key the newest, in the place of the one that it replaces', () => {
  const scene = new Scene('latest');
  for (const text of numbers(0, 10)) scene.send(text);
  for (const text of ['a1', 'b1', 'a2', 'c1', 'a3', 'b2']) scene.send(text, text[0]);
  assert.equal(scene.outbox.pendingBytes, 1_300);
  scene.finish();
  assert.deepEqual(scene.received.slice(10), ['a3', 'b2', 'c1']);
  assert.deepEqual(scene.dropped, { newest: 0, oldest: 0, replaced: 3 });
  for (const text of ['a4', 'a5']) assert.equal(scene.send(text, 'a'), true);
  scene.finish();
  assert.deepEqual(scene.received.slice(13), ['a4', 'a5'], 'a peer that keeps up gets everything');
  for (const text of numbers(100, 200)) scene.send(text);
  assert.equal(scene.dropped['oldest'], 60, 'of too many keys the oldest go');
});

test('100,000 messages at random speed: sent = received + dropped, in order, for each policy', () => {
  for (const policy of ['drop-newest', 'drop-oldest', 'latest'] as const) {
    const random = seeded(7);
    const scene = new Scene(policy);
    const count = 100_000;
    for (let index = 0; index < count; index++) {
      scene.send(String(index), String(index % 50));
      if (random.below(20) === 0) scene.outbox.flush();
      if (random.below(60) === 0) scene.confirm(1 + random.below(3));
    }
    scene.finish();
    const { newest, oldest, replaced } = scene.dropped as Record<string, number>;
    const received = scene.received.map(Number);
    assert.equal(received.length + Number(newest) + Number(oldest) + Number(replaced), count, policy);
    assert.ok(received.length < count, 'the peer was slow');
    const last = new Map<number, number>();
    for (const each of received) {
      const key = policy === 'latest' ? each % 50 : 0;
      assert.ok(each > (last.get(key) ?? -1), `${policy}: ${each}`);
      last.set(key, each);
    }
    assert.deepEqual(
      [scene.memory.bytes, scene.pool.inUseCount, scene.outbox.pendingBytes],
      [0, 0, 0],
      policy,
    );
  }
});

test('disconnect: at the hard mark the peer goes, told once', () => {
  const scene = new Scene('disconnect');
  for (const text of numbers(0, 41)) scene.send(text);
  assert.deepEqual(
    scene.errors.map(({ code, closed, limit, actual }) => [code, closed, limit, actual]),
    [['ERR_RINGWIRE_SLOW_CONSUMER_BYTES', true, HARD, HARD]],
  );
  assert.deepEqual(
    scene.dropped,
    { newest: 0, oldest: 0, replaced: 0 },
    'nothing is refused: the peer is gone',
  );
});

test('a transport that takes all at once does not make held messages pile up on the stack', () => {
  const scene = new Scene('drop-oldest', 1, 100_000_000);
  scene.send('first');
  for (const text of numbers(0, 50_000)) scene.send(text);
  scene.outbox.flush();
  scene.isFast = true;
  scene.confirm();
  assert.equal(scene.received.length, 50_001);
  assert.equal(scene.outbox.pendingBytes, 0);
});

test('a large message that the transport takes while it is handed over is followed by a drain', async () => {
  const scene = new Scene('drop-newest');
  scene.isFast = true;
  assert.equal(scene.send('x'.repeat(SLAB_BYTES + 1)), false);
  assert.equal(scene.drains, 0, 'not in the middle of it');
  await new Promise((resolve) => process.nextTick(resolve));
  assert.equal(scene.drains, 1);
});

test('a transport that is far behind is given no more; what it has not got is given up by a cut', () => {
  const scene = new Scene('drop-newest', SLAB_BYTES, 100 * SLAB_BYTES);
  const block = 'x'.repeat(SLAB_BYTES);
  for (let count = 0; count < 20; count++) scene.send(block);
  scene.outbox.flush();
  assert.ok(scene.taken.length <= 2 * SLAB_BYTES, String(scene.taken.length));
  const [one] = [scene.taken.length];
  scene.confirm(1);
  assert.equal(scene.taken.length, one + SLAB_BYTES, 'and goes on when it confirms');
  assert.equal(scene.outbox.cut(), true, 'between two messages');
  assert.equal(scene.memory.bytes, 0, 'not accounted for any more');
  assert.ok(scene.outbox.pendingBytes <= 2 * SLAB_BYTES);
  assert.equal(scene.send('more'), false);
  scene.outbox.writer.append(Buffer.from('goodbye'));
  let handed = 0;
  scene.outbox.finish(() => handed++);
  assert.equal(handed, 0);
  scene.confirm(1);
  assert.equal(handed, 1);
  assert.ok(scene.taken.endsWith('goodbye'), 'the last word follows what was under way');
  scene.confirm();
  assert.equal(scene.outbox.abandon(), 20 * SLAB_BYTES - (one + SLAB_BYTES), 'what was given up is told');
  assert.deepEqual([scene.memory.bytes, scene.pool.inUseCount], [0, 0]);
});

test('a cut within a message that is sent from the user’s memory leaves no room for a last word', () => {
  const scene = new Scene('drop-newest', SLAB_BYTES, 100 * SLAB_BYTES);
  for (let count = 0; count < 4; count++) {
    scene.outbox.writer.append(Buffer.from('header'));
    scene.outbox.writer.attach(Buffer.alloc(SLAB_BYTES, 'x'));
    scene.outbox.writer.append(Buffer.from('end'));
    scene.outbox.added();
  }
  scene.outbox.flush();
  assert.ok(scene.taken.endsWith('x') || scene.taken.endsWith('header'));
  assert.equal(scene.outbox.cut(), false);
});

test('finish: everything is handed over, held messages too', () => {
  const scene = new Scene('drop-oldest');
  for (const text of numbers(0, 30)) scene.send(text);
  let handed = 0;
  scene.outbox.finish(() => handed++);
  assert.deepEqual(scene.received, numbers(0, 30));
  scene.outbox.finish(() => assert.fail('it was told already'));
  scene.confirm();
  assert.equal(handed, 1);
});
