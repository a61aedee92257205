/**
 * One message to many, datagram by datagram: each is written for its peer, in the wire and the codec that it uses.
 *
 * Invariant: a peer that cannot be sent the message does not keep it from the others; when none was, the first reason that was not told is thrown.
 */

/**
 * @param send says undefined when it was not sent, and that has been told
 * @param failed is told of those that could not be sent it
 * @returns false when much waits for one of them, or it could not be sent to one
 */
export function sendToEach<T>(
  targets: Iterable<T>,
  send: (target: T) => boolean | undefined,
  failed: (target: T, error: Error) => void,
): boolean {
  let ready = true;
  let isSent = false;
  const faults: [target: T, error: Error][] = [];
  for (const target of targets) {
    try {
      const more = send(target);
      ready = more === true && ready;
      isSent ||= more !== undefined;
    } catch (error) {
      faults.push([target, error as Error]);
    }
  }
  const [first] = faults;
  if (first === undefined) return ready;
  if (!isSent) throw first[1];
  for (const [target, error] of faults) failed(target, error);
  return false;
}
