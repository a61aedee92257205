/**
 * One message to many connections of an endpoint, encoded once for each wire and codec in use.
 *
 * Invariant: when the message cannot be encoded nothing is sent to anybody; a peer that cannot take it does not keep it from the others.
 */
import type { Connection } from '../connection/connection.ts';
import type { SharedMessage } from '../connection/shared-message.ts';

/**
 * @param connections asked for twice
 * @param failed is told of each connection that refused the message
 * @returns false when any peer is slow
 * @throws what `Connection.share` throws
 */
export function fanOut(
  connections: () => Iterable<Connection>,
  event: string,
  data: unknown,
  failed: (error: Error, connection: Connection) => void,
): boolean {
  const messages = new Map<string, SharedMessage>();
  for (const connection of connections()) {
    const key = connection.wire.sharingKey;
    if (!messages.has(key)) messages.set(key, connection.share(event, data));
  }
  let ready = true;
  for (const connection of connections()) {
    try {
      ready = connection.sendShared(messages.get(connection.wire.sharingKey) as SharedMessage) && ready;
    } catch (error) {
      ready = false;
      failed(error as Error, connection);
    }
  }
  return ready;
}
