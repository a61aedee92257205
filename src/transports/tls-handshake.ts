/**
 * The deadline of a TLS handshake, the same at both ends. Node gives servers one, under a name of its own, and clients none: a server that
 * accepts and says nothing would hold a client for ever.
 *
 * Invariant: after `secureConnect` or `close` no timer is left.
 */
import type net from 'node:net';
import { RingwireError } from '../errors.ts';

/** Ends a client's socket whose handshake takes longer than `limit` milliseconds from `connect` on. */
export function limitHandshake(socket: net.Socket, limit: number): void {
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => clearTimeout(timer);
  socket.once('connect', () => {
    timer = setTimeout(() => socket.destroy(lateHandshake(limit)), limit);
  });
  socket.once('secureConnect', end);
  socket.once('close', end);
}

/** What a server tells of a handshake that failed: a late one by ringwire's own name, others as they are. */
export function handshakeFault(error: NodeJS.ErrnoException, limit: number): Error {
  return error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? lateHandshake(limit, error) : error;
}

function lateHandshake(limit: number, cause?: Error): RingwireError {
  const message = `no TLS handshake within ${limit} ms`;
  return new RingwireError('ERR_RINGWIRE_HANDSHAKE_TIMEOUT', message, { limit, closed: true, cause });
}
