/**
 * The options of `listen` and `connect`, their defaults, and what the rooms below are told of them.
 *
 * Invariant: an option with an impossible value is ERR_RINGWIRE_BAD_CONFIG before anything is opened.
 */
import os from 'node:os';
import type { CodecName } from '../codecs/codec.ts';
import type { ReceiveMode } from '../codecs/raw.ts';
import type { ContextOptions } from '../endpoints/context.ts';
import { Feature } from '../frames/control.ts';
import {
  DEFAULT_LIMITS,
  ENDLESS_LIMITS,
  FRAME_BYTES_CEILING,
  FRAME_BYTES_FLOOR,
  type Limits,
  RETRY_MS,
  RETRY_MS_MAX,
  SLOW_CONSUMER_POLICIES,
  type SlowConsumerPolicy,
} from '../limits.ts';
import type { TlsSettings } from '../transports/tls-options.ts';
import { isLogger, type Logger } from './log.ts';
import { badOption, checkNumber, shown } from './option-checks.ts';
import { agreedIds, eventCodecs, type Protocol } from './protocol.ts';
import type { RequestTracer } from './requests/tracing.ts';

export interface EndpointOptions {
  /** What this side calls itself in a hello; the host's name unless said otherwise. Proves nothing. */
  readonly id?: string;
  /** Of everything that has no codec of its own: 'msgpack' unless said otherwise. A server answers each peer in the peer's. */
  readonly codec?: CodecName;
  /** How raw messages and structs are received: your own copy (the default), a lent view, or the lent frame. */
  readonly receive?: ReceiveMode;
  /** Check data against the schemas of the protocol, in both directions. Off unless asked for. */
  readonly validate?: boolean;
  readonly limits?: Partial<Limits>;
  /** What happens above `limits.pendingBytesMax`: 'drop-newest' unless said otherwise, 'disconnect', 'drop-oldest', 'latest'. */
  readonly slowConsumer?: SlowConsumerPolicy;
  /** With 'latest': messages of one key replace each other. Without it the event is the key. */
  readonly slowConsumerKey?: (event: string, data: unknown) => string;
  /**
   * Messages are acknowledged in both directions, and what was not is sent again on the next connection, once. Both sides have to ask for it:
   * a peer that does not is refused with ERR_RINGWIRE_ACK_UNSUPPORTED.
   */
  readonly ack?: boolean;
  /** Errors of handlers reach the asker with their stack. Off: stacks name paths. */
  readonly exposeStacks?: boolean;
  /** Told of connections and errors, as pino is. Silent unless it is set, or `NODE_DEBUG=ringwire`. Never sees data or keys. */
  readonly logger?: Logger;
  /** Follows requests; `ringwire/otel` makes one. */
  readonly tracer?: RequestTracer;
  /** For tls: addresses. Both ends verify unless you write `rejectUnauthorized: false`. */
  readonly tls?: TlsSettings;
  /** Closes the endpoint when it is aborted; the promise of `listen` or `connect` then fails with its reason. */
  readonly signal?: AbortSignal;
}

/** What `listen` takes. */
export interface ListenOptions extends EndpointOptions {
  /** Milliseconds until it has to listen, 10,000 unless said otherwise; 0 or Infinity: no end. */
  readonly timeout?: number;
  /** 1,000 unless said otherwise. */
  readonly maxConnections?: number;
  /** Open a local socket to all users. */
  readonly readableAll?: boolean;
  readonly writableAll?: boolean;
  /** Answer `ringwire top`. Off: it tells everybody who may connect who else is there, and how much each of them says. */
  readonly inspect?: boolean;
}

/** How a lost connection is restored. */
export interface ReconnectOptions {
  /** The longest first pause in milliseconds, 500 unless said otherwise. Pauses double and are drawn at random from zero on. */
  readonly delayMs?: number;
  /** The longest pause, 30,000 unless said otherwise. */
  readonly delayMsMax?: number;
  /** Tries after a disconnect; no end unless said otherwise. */
  readonly attemptsMax?: number;
}

/** What `connect` takes. */
export interface ConnectOptions extends EndpointOptions {
  /** Milliseconds until the connection has to stand, 10,000 unless said otherwise; 0 or Infinity: no end. */
  readonly timeout?: number;
  /** Try again until the server is there, instead of failing with the first try. */
  readonly wait?: boolean;
  /** How a lost connection is restored; false: it is not. */
  readonly reconnect?: boolean | ReconnectOptions;
}

export interface WithProtocol<P extends Protocol> {
  readonly protocol: P;
}

const CODECS: readonly unknown[] = ['json', 'msgpack', 'raw'];
const RECEIVE_MODES: readonly unknown[] = ['copy', 'view', 'frame'];

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, naming the option */
export function contextOptions(
  options: EndpointOptions,
  protocol: Protocol,
  followPeer: boolean,
): ContextOptions {
  const { id = os.hostname(), codec = 'msgpack', receive = 'copy', slowConsumer = 'drop-newest' } = options;
  checkMeaning(options);
  if (!SLOW_CONSUMER_POLICIES.includes(slowConsumer)) {
    throw badOption(
      `slowConsumer must be one of ${SLOW_CONSUMER_POLICIES.join(', ')}, not ${shown(slowConsumer)}`,
    );
  }
  if (options.ack === true && slowConsumer !== 'drop-newest') {
    throw badOption(`ack keeps every message, slowConsumer '${slowConsumer}' gives some up`);
  }
  return {
    id: String(id),
    limits: limitsOf(options.limits ?? {}, followPeer),
    slowConsumer,
    keyOf: options.slowConsumerKey,
    receive,
    encoding: 'utf8',
    codec,
    followPeer,
    delimiter: '\f',
    events: agreedIds(protocol),
    eventCodecs: eventCodecs(protocol),
    features: Feature.requests,
    ack: options.ack === true,
    poison: process.env['RINGWIRE_POISON'] === '1',
  };
}

/** What every endpoint says of its messages. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function checkMeaning({
  codec = 'msgpack',
  receive = 'copy',
  logger,
}: Pick<EndpointOptions, 'codec' | 'logger' | 'receive'>): void {
  if (logger !== undefined && !isLogger(logger))
    throw badOption('logger must have the methods debug, info, warn and error');
  if (!CODECS.includes(codec))
    throw badOption(`codec must be 'json', 'msgpack' or 'raw', not ${shown(codec)}`);
  if (!RECEIVE_MODES.includes(receive)) {
    throw badOption(`receive must be 'copy', 'view' or 'frame', not ${shown(receive)}`);
  }
}

export function reconnectOf(reconnect: boolean | ReconnectOptions = true): Required<ReconnectOptions> {
  const {
    delayMs = RETRY_MS,
    delayMsMax = RETRY_MS_MAX,
    attemptsMax = Infinity,
  } = typeof reconnect === 'object' ? reconnect : {};
  checkNumber('reconnect.delayMs', delayMs, 0, 2 ** 31 - 1);
  checkNumber('reconnect.delayMsMax', delayMsMax, 0, 2 ** 31 - 1);
  checkNumber('reconnect.attemptsMax', attemptsMax, 0, Infinity);
  return { delayMs, delayMsMax, attemptsMax: reconnect === false ? 0 : attemptsMax };
}

function limitsOf(given: Partial<Limits>, isServer: boolean): Limits {
  const limits: Limits = { ...DEFAULT_LIMITS };
  // A server keeps memory for each client that takes nothing. A client has one server and one bound: it does not cut unless told to.
  if (!isServer) limits.writeStallTimeoutMs = Infinity;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw badOption(`limits.${name} is no limit`);
    if (value === undefined) continue;
    const isTime = name.endsWith('Ms') && !(ENDLESS_LIMITS.has(name) && value === Infinity);
    checkNumber(`limits.${name}`, value, 1, isTime ? 2 ** 31 - 1 : Infinity);
    limits[name as keyof Limits] = value;
  }
  checkNumber('limits.frameBytesMax', limits.frameBytesMax, FRAME_BYTES_FLOOR, FRAME_BYTES_CEILING);
  // Counts of the wire go round at 2^32.
  checkNumber('limits.ackCountMax', limits.ackCountMax, 1, 2 ** 31 - 1);
  checkNumber('limits.pendingBytesSoft', limits.pendingBytesSoft, 1, limits.pendingBytesMax);
  return limits;
}
