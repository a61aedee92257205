/**
 * Gives accepted sockets the `onread` option, which Node offers to clients only: the accepted handle is wrapped a second time.
 * That leans on an undocumented option of net.Socket, so it is tried once per listener with a real socket and given up for good if
 * anything is not as expected; the 'data' event then does the same job a little slower.
 *
 * Invariant: a handle belongs to exactly one socket, and the server counts it exactly once.
 */
import net from 'node:net';
import { onreadOptions, type TransportHandlers } from './stream.ts';

/** What this file relies on in a net.Socket beside its public interface. */
interface Internals {
  _handle: { useUserBuffer?: unknown } | null;
  _server?: unknown;
  server?: unknown;
}

/** Whether handles of this kind can be wrapped again. */
export function canRewrap(accepted: net.Socket): boolean {
  const handle = (accepted as unknown as Internals)._handle;
  return handle !== null && typeof handle?.useUserBuffer === 'function' && '_server' in accepted;
}

/**
 * A socket with `onread` on the handle of `accepted`, which must come from a server with `pauseOnConnect` and is empty afterwards.
 */
export function rewrap(
  accepted: net.Socket,
  handlers: Pick<TransportHandlers, 'receiving' | 'received'>,
): net.Socket {
  const from = accepted as unknown as Internals;
  const options = { handle: from._handle, allowHalfOpen: true, onread: onreadOptions(handlers) };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  const to = socket as unknown as Internals;
  // The server counts a connection down when the socket that names it closes.
  to._server = from._server;
  to.server = from.server;
  from._handle = null;
  from._server = null;
  return socket;
}
