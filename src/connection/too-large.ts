/** What is thrown for a message above the limit that holds for it, the peer's or this side's own. */
import { RingwireError } from '../errors.ts';

export function payloadTooLarge(actual: number, limit: number): RingwireError {
  const message = `a payload of ${actual} bytes, the peer accepts ${limit}`;
  return new RingwireError('ERR_RINGWIRE_FRAME_TOO_LARGE', message, { limit, actual });
}
