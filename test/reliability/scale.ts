/**
 * How much of a row runs here: a count that fits into `npm test`, or with RINGWIRE_FULL=1 the count that RELIABILITY.md names.
 *
 * Invariant: a run that was scaled down says so.
 */
import type { TestContext } from 'node:test';

export const FULL: boolean = process.env['RINGWIRE_FULL'] === '1';

/** @returns `full` when everything is asked for, `here` otherwise */
export function scaled(test: Pick<TestContext, 'diagnostic'>, here: number, full: number): number {
  if (FULL || here >= full) return full;
  test.diagnostic(`${here} of ${full}; RINGWIRE_FULL=1 runs all`);
  return here;
}
