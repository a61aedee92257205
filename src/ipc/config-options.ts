/**
 * What the rooms below are told of `ipc.config`, each time that a server or a client starts.
 *
 * Invariant: a setting with an impossible value is ERR_RINGWIRE_BAD_CONFIG, and is named in it.
 */
import { isStruct } from '../codecs/struct/struct.ts';
import type { WireKind } from '../connection/wire.ts';
import type { ContextOptions } from '../endpoints/context.ts';
import type { DatagramOptions } from '../endpoints/datagram-options.ts';
import type { RetryRules } from '../endpoints/retry.ts';
import type { Config } from './config.ts';
import { badConfig, limitsOf, slowConsumerOf } from './config-limits.ts';

function truthy(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => Boolean(value)));
}

const CODECS: readonly unknown[] = ['json', 'msgpack', 'raw', 'struct'];
const RECEIVE_MODES: readonly unknown[] = ['copy', 'view', 'frame'];

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG and what the context finds, naming the setting to change */
export function contextOptions(config: Config, followPeer: boolean): ContextOptions {
  const codec = config.codec ?? undefined;
  if (codec !== undefined && !CODECS.includes(codec)) {
    throw badConfig(
      `config.codec must be 'json', 'msgpack', 'raw' or 'struct', not ${JSON.stringify(codec)}`,
    );
  }
  if (codec !== undefined && config.rawBuffer && !followPeer) {
    throw badConfig(
      "config.rawBuffer and config.codec exclude each other: for framed bytes use codec 'raw' and rawBuffer false",
    );
  }
  if (!RECEIVE_MODES.includes(config.receive)) {
    throw badConfig(
      `config.receive must be 'copy', 'view' or 'frame', not ${JSON.stringify(config.receive)}`,
    );
  }
  for (const [event, struct] of Object.entries(config.structs)) {
    if (!isStruct(struct)) throw badConfig(`config.structs.${event} must be what defineStruct returns`);
  }
  if (codec === 'struct' && Object.keys(config.structs).length === 0) {
    throw badConfig("config.codec 'struct' needs config.structs, a struct for each event");
  }
  if (!Buffer.isEncoding(config.encoding))
    throw badConfig(`config.encoding ${JSON.stringify(config.encoding)} is unknown`);
  if (config.ack) checkAck(config);
  return {
    id: String(config.id),
    limits: limitsOf(config, followPeer),
    slowConsumer: slowConsumerOf(config),
    keyOf: config.slowConsumerKey,
    receive: config.receive,
    encoding: config.encoding,
    codec: codec ?? 'json',
    followPeer,
    delimiter: config.delimiter,
    events: config.events,
    structs: config.structs,
    ack: config.ack,
    poison: process.env['RINGWIRE_POISON'] === '1',
  };
}

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG for what cannot be acknowledged */
function checkAck({ rawBuffer, sync, slowConsumer }: Config): void {
  if (rawBuffer) throw badConfig('config.ack needs messages, and config.rawBuffer has none');
  if (sync) throw badConfig('config.ack and config.sync exclude each other');
  if (slowConsumer !== 'drop-newest') {
    throw badConfig(`config.ack keeps every message, config.slowConsumer '${slowConsumer}' gives some up`);
  }
}

/** The wire in which a client speaks, or a server to those who have said nothing yet. */
export function wireOf(config: Config, isServer: boolean): WireKind {
  if (config.rawBuffer) return 'unframed';
  return config.ack || (config.codec !== undefined && !isServer) ? 'binary' : 'delimited';
}

/** What a UDP server needs. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function datagramOptions(
  config: Config,
  type: 'udp4' | 'udp6',
  host: string,
  port: number,
): DatagramOptions {
  if (config.ack) throw badConfig('config.ack is for streams: datagrams are not acknowledged');
  const { codec, structs = {}, receive, encoding, delimiter, events } = contextOptions(config, false);
  return {
    type,
    host,
    port,
    wire: wireOf(config, false),
    codec,
    structs,
    receive,
    encoding,
    delimiter,
    agreed: events,
    settings: config.udp,
  };
}

/** The rules for trying again, as node-ipc's documentation states them. */
export function retryRules(config: Config): RetryRules {
  const { maxRetries, stopRetrying, retryMax } = config;
  return {
    delayMs: config.retry,
    attemptsMax: Math.min(bound(maxRetries), bound(stopRetrying)),
    stopped: stopRetrying === true,
    backoffMsMax: typeof retryMax === 'number' ? retryMax : undefined,
  };
}

export function retryBound(config: Config): number {
  return Math.min(bound(config.maxRetries), bound(config.stopRetrying));
}

/** The options of net.connect that node-ipc lets programs choose. */
export function interfaceOptions(config: Config): Record<string, unknown> {
  return { ...truthy(config.interface), ...truthy(config.interfaces) };
}

function bound(value: number | boolean): number {
  return typeof value === 'number' ? value : Infinity;
}
