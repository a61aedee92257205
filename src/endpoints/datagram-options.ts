/**
 * What a datagram endpoint can be told, all of it optional, and the defaults.
 *
 * Invariant: a setting that is out of its bounds is refused by name; none is corrected silently.
 */
import type { AnyCodecName } from '../codecs/codec.ts';
import type { ReceiveMode } from '../codecs/raw.ts';
import type { Structs } from '../codecs/struct/codec.ts';
import type { AssemblyOptions } from '../connection/datagram-assembly.ts';
import type { EventRule } from '../connection/datagram-order.ts';
import type { SenderOptions } from '../connection/datagram-sender.ts';
import { RingwireError } from '../errors.ts';
import { DatagramFlag } from '../frames/datagram.ts';
import { DATAGRAM_BYTES_FLOOR, DATAGRAM_BYTES_MAX, DATAGRAM_LIMITS } from '../limits.ts';
import type { EventCodecs } from './event-codecs.ts';

/** `config.udp`: sizes of datagrams, rules of events, peers, buffers, multicast. docs/udp.md has the defaults. */
export interface DatagramSettings {
  /** Frames for one destination share datagrams up to this size, 1,200 to 65,507 bytes: 1,200. */
  datagramBytesMax?: number;
  /** How long frames may wait for company, in milliseconds; 0: to the end of the tick. */
  coalesceMs?: number;
  /** false: each message in a datagram of its own. */
  coalesce?: boolean;
  /** Session and time of sending in every datagram, 8 bytes, for restarts and jitter: true. */
  timing?: boolean;
  /** CRC-32 in every datagram, 8 bytes: false. */
  checksum?: boolean;
  /** Split frames that no datagram holds, and put together those of others: false. */
  fragment?: boolean;
  /** Largest frame that is split or put together: 1 MiB. */
  fragmentedBytesMax?: number;
  /** What unfinished frames of all sources may hold: 8 MiB. */
  fragmentsBytesMax?: number;
  fragmentDeadlineMs?: number;
  /** Mode, key and age of events, by name. */
  events?: Readonly<Record<string, EventRule>>;
  /** Peers that are remembered: 1,024. */
  peersMax?: number;
  /** For how long after they were heard, in milliseconds: 60,000. */
  peerTtlMs?: number;
  /** Most bytes to a source for each byte from it until it has echoed a token; 0: no limit. 3, and 0 towards peers in node-ipc's wire. */
  replyFactor?: number;
  /** Sizes that are asked of the system: 4 MiB each. */
  recvBufferBytes?: number;
  sendBufferBytes?: number;
  /** `emit` says false above this many bytes that wait for one destination, and drops above the second. */
  queueBytesSoft?: number;
  queueBytesMax?: number;
  /** What leaves in one turn of the event loop, each datagram with some 700 bytes of overhead: 4 MiB, and at most half of the granted receive buffer. */
  burstBytesMax?: number;
  reuseAddress?: boolean;
  /** Several sockets share a port and its load, where the platform has it (Linux, Node 22.12 and later). */
  reusePort?: boolean;
  /** Allow sending to broadcast addresses. */
  broadcast?: boolean;
  ttl?: number;
  multicastTtl?: number;
  multicastLoopback?: boolean;
  /** Address of the interface for multicast. */
  multicastInterface?: string;
  /** Multicast groups to join at the start. */
  groups?: readonly string[];
  /** The only peer: sends cost less, and nobody else is heard. */
  connect?: { readonly address: string; readonly port: number };
  /** How often the event 'stats' comes, in milliseconds; 0: never. */
  statsMs?: number;
}

/** What else an endpoint needs; the faces know it under their own names. */
export interface DatagramOptions {
  readonly type: 'udp4' | 'udp6';
  readonly host: string;
  readonly port: number;
  /** How messages go to those who have said nothing yet; others are answered in their own wire. */
  readonly wire: 'binary' | 'delimited' | 'unframed';
  /** Refuse datagrams of every other wire. */
  readonly oneWire?: boolean | undefined;
  readonly codec: AnyCodecName;
  /** The structs of events. No hello compares their layouts here. */
  readonly structs: Structs;
  /** Events with a codec of their own, whatever the peer speaks otherwise. */
  readonly eventCodecs?: EventCodecs | undefined;
  readonly receive: ReceiveMode;
  readonly encoding: BufferEncoding;
  readonly delimiter: string;
  /** Event names with ids that both programs know. */
  readonly agreed: Readonly<Record<string, number>>;
  readonly settings: DatagramSettings;
}

const BOUNDS: Readonly<Partial<Record<keyof DatagramSettings, readonly [least: number, most: number]>>> = {
  datagramBytesMax: [DATAGRAM_BYTES_FLOOR, DATAGRAM_BYTES_MAX],
  coalesceMs: [0, 60_000],
  fragmentedBytesMax: [DATAGRAM_BYTES_FLOOR, 2 ** 31 - 1],
  fragmentsBytesMax: [DATAGRAM_BYTES_FLOOR, 2 ** 31 - 1],
  fragmentDeadlineMs: [1, 600_000],
  peersMax: [1, 1_000_000],
  peerTtlMs: [10, 2 ** 31 - 1],
  replyFactor: [0, 1_000_000],
  recvBufferBytes: [1, 2 ** 31 - 1],
  sendBufferBytes: [1, 2 ** 31 - 1],
  queueBytesSoft: [1, 2 ** 31 - 1],
  queueBytesMax: [1, 2 ** 31 - 1],
  burstBytesMax: [1, 2 ** 31 - 1],
  ttl: [1, 255],
  multicastTtl: [0, 255],
  statsMs: [0, 2 ** 31 - 1],
};
const MODES: readonly unknown[] = [undefined, 'unordered', 'sequenced', 'latest'];

/** Settings that have no default. */
type Absent = 'replyFactor' | 'ttl' | 'multicastTtl' | 'multicastLoopback' | 'multicastInterface' | 'connect';
export type FullSettings = Required<Omit<DatagramSettings, Absent>> & Pick<DatagramSettings, Absent>;

const DEFAULTS: FullSettings = {
  ...DATAGRAM_LIMITS,
  coalesceMs: 0,
  coalesce: true,
  timing: true,
  checksum: false,
  fragment: false,
  events: {},
  reuseAddress: false,
  reusePort: false,
  broadcast: false,
  groups: [],
  statsMs: 0,
};

/** The settings with their defaults. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function datagramSettings(given: DatagramSettings): FullSettings {
  const settings: FullSettings = { ...DEFAULTS, ...withoutHoles(given) };
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    const value = settings[name as keyof DatagramSettings] as unknown;
    if (value === undefined || (typeof value === 'number' && value >= least && value <= most)) continue;
    throw badSetting(`${name} must be a number from ${least} to ${most}, not ${String(value)}`);
  }
  for (const [event, rule] of Object.entries(settings.events)) {
    const { mode, key, maxAgeMs = 0 } = rule;
    if (!MODES.includes(mode))
      throw badSetting(
        `events.${event}.mode must be 'unordered', 'sequenced' or 'latest', not ${String(mode)}`,
      );
    if (key !== undefined && (typeof key !== 'function' || mode !== 'latest'))
      throw badSetting(`events.${event}.key must be a function, and needs the mode 'latest'`);
    if (!(maxAgeMs >= 0)) throw badSetting(`events.${event}.maxAgeMs must be a number of milliseconds`);
  }
  return settings;
}

function withoutHoles(given: DatagramSettings): DatagramSettings {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function badSetting(message: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BAD_CONFIG', `udp.${message}`);
}

/** What the senders of an endpoint have to know. */
export function senderOptions(settings: FullSettings): SenderOptions {
  const { datagramBytesMax, timing, checksum, fragment, fragmentedBytesMax } = settings;
  return {
    bytesMax: datagramBytesMax,
    flags: (timing ? DatagramFlag.timing : 0) | (checksum ? DatagramFlag.checksum : 0),
    fragmentedBytesMax: fragment ? fragmentedBytesMax : 0,
    queueBytesSoft: settings.queueBytesSoft,
    queueBytesMax: settings.queueBytesMax,
  };
}

/** Undefined: fragments are refused. */
export function assemblyOptions(settings: FullSettings): AssemblyOptions | undefined {
  const { fragment, fragmentedBytesMax, fragmentsBytesMax, fragmentDeadlineMs } = settings;
  if (!fragment) return undefined;
  return { frameBytesMax: fragmentedBytesMax, bytesMax: fragmentsBytesMax, deadlineMs: fragmentDeadlineMs };
}
