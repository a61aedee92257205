/**
 * What a failed run looks like to a person: which promise, how to bring it back, what happened last.
 *
 * Invariant: the report names the seed.
 */
import type { Outcome } from './simulate.ts';

/** @param kind the option that chooses it */
export function report({ seed, violations, trace, settings }: Outcome, kind = ''): string {
  return [
    ...trace,
    `settings: ${JSON.stringify(settings)}`,
    ...violations.slice(0, 3).map(({ check, what }) => `BROKEN ${check}: ${what}`),
    `seed ${seed} failed; again: npm run sim -- ${kind}--seed ${seed}`,
  ].join('\n');
}
