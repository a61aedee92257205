/**
 * What happens to an endpoint, for the program's logger and for `NODE_DEBUG=ringwire`. Silent unless one of them is there.
 *
 * Invariant: a line has names, addresses, codes and reasons; never data of messages, never keys.
 */
import util from 'node:util';
import type { Emitter } from '../emitter.ts';

/** What pino, and loggers like it, have: the fields first, then the text. */
export interface Logger {
  /** A peer has room again. */
  debug(fields: object, text: string): void;
  /** A connection has come or gone, an endpoint is closed. */
  info(fields: object, text: string): void;
  /** Something was refused or failed. */
  warn(fields: object, text: string): void;
  /** Nothing is written at this level yet. */
  error(fields: object, text: string): void;
}

type Level = keyof Logger;

const debug: ReturnType<typeof util.debuglog> = util.debuglog('ringwire');
const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** Of lifecycle events: the level, and where the peer and the error stand among the arguments. */
const EVENTS: Readonly<Record<string, readonly [level: Level, peer: number, error: number]>> = {
  connect: ['info', 0, -1],
  disconnect: ['info', 0, 1],
  error: ['warn', 1, 0],
  drain: ['debug', 0, -1],
  close: ['info', -1, -1],
};
/** Of a client: there is one peer, which is not told. */
const CLIENT_EVENTS: typeof EVENTS = {
  ...EVENTS,
  disconnect: ['info', -1, 0],
  error: ['warn', -1, 0],
};

export function isLogger(value: unknown): value is Logger {
  return (
    typeof value === 'object' &&
    value !== null &&
    LEVELS.every((level) => typeof (value as Record<string, unknown>)[level] === 'function')
  );
}

/** Writes what `lifecycle` says from now on. @param address asked for when there is something to write */
export function logLifecycle(
  lifecycle: Emitter,
  logger: Logger | undefined,
  side: 'client' | 'server',
  address: () => string,
): void {
  if (logger === undefined && !debug.enabled) return;
  for (const [event, [level, peerAt, errorAt]] of Object.entries(
    side === 'client' ? CLIENT_EVENTS : EVENTS,
  )) {
    lifecycle.on(event, (...args: unknown[]) => {
      const peer = args[peerAt] as { id?: string } | undefined;
      const error = args[errorAt] as { code?: unknown; message?: string } | undefined;
      const fields = {
        side,
        address: address(),
        ...(peer?.id !== undefined && { peer: peer.id }),
        ...(error !== undefined && { code: error.code, reason: error.message }),
      };
      logger?.[level](fields, `ringwire ${event}`);
      debug('%s %j', event, fields);
    });
  }
}
