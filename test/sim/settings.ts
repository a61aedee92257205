/**
 * How the endpoints of one run are set up: drawn from the seed, so that bounds are small enough to be reached and deadlines short enough to come.
 *
 * Invariant: both sides of a run have the same settings.
 */
import type { SlowConsumerPolicy } from '../../src/limits.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts';
import type { ReceiveMode } from '../../src/codecs/raw.ts';
import type { Chance } from './faults.ts';
import type { Body } from './messages.ts';

export interface Settings {
  readonly clients: number;
  readonly codec: Body;
  readonly receive: ReceiveMode;
  readonly slowConsumer: SlowConsumerPolicy;
  readonly limits: Limits;
  readonly reconnect: { readonly delayMs: number; readonly delayMsMax: number };
  /** Accepted sockets read by `onread`; otherwise by 'data'. */
  readonly rewrap: boolean;
  readonly maxConnections: number;
  /** Mean milliseconds between two things that a program does. */
  readonly paceMs: number;
  /** How long things go wrong, in milliseconds. */
  readonly stormMs: number;
  /** Messages in a burst, at most. */
  readonly burst: number;
  /** How often a program that is told to wait does. */
  readonly patience: number;
  /** Large messages. */
  readonly heavy: boolean;
}

export function drawSettings(chance: Chance): Settings {
  const { random } = chance;
  const pendingBytesSoft = random.pick([2_000, 20_000, 200_000, DEFAULT_LIMITS.pendingBytesSoft]);
  const clients = chance.between(1, 3);
  const stormMs = random.pick([500, 2_000, 8_000]);
  return {
    clients,
    codec: random.pick(['raw', 'msgpack', 'json']),
    receive: chance.hits(0.1) ? 'view' : 'copy',
    slowConsumer: random.pick(['drop-newest', 'drop-newest', 'disconnect', 'drop-oldest', 'latest']),
    limits: {
      ...DEFAULT_LIMITS,
      frameBytesMax: 1024 * 1024,
      pendingBytesSoft,
      pendingBytesMax: pendingBytesSoft * random.pick([1, 4, 64]),
      totalPendingBytesMax: random.pick([200_000, 1_000_000, DEFAULT_LIMITS.totalPendingBytesMax]),
      writeStallTimeoutMs: random.pick([500, 5_000, Infinity]),
      frameTimeoutMs: random.pick([2_000, 30_000]),
      heartbeatMs: random.pick([200, 1_000, 15_000]),
      handshakeTimeoutMs: random.pick([1_000, 5_000]),
      requestTimeoutMs: random.pick([500, 5_000, 30_000]),
      requestsOpenMax: random.pick([1, 4, 1_024]),
      turnBytesMax: random.pick([1_000, 20_000, DEFAULT_LIMITS.turnBytesMax]),
      turnMessagesMax: random.pick([3, 100, DEFAULT_LIMITS.turnMessagesMax]),
    },
    reconnect: { delayMs: random.pick([10, 500]), delayMsMax: random.pick([500, 5_000]) },
    rewrap: chance.hits(0.7),
    maxConnections: chance.hits(0.1) ? clients : 1_000,
    paceMs: stormMs / random.pick([4, 10, 20]),
    stormMs,
    burst: random.pick([2, 10, 80]),
    patience: random.pick([0, 0.5, 1]),
    heavy: chance.hits(0.15),
  };
}
