/**
 * Why there are no requests over UDP: a datagram may be lost, and then nobody knows whether the request, its answer, or neither has come. A
 * request that "fails" would be one that may have been carried out, again and again; a stream tells.
 */
import { RingwireError } from '../../errors.ts';

export function noRequests(what: string): RingwireError {
  return new RingwireError(
    'ERR_RINGWIRE_UDP_UNSUPPORTED',
    `${what} needs a transport that repeats what is lost: UDP does its best and no more. Use a tcp:, tls: or local address, or answer with a message`,
  );
}
