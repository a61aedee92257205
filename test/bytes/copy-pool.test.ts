/**
 * CopyPool: exact copies of the caller's own, whatever their size and wherever the source lies.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyPool } from '../../src/bytes/copy-pool.ts';
import { seeded } from '../support/seeded.ts';

const MEMORY_BYTES = 4096;

test('every length at every kind of place, from the memory and from elsewhere; no copy changes another', () => {
  const random = seeded(3);
  const memory = Buffer.allocUnsafeSlow(MEMORY_BYTES);
  const elsewhere = random.bytes(MEMORY_BYTES);
  const pool = new CopyPool(memory);
  const copies: { copy: Buffer; expected: string }[] = [];
  for (let round = 0; round < 4000; round++) {
    random.bytes(MEMORY_BYTES).copy(memory);
    const source = random.below(4) === 0 ? elsewhere : memory;
    const start = random.below(4) === 0 ? random.below(1000) : 8 * random.below(100);
    const length = random.pick([0, 1, 7, 8, 9, 64, 255, 256, 257, random.below(300), random.below(3000)]);
    const copy = pool.copy(source, start, start + length);
    copies.push({ copy, expected: source.toString('hex', start, start + length) });
  }
  memory.fill(0);
  for (const { copy, expected } of copies) assert.equal(copy.toString('hex'), expected);
  for (const [index, { copy }] of copies.entries()) copy.fill(index % 251);
  for (const [index, { copy }] of copies.entries())
    assert.ok(
      copy.every((byte) => byte === index % 251),
      `copy ${index} shares bytes with a later one`,
    );
});

test("a copy that is kept keeps no more alive than 8 KiB, or a block of Node's own pool", () => {
  const memory = Buffer.allocUnsafeSlow(256 * 1024);
  const pool = new CopyPool(memory);
  for (const length of [0, 1, 64, 256])
    assert.ok(pool.copy(memory, 0, length).buffer.byteLength <= 8 * 1024, `${length} bytes`);
  for (const length of [257, 4000])
    assert.ok(pool.copy(memory, 0, length).buffer.byteLength <= 2 * Buffer.poolSize, `${length} bytes`);
  assert.equal(pool.copy(memory, 8, 100_008).buffer.byteLength, 100_000);
});
