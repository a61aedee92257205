/**
 * Which messages of a peer reach the program's handlers, by the settings `reservedEvents` and `allowedEvents`.
 */
import { MessageError } from '../errors.ts';
import type { Config } from './config.ts';

/** Names under which a program hears what happens to a connection. */
const LIFECYCLE: ReadonlySet<string> = new Set([
  'start',
  'connect',
  'disconnect',
  'destroy',
  'close',
  'error',
  'data',
  'drain',
  'socket.disconnected',
]);

/** @returns undefined when every name is let in, the default */
export function eventGate(config: Config): ((event: string) => MessageError | undefined) | undefined {
  const allowed = config.allowedEvents && new Set(config.allowedEvents);
  const reject = config.reservedEvents === 'reject';
  if (allowed === undefined && !reject) return undefined;
  return (event) => {
    if (reject && !config.rawBuffer && LIFECYCLE.has(event)) {
      return new MessageError(
        'ERR_RINGWIRE_RESERVED_EVENT',
        `a peer sent a message named '${event}', the name of a lifecycle event`,
      );
    }
    if (allowed !== undefined && !allowed.has(event)) {
      return new MessageError(
        'ERR_RINGWIRE_EVENT_NOT_ALLOWED',
        'a peer sent a message that allowedEvents does not name',
      );
    }
    return undefined;
  };
}
