/**
 * Where received bytes live: ReceiveRing lends the same hot memory for every read, Carry grows with what really arrives.
 *
 * Large memory is compared by `===`: what `assert.equal` prints about a difference takes it minutes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Carry } from '../../src/bytes/carry.ts';
import { ReceiveRing, REST_BYTES_MAX, RING_BYTES } from '../../src/bytes/receive-ring.ts';
import { seeded } from '../support/seeded.ts';

test('ring: a lap has the full size, and what follows an unfinished frame lands at one place, a multiple of 8', () => {
  for (const [ring, bytes] of [
    [new ReceiveRing(), RING_BYTES],
    [new ReceiveRing(100), 100],
  ] as const) {
    assert.equal(ring.lap().length, bytes);
    assert.equal(ring.lap().byteOffset, ring.bytes.byteOffset);
    assert.ok(ring.lap() === ring.lap(), 'a lap is not made anew for each read');
    for (const missing of [1, 7, 8, 9, 1000, REST_BYTES_MAX]) {
      const lap = ring.lapAfter(missing);
      assert.equal(lap.length, bytes);
      assert.ok(lap.buffer === ring.bytes.buffer);
      assert.equal(lap.byteOffset + missing - ring.bytes.byteOffset, REST_BYTES_MAX);
    }
    assert.equal((ring.bytes.byteOffset + REST_BYTES_MAX) % 8, 0);
    ring.view.setUint16(8, 0x0102, true);
    assert.equal(ring.bytes.readUInt16LE(8), 0x0102);
  }
});

/** The documented bound: twice what has arrived, and one block of 68 KiB. */
function checkBound(carry: Carry): void {
  assert.ok(
    carry.bytes.length <= 2 * carry.length + 68 * 1024,
    `${carry.bytes.length} bytes of memory for ${carry.length} received`,
  );
}

test('carry: whatever a unit promises, memory follows what arrived; through both doors', () => {
  for (const total of [0, 1000, 100_000, 2 ** 24, 2 ** 31 - 1]) {
    for (const size of [1, 64, 1500, 65_536]) {
      const source = seeded(size).bytes(Math.min(size, 4096));
      const appended = new Carry(new ReceiveRing(0));
      const end = Math.min(total || 2 ** 31, size === 1 ? 20_000 : 3_000_000);
      while (appended.length < end) {
        appended.append(source, 0, Math.min(source.length, end - appended.length), total);
        checkBound(appended);
      }
      if (total === 0) continue;
      const read = new Carry(new ReceiveRing(0));
      read.append(source, 0, 1, total);
      while (read.length < end) {
        const room = read.writable(total);
        assert.ok(room.length > 0 && room.length <= total - read.length, 'never beyond the unit');
        read.advance(Math.min(room.length, size));
        checkBound(read);
      }
    }
  }
});

test('carry: what was carried stays, byte for byte, and a unit of known size is not overgrown', () => {
  const random = seeded(5);
  const source = random.bytes(50_000);
  const carry = new Carry(new ReceiveRing(0));
  for (let at = 0; at < source.length;) {
    const bytes = Math.min(1 + random.below(3000), source.length - at);
    if (random.below(2) === 0) carry.append(source, at, at + bytes, source.length);
    else {
      const room = carry.writable(source.length);
      const landed = Math.min(bytes, room.length);
      source.copy(room, 0, at, at + landed);
      carry.advance(landed);
    }
    at = carry.length;
  }
  assert.ok(carry.bytes.subarray(0, carry.length).equals(source));
  assert.ok(carry.bytes.length <= 2 * source.length);
  assert.equal(carry.view.getUint32(8, true), source.readUInt32LE(8));
  assert.ok(carry.view.buffer === carry.bytes.buffer);
});

test('carry: what fits exactly stays where it is, and a unit of known size gets no more than it needs', () => {
  const source = Buffer.alloc(1_000, 0x61);
  const carry = new Carry(new ReceiveRing(0));
  carry.append(source, 0, 32, 0);
  const memory = carry.bytes;
  carry.append(source, 0, memory.length - 32, 0);
  assert.ok(carry.bytes === memory);
  const known = new Carry(new ReceiveRing(0));
  for (const [bytes, capacity] of [
    [100, 100],
    [1, 150],
    [49, 150],
  ] as const) {
    known.append(source, 0, bytes, 150);
    assert.equal(known.bytes.length, capacity);
  }
});

test('carry: from 4 KiB to the size of a block, a block is taken', () => {
  const ring = new ReceiveRing(0);
  const block = 68 * 1024;
  for (const [bytes, capacity] of [
    [4_095, 4_095],
    [4_096, block],
    [block, block],
    [block + 1, block + 1],
  ] as const) {
    const carry = new Carry(ring);
    const spare = Buffer.alloc(block);
    ring.spareBlock = spare;
    carry.append(Buffer.alloc(bytes), 0, bytes, bytes);
    assert.equal(carry.bytes.length, capacity);
    assert.equal(carry.bytes === spare, capacity === block);
  }
});

test('carry: 512 bytes are kept by an idle connection, one more is not', () => {
  for (const [bytes, kept] of [
    [512, 512],
    [513, 0],
  ] as const) {
    const carry = new Carry(new ReceiveRing(0));
    carry.append(Buffer.alloc(bytes), 0, bytes, bytes);
    carry.clear();
    carry.letGo();
    assert.equal(carry.bytes.length, kept);
  }
});

test('carry: an idle connection lets large memory go and keeps the bytes readable until then', () => {
  const carry = new Carry(new ReceiveRing(0));
  carry.append(Buffer.alloc(10_000, 0x61), 0, 10_000, 0);
  carry.clear();
  assert.equal(carry.length, 0);
  assert.equal(carry.bytes[9_999], 0x61, 'lent to whoever holds the unit');
  carry.letGo();
  assert.equal(carry.bytes.length, 0);
  carry.append(Buffer.from('small'), 0, 5, 0);
  carry.clear();
  const small = carry.bytes;
  carry.letGo();
  assert.ok(carry.bytes === small, 'small memory is kept for the next time');
  assert.ok(small.length <= 512);
});

test('carry: a block that was let go serves the next carry of the ring, and never two at once', () => {
  const ring = new ReceiveRing(0);
  const [first, second, third] = [new Carry(ring), new Carry(ring), new Carry(ring)];
  const bytes = Buffer.alloc(10_000, 0x61);
  first.append(bytes, 0, bytes.length, 0);
  const block = first.bytes;
  first.clear();
  assert.ok(ring.spareBlock === undefined, 'still lent');
  first.letGo();
  second.append(bytes, 0, bytes.length, 0);
  assert.ok(second.bytes === block);
  third.append(bytes, 0, bytes.length, 0);
  assert.ok(third.bytes !== block);
  second.append(Buffer.alloc(100_000, 0x62), 0, 100_000, 0);
  assert.ok(ring.spareBlock === block, 'outgrown');
  assert.ok(second.bytes.subarray(0, 10_000).equals(bytes));
  first.append(bytes, 0, bytes.length, 0);
  assert.ok(first.bytes === block);
});
