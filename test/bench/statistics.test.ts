/**
 * Statistics against values that others computed: tables of exact distributions, worked examples, and brute force where the numbers are small.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootstrap,
  centre,
  dominance,
  holm,
  median,
  quantile,
  rankSumTest,
  seededRandom,
  shift,
  signedRankTest,
  signTest,
} from '../../src/bench/statistics.ts';

function near(actual: number, expected: number, within = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);
}

/** Standard normal values from a seeded source (Box-Muller). */
function normals(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

test('median and quantiles', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.equal(quantile([1, 2, 3, 4, 5], 0.25), 2);
  near(quantile([10, 20], 0.9), 19);
});

test('centre and shift: one wild value hardly moves them', () => {
  assert.equal(centre([1, 2, 3, 4, 100]), 3);
  assert.equal(shift([1, 2, 3], [11, 12, 13]), 10);
  assert.equal(shift([1, 2, 3, 1000], [11, 12, 13]), 9.5);
});

test('signed ranks: the exact distribution', () => {
  // All n differences positive: 2 of the 2^n sign patterns are as extreme.
  for (const n of [1, 5, 6, 10, 20]) {
    near(
      signedRankTest(Array.from({ length: n }, (_, index) => index + 1)),
      Math.min(1, 2 / 2 ** (n - 1) / 2),
    );
  }
  // n = 8 with a rank sum of 3 on the negative side: 5 of 256 patterns reach 3 or less.
  near(signedRankTest([1, 2, -3, 4, 5, 6, 7, 8]), (2 * 5) / 256);
  assert.equal(signedRankTest([]), 1);
  assert.equal(signedRankTest([0, 0]), 1);
  near(signedRankTest([1, 1, 1, 0]), 2 / 8, 1e-12);
});

test('signed ranks: exact and normal agree where they meet', () => {
  const values = normals(51, 3).map((each) => each + 0.3);
  const [exact, normal] = [signedRankTest(values.slice(0, 50)), signedRankTest(values)];
  assert.ok(Math.abs(Math.log(exact / normal)) < 1, `${exact} and ${normal}`);
});

test('signs: the binomial distribution', () => {
  near(signTest([1, 1, 1, 1, 1]), 2 / 32);
  near(signTest([1, 1, 1, 1, -1]), (2 * 6) / 32);
  assert.equal(signTest([1, -1]), 1);
  assert.equal(signTest([]), 1);
});

test('rank sums: the exact distribution, with and without ties, against brute force', () => {
  near(rankSumTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252);
  near(rankSumTest([1, 2, 4], [3, 5, 6]), 4 / 20);
  assert.equal(rankSumTest([1, 1, 1], [1, 1, 1]), 1);
  assert.equal(rankSumTest([], [1]), 1);
  const random = seededRandom(9);
  for (let round = 0; round < 20; round++) {
    const values = Array.from({ length: 8 }, () => Math.floor(random() * 6));
    near(rankSumTest(values.slice(0, 3), values.slice(3)), byHand(values, 3));
  }
});

function lopsided(chosen: readonly number[], rest: readonly number[]): number {
  return Math.abs(dominance(chosen, rest));
}

/** Of all ways to choose who is in the first sample: the share that is as extreme as the given one. */
function byHand(values: readonly number[], size: number): number {
  const given = lopsided(values.slice(0, size), values.slice(size));
  let extreme = 0;
  let all = 0;
  for (let mask = 0; mask < 2 ** values.length; mask++) {
    const chosen = values.filter((_, index) => (mask >> index) & 1);
    if (chosen.length !== size) continue;
    all++;
    const rest = values.filter((_, index) => ((mask >> index) & 1) === 0);
    if (lopsided(chosen, rest) >= given - 1e-9) extreme++;
  }
  return extreme / all;
}

test('a test at 5 percent cries wolf in about 5 percent of cases, and sees a shift that is there', () => {
  let [falseAlarms, seen] = [0, 0];
  for (let seed = 1; seed <= 400; seed++) {
    const values = normals(20, seed);
    if (rankSumTest(values.slice(0, 10), values.slice(10)) < 0.05) falseAlarms++;
    const moved = values.slice(10).map((each) => each + 2);
    if (rankSumTest(values.slice(0, 10), moved) < 0.05) seen++;
  }
  assert.ok(falseAlarms <= 30, `${falseAlarms} of 400`);
  assert.ok(seen >= 380, `${seen} of 400`);
});

test('bootstrap: the interval covers the truth about 95 times of 100, and is the same each time', () => {
  let covered = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const { low, high } = bootstrap([normals(20, seed)], (values) => median(values ?? []), seed);
    if (low <= 0 && high >= 0) covered++;
  }
  assert.ok(covered >= 52, `${covered} of 60`);
  const once = bootstrap([[1, 2, 3, 4]], (values) => centre(values ?? []), 5);
  assert.deepEqual(
    bootstrap([[1, 2, 3, 4]], (values) => centre(values ?? []), 5),
    once,
  );
});

test('holm: p values in the order they came, each corrected, never above 1', () => {
  assert.deepEqual(
    holm([0.01, 0.04, 0.03]).map((each) => Number(each.toFixed(4))),
    [0.03, 0.06, 0.06],
  );
  assert.deepEqual(holm([0.9, 0.9]), [1, 1]);
  assert.deepEqual(holm([]), []);
});

test('dominance: from always below to always above', () => {
  assert.equal(dominance([1, 2], [3, 4]), 1);
  assert.equal(dominance([3, 4], [1, 2]), -1);
  assert.equal(dominance([1], [1]), 0);
});
