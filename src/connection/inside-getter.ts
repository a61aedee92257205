/**
 * Why a getter cannot send: the message that asks it for its value is being written, and the other one would lie in the same place.
 */
import { RingwireError } from '../errors.ts';

export function insideGetter(): RingwireError {
  return new RingwireError(
    'ERR_RINGWIRE_INVALID_STRUCT',
    'a getter of a value sends a message while that value is being written',
  );
}
