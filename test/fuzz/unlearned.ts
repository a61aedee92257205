/**
 * Codecs that learn nothing of the messages they see, so that one can stand for all those that know nothing yet.
 *
 * Invariant: they do what a codec of the default limits does with its first message.
 */
import type { ValueLimits } from '../../src/codecs/value-limits.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';

/** While it is made its limits allow no message at all, so none is small enough to be learned from; they are the default ones from then on. */
export function unlearned<T>(make: (limits: ValueLimits) => T): T {
  const limits = { depthMax: 0, elementsMax: 0, keysMax: 0 };
  const codec = make(limits);
  Object.assign(limits, DEFAULT_LIMITS);
  return codec;
}
