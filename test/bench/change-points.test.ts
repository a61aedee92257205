/**
 * Change points on series that are known: without a change none is found, steps are found where they are.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_CHANGE, findChangePoints } from '../../src/bench/change-points.ts';
import { seededRandom } from '../../src/bench/statistics.ts';

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

/** Levels of so many values each, with normal noise of a share of them. */
function series(
  seed: number,
  noise: number,
  ...levels: readonly (readonly [level: number, count: number])[]
): number[] {
  const random = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return levels.flatMap(([level, count]) =>
    Array.from({ length: count }, () => level * (1 + noise * normal())),
  );
}

function places(values: readonly number[], minEffect: number = DEFAULT_CHANGE.minEffect): number[] {
  return findChangePoints(values, { ...DEFAULT_CHANGE, minEffect }).map(({ index }) => index);
}

test('no change: none is found, also where no effect is too small', () => {
  for (const seed of SEEDS) assert.deepEqual(places(series(seed, 0.02, [100, 60]), 0), [], `seed ${seed}`);
});

test('a step of 10 percent in noise of 2 percent is found at its place', () => {
  for (const seed of SEEDS) {
    const [found, ...more] = findChangePoints(series(seed, 0.02, [100, 25], [90, 15]));
    assert.deepEqual(more, [], `seed ${seed}`);
    assert.ok(found !== undefined && Math.abs(found.index - 25) <= 1, `seed ${seed}: ${found?.index}`);
    assert.ok(Math.abs(found.before - 100) < 2 && Math.abs(found.after - 90) < 2);
    assert.ok(found.p > 0 && found.p <= DEFAULT_CHANGE.alpha);
  }
});

test('two steps are found, whichever way they go', () => {
  for (const seed of SEEDS) {
    for (const last of [81, 100]) {
      const found = places(series(seed, 0.01, [100, 20], [90, 20], [last, 20]));
      assert.equal(found.length, 2, `seed ${seed}: ${found.join()}`);
      assert.ok(Math.abs((found[0] ?? 0) - 20) <= 1 && Math.abs((found[1] ?? 0) - 40) <= 1, found.join());
    }
  }
});

test('a change is seen from its third result on', () => {
  for (const seed of SEEDS) {
    assert.deepEqual(places(series(seed, 0.01, [100, 30], [80, 1])), [], `seed ${seed}`);
    assert.deepEqual(places(series(seed, 0.01, [100, 30], [80, 3])), [30], `seed ${seed}`);
  }
});

test('one wild result is no change, and neither is a step too small to matter', () => {
  assert.deepEqual(places(series(1, 0.01, [100, 20], [10, 1], [100, 20])), []);
  const small = series(1, 0.005, [100, 20], [97, 20]);
  assert.deepEqual(places(small, 0), [20]);
  assert.deepEqual(places(small), []);
  const both = findChangePoints(series(1, 0.005, [100, 20], [97, 20], [80, 20]));
  assert.deepEqual(
    both.map(({ index }) => index),
    [40],
  );
  assert.ok(Math.abs((both[0]?.before ?? 0) - 98.5) < 1, 'what is too small belongs to its neighbour');
});

test('few and equal values have no change', () => {
  for (const values of [[], [1], [1, 2, 3, 4, 5], series(1, 0, [7, 30])])
    assert.deepEqual(places(values, 0), []);
});

test('the same values give the same answer', () => {
  const values = series(3, 0.02, [100, 25], [92, 15]);
  assert.deepEqual(findChangePoints(values), findChangePoints(values));
});
