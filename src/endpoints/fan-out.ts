/**
 * One message to many connections of an endpoint, encoded once for each wire and codec in use.
 *
 * Invariant: when the message cannot be sent at all, nothing is; peers that cannot take it, by its size or by the codec that they chose, do not keep
 * it from the others.
 */
import type { Connection } from '../connection/connection.ts';
import { isPeersDoing } from '../connection/sender.ts';
import type { SharedMessage } from '../connection/shared-message.ts';

/** A connection, or what waits for one. */
export type Outlet = Pick<Connection, 'wire' | 'share' | 'sendShared' | 'origin'>;

/**
 * @param outlets asked for twice
 * @param failed is told of each that refused the message
 * @returns false when any peer is slow
 * @throws what `Connection.share` throws when nobody can be sent it, and not because of what the peers chose
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
  const faults = new Map<string, Error>();
  for (const [key, outlet] of widest) {
    try {
      messages.set(key, outlet.share(event, data));
    } catch (error) {
      faults.set(key, error as Error);
    }
  }
  if (messages.size === 0) {
    for (const [key, fault] of faults)
      if (!isPeersDoing((widest.get(key) as Outlet).wire, event, fault)) throw fault;
  }
  let ready = true;
  for (const outlet of outlets()) {
    const { sharingKey } = outlet.wire;
    const fault = faults.get(sharingKey);
    if (fault !== undefined) {
      ready = false;
      failed(fault, outlet);
      continue;
    }
    try {
      ready = outlet.sendShared(messages.get(sharingKey) as SharedMessage) && ready;
    } catch (error) {
      ready = false;
      failed(error as Error, outlet);
    }
  }
  return ready;
}
