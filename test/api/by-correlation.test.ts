/**
 * Requests by their number: the same as a Map, whatever the numbers are, in any order of adding and deleting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByCorrelation } from '../../src/api/requests/by-correlation.ts';
import { seeded } from '../support/seeded.ts';

interface Item {
  readonly correlation: number;
}

for (const [name, numberOf] of [
  ['one after the other', (step: number) => step + 1],
  ['across the largest', (step: number) => (step + 2 ** 32 - 500) % 2 ** 32],
  ['with the same low bits', (step: number) => ((step * 65_536) % 2 ** 32) + 1],
  ['mixed', (step: number) => (step % 3 === 0 ? (step * 4_096 + 7) % 2 ** 32 : step)],
] as const) {
  test(`numbers ${name}`, () => {
    const random = seeded(41);
    const requests = new ByCorrelation<Item>();
    const model = new Map<number, Item>();
    for (let step = 0; step < 3_000; step++) {
      const correlation = numberOf(step);
      if (!model.has(correlation)) {
        const item = { correlation };
        requests.add(item);
        model.set(correlation, item);
        assert.equal(requests.delete({ correlation }), false, 'another one with its number');
      }
      while (model.size > 0 && random.below(100) < 48) {
        const items = Array.from(model.values());
        const gone = random.pick(items);
        assert.equal(requests.delete(gone), true);
        assert.equal(requests.delete(gone), false);
        assert.equal(requests.get(gone.correlation), undefined);
        model.delete(gone.correlation);
      }
      assert.equal(requests.size, model.size);
      assert.equal(requests.get(correlation), model.get(correlation));
    }
    const byNumber = (a: Item, b: Item): number => a.correlation - b.correlation;
    const all = Array.from(model.values()).toSorted(byNumber);
    assert.ok(all.length > 10);
    for (const item of all) assert.equal(requests.get(item.correlation), item);
    assert.deepEqual(requests.list().toSorted(byNumber), all);
    assert.deepEqual(requests.clear().toSorted(byNumber), all);
    assert.deepEqual([requests.size, requests.list()], [0, []]);
  });
}

test('who chooses numbers finds one with a place of its own, whatever is under way', () => {
  const requests = new ByCorrelation<Item>();
  const kept: Item[] = [];
  for (let correlation = 1; correlation < 5_000; correlation++) {
    if (!requests.hasPlace(correlation)) continue;
    const item = { correlation };
    requests.add(item);
    assert.equal(requests.hasPlace(correlation), false);
    if (correlation % 7 === 0) kept.push(item);
    else assert.equal(requests.delete(item), true);
  }
  assert.ok(kept.length > 500);
  assert.deepEqual(requests.list().length, kept.length);
  for (const item of kept) assert.equal(requests.get(item.correlation), item);
});
