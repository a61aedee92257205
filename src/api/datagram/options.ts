/**
 * The options of `listen` and `connect` for udp: addresses, and what the datagram engine is told of them.
 *
 * Invariant: an option that means nothing to datagrams (`tls`, `reconnect`, `limits` ...) is refused by name: who sets it expects something of it.
 */
import net from 'node:net';
import { dns } from '../../loading.ts';
import type { CodecName } from '../../codecs/codec.ts';
import type { ReceiveMode } from '../../codecs/raw.ts';
import type { DatagramOptions, DatagramSettings } from '../../endpoints/datagram-options.ts';
import type { Place } from '../address.ts';
import type { Logger } from '../log.ts';
import { badOption } from '../option-checks.ts';
import { checkMeaning } from '../options.ts';
import { agreedIds, eventCodecs, eventRules, type Protocol } from '../protocol.ts';

/** What `listen` and `connect` take for udp: addresses. */
export interface UdpOptions {
  /** Of events that have no codec of their own: 'msgpack' unless said otherwise. Each peer is answered in its own. */
  readonly codec?: CodecName;
  /** How raw messages and structs are received: your own copy (the default), a lent view, or the lent frame. */
  readonly receive?: ReceiveMode;
  /** Check data against the schemas of the protocol, in both directions. Off unless asked for. */
  readonly validate?: boolean;
  /** Sizes, rules of events, peers, multicast, buffers. What `events` says of an event wins over the protocol. */
  readonly udp?: Omit<DatagramSettings, 'connect'>;
  /** Told of peers and errors, as pino is. Silent unless it is set, or `NODE_DEBUG=ringwire`. Never sees data. */
  readonly logger?: Logger;
  /** Milliseconds until the socket has to be open, 10,000 unless said otherwise; 0 or Infinity: no end. */
  readonly timeout?: number;
  /** Closes the endpoint when it is aborted; the promise of `listen` or `connect` then fails with its reason. */
  readonly signal?: AbortSignal;
}

export type UdpPlace = Place & { readonly kind: 'udp' };

const KNOWN: ReadonlySet<string> = new Set([
  'codec',
  'logger',
  'protocol',
  'receive',
  'signal',
  'timeout',
  'udp',
  'validate',
]);

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, naming the option */
export function checkUdpOptions(options: UdpOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !KNOWN.has(name)) throw badOption(`${name} means nothing to udp: addresses`);
  }
  checkMeaning(options);
  if (options.udp !== undefined && 'connect' in options.udp)
    throw badOption('udp.connect is what connect() does: give it the address');
}

/** A host's address as numbers, so that the kind of socket is known. Rejects with the error of the system. */
export async function resolved(host: string): Promise<{ address: string; isIpv6: boolean }> {
  const family = net.isIP(host.replace(/%.*$/, ''));
  if (family !== 0) return { address: host, isIpv6: family === 6 };
  const found = await dns().promises.lookup(host);
  return { address: found.address, isIpv6: found.family === 6 };
}

/** What the engine is told. `settings` may name the only peer. */
export function engineOptions(
  bind: { readonly address: string; readonly isIpv6: boolean; readonly port: number },
  { codec = 'msgpack', receive = 'copy', udp = {} }: UdpOptions,
  protocol: Protocol,
  connect?: DatagramSettings['connect'],
): DatagramOptions {
  const events = { ...eventRules(protocol), ...udp.events };
  return {
    type: bind.isIpv6 ? 'udp6' : 'udp4',
    host: bind.address,
    port: bind.port,
    wire: 'binary',
    oneWire: true,
    codec,
    structs: {},
    eventCodecs: eventCodecs(protocol),
    receive,
    encoding: 'utf8',
    delimiter: '\f',
    agreed: agreedIds(protocol),
    settings: { ...udp, events, ...(connect && { connect }) },
  };
}

/** An address of a group, or of everybody: answers come from other addresses. */
export function isMany(address: string, broadcast: boolean | undefined): boolean {
  if (broadcast === true) return true;
  if (address.includes(':')) return /^ff/i.test(address);
  const first = Number(address.split('.')[0]);
  return first >= 224 && first <= 239;
}
