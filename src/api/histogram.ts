/**
 * How long round trips take, in buckets of a width that grows with the value: eight for each doubling, so a figure is at most an eighth off.
 *
 * Invariant: `count` is the sum of all buckets; recording allocates nothing.
 */

/** Round trips in microseconds. */
export interface RoundTrips {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** How many took up to so many microseconds and longer than the bucket before, by doublings. Empty buckets are left out. */
  readonly buckets: readonly RoundTripBucket[];
}

/** How many round trips took so long. */
export interface RoundTripBucket {
  readonly upTo: number;
  readonly count: number;
}

const STEP_BITS = 3;
const STEPS = 8;
/** Up to 2^31 microseconds, more than half an hour. */
const BUCKETS = 256;

export class Histogram {
  readonly #buckets: Uint32Array = new Uint32Array(BUCKETS);
  #count = 0;
  #max = 0;

  record(microseconds: number): void {
    const value = microseconds < 2 ** 31 ? microseconds | 0 : 2 ** 31 - 1;
    const bucket = bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#count++;
    if (value > this.#max) this.#max = value;
  }

  addTo(other: Histogram): void {
    for (let at = 0; at < BUCKETS; at++)
      other.#buckets[at] = (other.#buckets[at] as number) + (this.#buckets[at] as number);
    other.#count += this.#count;
    other.#max = Math.max(other.#max, this.#max);
  }

  get roundTrips(): RoundTrips {
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => this.#percentile(share)) as [
      number,
      number,
      number,
    ];
    return { count: this.#count, p50, p90, p99, max: this.#max, buckets: this.#doublings() };
  }

  #doublings(): RoundTripBucket[] {
    const buckets: RoundTripBucket[] = [];
    for (let at = 0; at < BUCKETS; at += STEPS) {
      let count = 0;
      for (let bucket = at; bucket < at + STEPS; bucket++) count += this.#buckets[bucket] as number;
      if (count > 0) buckets.push({ upTo: lastOf(at + STEPS - 1), count });
    }
    return buckets;
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let bucket = 0; bucket < BUCKETS && left > 0; bucket++) {
      left -= this.#buckets[bucket] as number;
      if (left <= 0) return Math.min(lastOf(bucket), this.#max);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const shift = 31 - Math.clz32(value) - STEP_BITS;
  return ((shift + 1) << STEP_BITS) + ((value >>> shift) & (STEPS - 1));
}

/** The largest value of a bucket. */
function lastOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = (bucket >> STEP_BITS) - 1;
  return (((bucket & (STEPS - 1)) | STEPS) + 1) * 2 ** shift - 1;
}
