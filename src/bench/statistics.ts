/**
 * The statistics of the regression gate: rank tests and bootstrap intervals that assume nothing about how times are distributed. All
 * of it works on few values (one per round), so plain exact methods are used where others approximate.
 *
 * Invariant: the same values and seed give the same answer on every machine.
 * Sources: Hollander and Wolfe, Nonparametric Statistical Methods; Efron and Tibshirani, An Introduction to the Bootstrap; Holm 1979.
 */

/** A 95 percent interval around an estimate. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const CONFIDENCE = 0.95;
const RESAMPLES = 2_000;
/** Up to this many values the distribution of a rank sum is counted out, beyond it is as good as normal. */
const EXACT_MAX = 50;

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the two nearest values. @param share from 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** Pseudorandom numbers from 0 to 1 (mulberry32): results can be computed again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Percentile bootstrap of any statistic of one or several samples, each resampled by itself. */
export function bootstrap(
  samples: readonly (readonly number[])[],
  statistic: (...samples: number[][]) => number,
  seed = 1,
): Interval {
  const random = seededRandom(seed);
  const draw = (values: readonly number[]): number[] =>
    values.map(() => values[Math.floor(random() * values.length)] as number);
  const estimates = Array.from({ length: RESAMPLES }, () => statistic(...samples.map(draw)));
  const tail = (1 - CONFIDENCE) / 2;
  return { low: quantile(estimates, tail), high: quantile(estimates, 1 - tail) };
}

/** The Hodges-Lehmann estimate of the centre: the median of all pairwise means, which a single wild round does not move. */
export function centre(values: readonly number[]): number {
  const means: number[] = [];
  values.forEach((first, index) => {
    for (const second of values.slice(index)) means.push((first + second) / 2);
  });
  return median(means);
}

/** The Hodges-Lehmann estimate of how far `second` lies above `first`: the median of all differences. */
export function shift(first: readonly number[], second: readonly number[]): number {
  return median(second.flatMap((b) => first.map((a) => b - a)));
}

/**
 * Wilcoxon's signed-rank test: how likely differences so one-sided are when there is no difference. Zeros are left out, ties share
 * their ranks.
 * @returns two-sided p
 */
export function signedRankTest(differences: readonly number[]): number {
  const present = differences.filter((each) => each !== 0);
  if (present.length === 0) return 1;
  const ranks = doubledRanks(present.map(Math.abs));
  const sum = ranks.reduce((total, rank, index) => total + ((present[index] as number) > 0 ? rank : 0), 0);
  const all = ranks.reduce((total, rank) => total + rank, 0);
  const extreme = Math.min(sum, all - sum);
  if (present.length <= EXACT_MAX) {
    const share = shareUpTo(subsetSums(ranks), extreme);
    return Math.min(1, 2 * share);
  }
  const variance = ranks.reduce((total, rank) => total + rank * rank, 0) / 4;
  return normalTwoSided((Math.abs(sum - all / 2) - 1) / Math.sqrt(variance));
}

/** The sign test: as `signedRankTest`, but only how many differences are positive counts. @returns two-sided p */
export function signTest(differences: readonly number[]): number {
  const present = differences.filter((each) => each !== 0);
  const positive = present.filter((each) => each > 0).length;
  const extreme = Math.min(positive, present.length - positive);
  let share = 0;
  let ways = 1;
  for (let count = 0; count <= extreme; count++) {
    share += ways / 2 ** present.length;
    ways = (ways * (present.length - count)) / (count + 1);
  }
  return Math.min(1, 2 * share);
}

/** The Mann-Whitney U test of two independent samples, exact, ties included, for samples of up to 25 each. @returns two-sided p */
export function rankSumTest(first: readonly number[], second: readonly number[]): number {
  if (first.length === 0 || second.length === 0) return 1;
  const ranks = doubledRanks([...first, ...second]);
  const total = ranks.length;
  const all = ranks.reduce((sum, rank) => sum + rank, 0);
  const mine = ranks.slice(0, first.length).reduce((sum, rank) => sum + rank, 0);
  const expected = (all * first.length) / total;
  const distance = Math.abs(mine - expected);
  if (total <= EXACT_MAX) {
    const sums = subsetSums(ranks, first.length);
    let extreme = 0;
    let ways = 0;
    for (const [sum, count] of sums) {
      ways += count;
      if (Math.abs(sum - expected) >= distance - 1e-9) extreme += count;
    }
    return Math.min(1, extreme / ways);
  }
  const mean = all / total;
  const spread = ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0);
  const variance = (spread * first.length * second.length) / (total * (total - 1));
  return variance === 0 ? 1 : normalTwoSided(Math.max(0, distance - 1) / Math.sqrt(variance));
}

/** How much more often a value of `second` lies above one of `first` than below it: -1 to 1 (Cliff's delta). */
export function dominance(first: readonly number[], second: readonly number[]): number {
  let sum = 0;
  for (const a of first) for (const b of second) sum += Math.sign(b - a);
  return sum / (first.length * second.length);
}

/** Holm's correction: p values of several questions asked at once, each made so much larger that one answer in all stays honest. */
export function holm(values: readonly number[]): number[] {
  const order = values.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p);
  const corrected = values.map(() => 1);
  let largest = 0;
  order.forEach(({ p, index }, place) => {
    largest = Math.max(largest, Math.min(1, p * (values.length - place)));
    corrected[index] = largest;
  });
  return corrected;
}

/** Twice the rank of each value, so that shared ranks stay whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2);
}

/** In how many ways each sum comes about: of all subsets of `ranks`, or of those with `size` members. */
function subsetSums(ranks: readonly number[], size?: number): Map<number, number> {
  const bySize: Map<number, number>[] = [new Map([[0, 1]])];
  ranks.forEach((rank) => {
    const groups = size === undefined ? 1 : Math.min(bySize.length + 1, size + 1);
    for (let group = groups - 1; group >= 0; group--) {
      const from = size === undefined ? bySize[0] : bySize[group - 1];
      const grown = new Map(bySize[group] ?? []);
      for (const [sum, ways] of from ?? []) grown.set(sum + rank, (grown.get(sum + rank) ?? 0) + ways);
      bySize[group] = grown;
    }
  });
  return bySize[size ?? 0] ?? new Map();
}

function shareUpTo(sums: ReadonlyMap<number, number>, bound: number): number {
  let below = 0;
  let all = 0;
  for (const [sum, ways] of sums) {
    all += ways;
    if (sum <= bound) below += ways;
  }
  return below / all;
}

/** Both tails of the normal distribution beyond `distance` (Abramowitz and Stegun 7.1.26, error below 1.5e-7). */
function normalTwoSided(distance: number): number {
  const x = Math.max(0, distance) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.min(1, poly * Math.exp(-x * x));
}
