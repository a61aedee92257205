/**
 * What a datagram endpoint tells the face that it belongs to.
 *
 * Invariant: what is wrong with received datagrams is counted, and never an `error`.
 */
import type { MessageError } from '../errors.ts';
import type { RemoteInfo } from './datagram-link.ts';
import type { DatagramStats } from './datagram-stats.ts';

export interface DatagramHandlers {
  /** The socket is bound, and connected if it is to be. */
  started(): void;
  /** Each message, before its handlers run; only asked for when set. @returns an error when it must not reach them */
  received?: ((source: RemoteInfo, event: string, data: unknown) => MessageError | undefined) | undefined;
  /** Each decoded value, before its handlers. */
  identified(source: RemoteInfo, data: unknown): void;
  error(error: Error): void;
  drained(target: RemoteInfo): void;
  /** A peer is not remembered any more. */
  forgotten?: ((source: RemoteInfo) => void) | undefined;
  stats(stats: DatagramStats): void;
  closed(): void;
}
