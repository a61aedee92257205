/**
 * From the settings that bound things to the limits of an endpoint. Times are milliseconds, and `false` where a deadline may be left out.
 *
 * Invariant: every limit of an endpoint is a checked number; a setting that is none is named in the error.
 */
import { RingwireError } from '../errors.ts';
import {
  DEFAULT_LIMITS,
  EVENT_NAME_BYTES_MAX,
  FRAME_BYTES_CEILING,
  FRAME_BYTES_FLOOR,
  type Limits,
  SLOW_CONSUMER_POLICIES,
  type SlowConsumerPolicy,
} from '../limits.ts';
import type { Config } from './config.ts';

const TIME_MAX: number = 2 ** 31 - 1;
/** Counts of the wire go round at 2^32. */
const COUNT_MAX: number = 2 ** 31 - 1;

/** Names of settings whose values are numbers, or perhaps false. */
type Bound = {
  [Name in keyof Config]: Config[Name] extends number | false ? Name : never;
}[keyof Config];

/**
 * @param isServer a server cuts clients that take nothing, because it keeps memory for each of them. A client has one server and one bound
 *   on what waits for it: it has nothing to gain from cutting
 * @throws RingwireError ERR_RINGWIRE_BAD_CONFIG
 */
export function limitsOf(config: Config, isServer: boolean): Limits {
  return {
    ...DEFAULT_LIMITS,
    frameBytesMax: number(config, 'maxMessageSize', FRAME_BYTES_FLOOR, FRAME_BYTES_CEILING),
    depthMax: number(config, 'maxDepth', 1),
    elementsMax: number(config, 'maxElements', 1),
    keysMax: number(config, 'maxKeys', 1),
    eventNameBytesMax: number(config, 'maxEventNameBytes', 1, EVENT_NAME_BYTES_MAX),
    pendingBytesMax: number(config, 'maxPendingBytes', 1),
    pendingBytesSoft: number(config, 'highWaterMark', 1, config.maxPendingBytes),
    totalPendingBytesMax: totalPendingBytesMax(config),
    writeStallTimeoutMs: isServer ? time(config, 'writeStallTimeout') : Infinity,
    frameTimeoutMs: time(config, 'frameTimeout'),
    frameProgressBytesMin: number(config, 'minFrameProgress', 1),
    heartbeatMs: time(config, 'heartbeat'),
    heartbeatMissesMax: number(config, 'maxHeartbeatMisses', 1),
    stableMs: number(config, 'stableTime', 1, TIME_MAX),
    floodTimeoutMs: time(config, 'floodTimeout'),
    ackBytesMax: number(config, 'maxAckBytes', 1),
    ackCountMax: number(config, 'maxAckMessages', 1, COUNT_MAX),
    sessionTtlMs: number(config, 'sessionTimeout', 1, TIME_MAX),
    sessionsMax: number(config, 'maxSessions', 0),
    turnBytesMax: number(config, 'maxTurnBytes', 1),
    turnMessagesMax: number(config, 'maxTurnMessages', 1),
    turnTimeMsMax: number(config, 'maxTurnTime', 0),
    handshakeTimeoutMs: number(config, 'handshakeTimeout', 1, TIME_MAX),
    syncTimeoutMs: number(config, 'syncTimeout', 1, TIME_MAX),
  };
}

export function totalPendingBytesMax(config: Config): number {
  return number(config, 'maxTotalPendingBytes', 1);
}

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function slowConsumerOf(config: Config): SlowConsumerPolicy {
  const { slowConsumer, rawBuffer } = config;
  if (!SLOW_CONSUMER_POLICIES.includes(slowConsumer)) {
    throw badConfig(
      `config.slowConsumer must be 'disconnect', 'drop-newest', 'drop-oldest' or 'latest', not ${String(slowConsumer)}`,
    );
  }
  if (rawBuffer && (slowConsumer === 'drop-oldest' || slowConsumer === 'latest')) {
    throw badConfig(`config.rawBuffer has no messages that '${slowConsumer}' could drop`);
  }
  return slowConsumer;
}

export function badConfig(message: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BAD_CONFIG', message);
}

function time(config: Config, name: Bound): number {
  return config[name] === false ? Infinity : number(config, name, 1, TIME_MAX, ', or false');
}

function number(config: Config, name: Bound, least: number, most = Infinity, orElse = ''): number {
  const value: unknown = config[name];
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw badConfig(`config.${name} must be a number from ${least} to ${most}${orElse}, not ${String(value)}`);
}
