/**
 * How small a difference can this machine tell? The same loop is measured as A and as B in turns, A B B A: whatever difference appears is
 * noise, and its spread says what a number of rounds could detect.
 *
 * Invariant: A and B are the same code, called from the same place.
 */
import { bootstrap, centre, type Interval, quantile, signedRankTest } from './statistics.ts';

export interface SelfTest {
  readonly rounds: number;
  /** Standard deviation of a round's log ratio, from its quartiles so that single wild rounds do not count. */
  readonly spread: number;
  /** Of B / A: 1 lies inside when all is well. */
  readonly interval: Interval;
  /** How likely so one-sided rounds are when A and B are the same, which they are. */
  readonly p: number;
  /** Per number of rounds the smallest difference (0.05: 5 percent) that is seen four times of five; undefined: none ever is. */
  readonly detectable: readonly { readonly rounds: number; readonly difference: number | undefined }[];
}

const ROUNDS = 40;
const WARM_UP_ROUNDS = 5;
/** Some milliseconds: long against the clock, short against what disturbs it. */
const LOOP_STEPS = 3_000_000;
const QUESTIONS: readonly number[] = [5, 10, 20, 40];
const ALPHA = 0.05;
/** Quantiles of the normal distribution: 97.5 percent for the interval, 80 percent for the chance of seeing a difference. */
const Z_INTERVAL = 1.96;
const Z_POWER = 0.842;
/** Quartiles of a normal distribution lie this many standard deviations apart. */
const QUARTILES_APART = 1.349;

/** Takes one to two seconds of processor time. */
export function runSelfTest(): SelfTest {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) measureRound();
  return judge(Array.from({ length: ROUNDS }, measureRound));
}

/** @param ratios the logarithm of B / A of each round */
export function judge(ratios: readonly number[]): SelfTest {
  const { low, high } = bootstrap([ratios], (values) => centre(values ?? []));
  return {
    rounds: ratios.length,
    spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / QUARTILES_APART,
    interval: { low: Math.exp(low), high: Math.exp(high) },
    p: signedRankTest(ratios),
    detectable: QUESTIONS.map((rounds) => ({
      rounds,
      difference: smallestDifference((high - low) / 2, ratios.length, rounds),
    })),
  };
}

/**
 * The interval of the Hodges-Lehmann centre shrinks with the root of the rounds. A difference is seen with a chance of 80 percent when it is
 * (1.96 + 0.84) / 1.96 times half as wide as the interval, and a little more with few rounds, which do not know their spread well.
 */
function smallestDifference(halfWidth: number, measured: number, rounds: number): number | undefined {
  // With very few rounds even a perfectly one-sided outcome may be chance.
  if (signedRankTest(Array.from({ length: rounds }, (_, index) => index + 1)) >= ALPHA) return undefined;
  const standardError = (halfWidth / Z_INTERVAL) * Math.sqrt(measured / rounds);
  return Math.exp(standardError * (student(Z_INTERVAL, rounds - 1) + student(Z_POWER, rounds - 1))) - 1;
}

/** The quantile of Student's t that belongs to the normal one, from the first term of its expansion (Abramowitz and Stegun 26.7.5). */
function student(normal: number, degrees: number): number {
  return normal + (normal ** 3 + normal) / (4 * degrees);
}

function measureRound(): number {
  const [first, second, third, fourth] = [timeLoop(), timeLoop(), timeLoop(), timeLoop()];
  return Math.log((second + third) / (first + fourth));
}

function timeLoop(): number {
  const start = process.hrtime.bigint();
  let state = 1;
  for (let step = 0; step < LOOP_STEPS; step++)
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + step) | 0;
  const elapsed = Number(process.hrtime.bigint() - start);
  // An optimizer may leave out a loop whose outcome nobody uses: here it decides about a nanosecond.
  return state === 0 ? elapsed + 1 : elapsed;
}
