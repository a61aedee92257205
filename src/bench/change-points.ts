/**
 * Where a series of results changed for good: E-divisive, hierarchical divisive estimation by energy statistics, with a permutation test.
 * It assumes nothing about how results are distributed. Series are cut in two at the largest energy distance as long as chance
 * does not explain the cut, then cuts that are too small to matter are taken out.
 *
 * Invariant: the same values give the same answer on every machine.
 * Source: Matteson and James, A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data, JASA 109, 2014.
 */
import { median, seededRandom } from './statistics.ts';

export interface ChangeOptions {
  /** How often a cut may be seen in a series that has none. */
  readonly alpha: number;
  /** Changes below this share do not matter. */
  readonly minEffect: number;
}

export const DEFAULT_CHANGE: ChangeOptions = { alpha: 0.01, minEffect: 0.05 };

export interface ChangePoint {
  /** Of the first value after the change. */
  readonly index: number;
  /** Medians of the values from the change before to this one, and from this one to the next. */
  readonly before: number;
  readonly after: number;
  readonly p: number;
}

interface Cut {
  readonly index: number;
  readonly p: number;
}

/** One wild result does not move the median of three. */
const SEGMENT_MIN = 3;
const PERMUTATIONS = 499;
const SEED = 1;

/** @param values positive */
export function findChangePoints(
  values: readonly number[],
  options: ChangeOptions = DEFAULT_CHANGE,
): ChangePoint[] {
  const random = seededRandom(SEED);
  // Ratios are what matters: doubled and halved lie equally far from where they were.
  const cuts = divide(values.map(Math.log), 0, options.alpha, random);
  return withoutSmall(values, cuts, options.minEffect);
}

function divide(values: readonly number[], offset: number, alpha: number, random: () => number): Cut[] {
  const { index, energy } = bestCut(values);
  if (index === 0) return [];
  const p = permutationTest(values, energy, alpha, random);
  if (p > alpha) return [];
  return [
    ...divide(values.slice(0, index), offset, alpha, random),
    { index: offset + index, p },
    ...divide(values.slice(index), offset + index, alpha, random),
  ];
}

/**
 * The cut with the largest energy distance between all that is left of it and what is right of it up to some later place: a change that
 * is taken back stands out against what it came from. Index 0 when there is no room for a cut.
 */
function bestCut(values: readonly number[]): { index: number; energy: number } {
  const count = values.length;
  const sums = distanceSums(values);
  let best = { index: 0, energy: 0 };
  // Sums of the distances within the left side, within the right one, and between them.
  let left = 0;
  for (let cut = 1; cut <= count - SEGMENT_MIN; cut++) {
    left += sums[(cut - 1) * (count + 1) + cut - 1] as number;
    if (cut < SEGMENT_MIN) continue;
    let right = 0;
    let between = 0;
    for (let last = cut; last < count; last++) {
      const toLeft = sums[last * (count + 1) + cut] as number;
      between += toLeft;
      right += (sums[last * (count + 1) + last] as number) - toLeft;
      const length = last - cut + 1;
      if (length < SEGMENT_MIN) continue;
      const apart = (2 * between) / (cut * length);
      const spread = (2 * left) / (cut * (cut - 1)) + (2 * right) / (length * (length - 1));
      const energy = ((cut * length) / (cut + length)) * (apart - spread);
      if (energy > best.energy) best = { index: cut, energy };
    }
  }
  return best;
}

/** At `row * (count + 1) + column`: the distances of the value `row` to the first `column` values, summed. */
function distanceSums(values: readonly number[]): Float64Array {
  const width = values.length + 1;
  const sums = new Float64Array(values.length * width);
  values.forEach((value, row) => {
    values.forEach((other, column) => {
      const at = row * width + column;
      sums[at + 1] = (sums[at] as number) + Math.abs(other - value);
    });
  });
  return sums;
}

/** How often the same values in another order can be cut as well. It stops early when that is too often to matter. */
function permutationTest(
  values: readonly number[],
  energy: number,
  alpha: number,
  random: () => number,
): number {
  const shuffled = [...values];
  let asGood = 1;
  for (let round = 0; round < PERMUTATIONS; round++) {
    shuffle(shuffled, random);
    if (bestCut(shuffled).energy >= energy) asGood++;
    if (asGood / (PERMUTATIONS + 1) > alpha) return 1;
  }
  return asGood / (PERMUTATIONS + 1);
}

function shuffle(values: number[], random: () => number): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const value = values[last] as number;
    values[last] = values[other] as number;
    values[other] = value;
  }
}

/** Takes out the smallest change until all that are left matter: its neighbours grow together, so the others are judged anew. */
function withoutSmall(values: readonly number[], cuts: readonly Cut[], minEffect: number): ChangePoint[] {
  const points = cuts.map(({ index, p }, place) => ({
    index,
    p,
    before: median(values.slice(cuts[place - 1]?.index ?? 0, index)),
    after: median(values.slice(index, cuts[place + 1]?.index)),
  }));
  const effects = points.map(({ before, after }) => Math.abs(Math.log(after / before)));
  const least = Math.min(...effects);
  if (least >= Math.log(1 + minEffect)) return points;
  return withoutSmall(values, cuts.toSpliced(effects.indexOf(least), 1), minEffect);
}
