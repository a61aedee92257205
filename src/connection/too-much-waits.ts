/**
 * What is said at the hard mark: that a message was not queued, or that the peer has lost its connection.
 */
import { RingwireError } from '../errors.ts';

/** @param actual bytes that wait @param isClosed the policy ends the connection */
export function tooMuchWaits(actual: number, limit: number, isClosed: boolean): RingwireError {
  const message = `${actual} bytes wait for the peer, ${limit} are allowed`;
  if (isClosed)
    return new RingwireError('ERR_RINGWIRE_SLOW_CONSUMER_BYTES', message, { limit, actual, closed: true });
  const advice = "the message was not queued; wait for 'drain'";
  return new RingwireError('ERR_RINGWIRE_BACKPRESSURE', `${message}: ${advice}`, { limit, actual });
}
