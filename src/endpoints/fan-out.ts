/**
 * One message to many connections of an endpoint, encoded once for each wire and codec in use.
 *
 * Invariant: when the message cannot be encoded, or nobody accepts one so large, nothing is sent to anybody; a peer that cannot take it does not
 * keep it from the others.
 */
import type { Connection } from '../connection/connection.ts';
import type { SharedMessage } from '../connection/shared-message.ts';

/** A connection, or what waits for one. */
export type Outlet = Pick<Connection, 'wire' | 'share' | 'sendShared' | 'origin'>;

/**
 * @param outlets asked for twice
 * @param failed is told of each that refused the message
 * @returns false when any peer is slow
 * @throws what `Connection.share` throws
 */
export function fanOut(
  outlets: () => Iterable<Outlet>,
  event: string,
  data: unknown,
  failed: (error: Error, outlet: Outlet) => void,
): boolean {
  // One that accepts little must not keep a message from the others.
  const widest = new Map<string, Outlet>();
  for (const outlet of outlets()) {
    const { sharingKey, bytesMax } = outlet.wire;
    if (bytesMax > (widest.get(sharingKey)?.wire.bytesMax ?? -1)) widest.set(sharingKey, outlet);
  }
  const messages = new Map<string, SharedMessage>();
  for (const [key, outlet] of widest) messages.set(key, outlet.share(event, data));
  let ready = true;
  for (const outlet of outlets()) {
    try {
      ready = outlet.sendShared(messages.get(outlet.wire.sharingKey) as SharedMessage) && ready;
    } catch (error) {
      ready = false;
      failed(error as Error, outlet);
    }
  }
  return ready;
}
