/**
 * How large the structure of one received value may be, whatever its codec, and what is said when it is larger.
 *
 * Invariant: the bounds are checked on bytes or text, before anything is built from them.
 */
import { MessageError } from '../errors.ts';
import type { Limits } from '../limits.ts';

export type ValueLimits = Pick<Limits, 'depthMax' | 'elementsMax' | 'keysMax'>;

export function tooDeep(what: string, limit: number): MessageError {
  return new MessageError('ERR_RINGWIRE_TOO_DEEP', `${what} that nests deeper than ${limit}`, { limit });
}

export function tooMany(what: 'elements' | 'keys', limit: number): MessageError {
  return new MessageError('ERR_RINGWIRE_TOO_MANY_ELEMENTS', `more than ${limit} ${what} in one message`, {
    limit,
  });
}
