/**
 * The checks that options share, and what is said of a value that will not do.
 *
 * Invariant: a text of a program's is cut before it is shown.
 */
import { RingwireError } from '../errors.ts';

/** A time that a program gives, 0 for no end. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function timeoutOf(value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= 0))
    throw badOption(`timeout must be milliseconds, not ${shown(value)}`);
  return value === 0 ? Infinity : value;
}

export function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && value >= least && value <= most) return;
  throw badOption(`${name} must be a number from ${least} to ${most}, not ${shown(value)}`);
}

export function badOption(message: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BAD_CONFIG', message);
}

export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}
