/**
 * What is kept until it is acknowledged, against a list of messages: whatever is added, handed on, acknowledged and begun again, the bytes that
 * come out are the frames of the list, whole and in order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { JsonCodec } from '../../src/codecs/json.ts';
import { RawCodec } from '../../src/codecs/raw.ts';
import { BinaryEncoder } from '../../src/connection/binary-encoder.ts';
import { EventIds } from '../../src/connection/event-ids.ts';
import { ResendWindow } from '../../src/connection/resend-window.ts';
import { SharedMessage } from '../../src/connection/shared-message.ts';
import type { Wire } from '../../src/connection/wire.ts';
import { seeded } from '../support/seeded.ts';

const SLAB = 1_024;

class Kept {
  readonly bytes = { bytes: 0 };
  readonly pool = new SlabPool(4, SLAB);
  readonly window: ResendWindow;
  /** Payloads of the frames that are kept, the oldest first. */
  readonly payloads: Buffer[] = [];
  readonly encoder = new BinaryEncoder(new EventIds({ e: 5 }), new RawCodec(), 1e6);
  out: Buffer[] = [];

  constructor(first: number) {
    this.window = new ResendWindow(this.pool, this.bytes, first);
  }

  add(payload: Buffer): void {
    this.encoder.encodeShared('e', payload, this.window.writer);
    this.window.added();
    this.payloads.push(Buffer.from(payload));
    // The program may use its memory again.
    payload.fill(0);
  }

  addShared(payload: Buffer): void {
    const wire = { encodeShared: this.encoder.encodeShared.bind(this.encoder) } as unknown as Wire;
    const message = SharedMessage.encode(wire, 'e', payload, this.pool);
    this.window.addParts(message.keep(), message.bytes);
    this.payloads.push(Buffer.from(payload));
    payload.fill(0);
  }

  hand(): void {
    for (const part of this.window.next() ?? []) this.out.push(Buffer.from(part));
  }

  acknowledge(messages: number): void {
    this.window.acknowledge((this.window.first + messages) >>> 0);
    this.payloads.splice(0, messages);
  }

  /** Hands on everything from the start and compares. */
  check(): void {
    this.window.rewind();
    this.out = [];
    // Each time a frame at least, so this ends.
    for (let tries = 0; !this.window.isHanded; tries++) {
      assert.ok(tries < this.payloads.length, 'nothing is handed on any more');
      this.hand();
    }
    assert.equal(this.window.next(), undefined);
    // Sizes first: a difference of megabytes takes longer to print than anybody waits.
    const found = framesIn(Buffer.concat(this.out));
    const { payloads } = this;
    assert.deepEqual(sizes(found), sizes(payloads));
    assert.ok(
      found.every((each, index) => each.equals(payloads[index] as Buffer)),
      'the bytes of each frame',
    );
    assert.equal(this.window.count, this.payloads.length);
    assert.equal(this.window.handed, this.payloads.length);
    assert.equal(this.window.unhandedBytes, 0);
  }
}

function sizes(payloads: readonly Buffer[]): number[] {
  return payloads.map(({ length }) => length);
}

/** Bytes of these payloads as frames. */
function frameBytes(payloads: readonly Buffer[]): number {
  return payloads.reduce((sum, { length }) => sum + 8 + Math.ceil(length / 8) * 8, 0);
}

function framesIn(bytes: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    assert.equal(bytes.readUInt16LE(at + 4), 5, `a header at ${at}`);
    const length = bytes.readUInt32LE(at);
    payloads.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return payloads;
}

test('what comes out is what went in, through 200 random lives', () => {
  for (let life = 0; life < 200; life++) {
    const random = seeded(life + 1);
    const kept = new Kept(2 ** 32 - random.below(40));
    for (let step = 0; step < 120; step++) {
      const bytes = random.pick([0, 1, 8, 60, 300, 900, SLAB, 5_000, 32_768, 40_001]);
      const what = random.below(12);
      if (what < 5) kept.add(Buffer.alloc(bytes, step + 1));
      else if (what < 6) kept.addShared(Buffer.alloc(bytes, step + 1));
      else if (what < 9) kept.hand();
      else if (what < 11) kept.acknowledge(random.below(kept.window.handed + 1));
      else if (random.below(3) === 0) {
        if (random.below(2) === 0) kept.window.compact();
        kept.check();
      }
      const { window } = kept;
      assert.equal(window.bytes, kept.bytes.bytes + window.writer.unsealedBytes);
      assert.equal(window.unhandedBytes, frameBytes(kept.payloads.slice(window.handed)));
    }
    kept.check();
    kept.acknowledge(kept.window.handed);
    assert.equal(kept.window.bytes, 0);
    assert.equal(kept.bytes.bytes, 0, 'nothing is accounted for any more');
    assert.equal(kept.pool.inUseCount, 0, 'every slab is back');
  }
});

test('a message that fails leaves nothing, whether its slab was new or not', () => {
  const kept = new Kept(0);
  const fail = (): void => {
    const { bytes, end } = kept.window.writer;
    kept.window.writer.reserve(100);
    kept.window.failed(bytes, end);
  };
  fail();
  kept.add(Buffer.from('one'));
  fail();
  kept.add(Buffer.alloc(SLAB - 100, 1));
  fail();
  kept.add(Buffer.from('two'));
  kept.check();
});

test('counts that the peer cannot know are not allowed, across the wrap', () => {
  const kept = new Kept(2 ** 32 - 2);
  for (let n = 0; n < 5; n++) kept.add(Buffer.from([n]));
  assert.equal(kept.window.allows(2 ** 32 - 2), true);
  assert.equal(kept.window.allows(2 ** 32 - 1), false, 'not handed on');
  kept.hand();
  for (const [received, is] of [
    [2 ** 32 - 3, false],
    [0, true],
    [3, true],
    [4, false],
    [2 ** 31, false],
  ] as const) {
    assert.equal(kept.window.allows(received), is, String(received));
  }
  kept.acknowledge(3);
  assert.equal(kept.window.first, 1);
  assert.equal(kept.window.allows(0), false, 'behind an earlier one');
});

const fits = (bytes: number, codec: number): boolean => bytes <= 100 && codec === 3;

test('frames that do not fit are found and given up', () => {
  const kept = new Kept(0);
  const json = new BinaryEncoder(new EventIds({ e: 5 }), new JsonCodec(), 1e6);
  for (const bytes of [10, 40_000, 11, 600, 12]) kept.add(Buffer.alloc(bytes, bytes));
  json.encodeShared('e', 'text', kept.window.writer);
  kept.window.added();
  assert.equal(
    kept.window.areAll((bytes) => bytes <= 40_000),
    true,
  );
  assert.equal(kept.window.areAll(fits), false);
  kept.window.rewind();
  assert.equal(kept.window.keepOnly(fits), 3);
  kept.payloads.splice(0, Infinity, ...[10, 11, 12].map((bytes) => Buffer.alloc(bytes, bytes)));
  kept.check();
});

test('compact: all slabs are back, and what is kept, handed on and accounted for stays the same', () => {
  const kept = new Kept(7);
  for (const bytes of [10, 900, 40_000, 600]) kept.add(Buffer.alloc(bytes, bytes));
  kept.hand();
  kept.acknowledge(1);
  const { window } = kept;
  const before = [window.count, window.handed];
  assert.ok(kept.pool.inUseCount > 0);
  window.compact();
  assert.equal(kept.pool.inUseCount, 0);
  assert.deepEqual([window.count, window.handed], before);
  assert.equal(window.bytes, frameBytes(kept.payloads));
  kept.check();
});

test('clear: nothing is kept, accounted for or in use, and the next life begins empty', () => {
  for (const handed of [0, 1, 3]) {
    const kept = new Kept(7);
    for (const bytes of [10, 40_000, 600]) kept.add(Buffer.alloc(bytes, 1));
    for (let count = 0; count < handed; count++) kept.hand();
    if (handed > 0) kept.acknowledge(1);
    kept.window.clear();
    kept.payloads.length = 0;
    assert.deepEqual([kept.window.count, kept.window.handed, kept.window.unhandedBytes], [0, 0, 0]);
    assert.deepEqual([kept.bytes.bytes, kept.pool.inUseCount], [0, 0]);
    assert.equal(kept.window.isHanded, true);
    for (const bytes of [5, 50_000, 5]) kept.add(Buffer.alloc(bytes, 2));
    kept.check();
    kept.acknowledge(1);
    kept.check();
  }
});
