/**
 * The peers of a datagram endpoint: found by where they are, made when they are heard or named, forgotten by the table's rules. It decides
 * in which wire a peer is spoken to: that of its last datagram that has one.
 *
 * Invariant: one address and port is one peer, however it is spelled; sources that no answer can reach never become one.
 */
import { MAGIC } from '../frames/control.ts';
import { DATAGRAM_KIND } from '../frames/datagram.ts';
import { OPENING_BRACE } from '../frames/delimited.ts';
import { REPLY_FACTOR } from '../limits.ts';
import { DatagramLink, type DatagramWire, type LinkHost, linkName, RemoteInfo } from './datagram-link.ts';
import type { DatagramOptions, FullSettings } from './datagram-options.ts';
import type { HostNames } from './host-names.ts';
import { PeerTable, Rank } from './peer-table.ts';

/** Where a message goes: a source that was heard, or an address that the program knows. */
export interface DatagramTarget {
  readonly address: string;
  readonly port: number;
}

export class DatagramPeers {
  readonly #host: LinkHost;
  readonly #hosts: HostNames;
  readonly #wire: DatagramWire;
  readonly #oneWire: boolean;
  readonly #codecId: number;
  readonly #replyFactor: number | undefined;
  readonly #table: PeerTable<DatagramLink>;
  /** The peer of the last datagram or message: most programs talk with the same one many times in a row. */
  #last: DatagramLink | undefined = undefined;
  /** Kept, because asking for the global costs half as much again as asking for the time. */
  readonly #clock: typeof performance = performance;
  /** The time of the last datagram that came: close enough for those that are only spoken to. */
  heardMs: number = performance.now();

  constructor(
    host: LinkHost,
    hosts: HostNames,
    options: DatagramOptions,
    settings: FullSettings,
    codecId: number,
    forgotten: (link: DatagramLink) => void,
  ) {
    this.#host = host;
    this.#hosts = hosts;
    this.#wire = options.wire;
    this.#oneWire = options.oneWire === true || options.wire === 'unframed';
    this.#codecId = codecId;
    this.#replyFactor = settings.replyFactor;
    this.#table = new PeerTable(settings.peersMax, settings.peerTtlMs, (link) => {
      if (this.#last === link) this.#last = undefined;
      forgotten(link);
    });
  }

  /** The peer that a datagram came from, with note taken of it; undefined for a source that cannot be one. */
  heard(bytes: Buffer, address: string, port: number): DatagramLink | undefined {
    const last = this.#last;
    const isLast = last !== undefined && last.info.port === port && last.info.address === address;
    const link = isLast ? last : this.#linkFrom(address, port);
    if (link === undefined) return undefined;
    this.heardMs = this.#clock.now();
    this.#table.touch(link, this.heardMs);
    this.#table.promote(link, link.received(bytes.length));
    const wire = this.#oneWire ? this.#wire : wireOf(bytes, link.wire);
    if (wire !== link.wire) this.#setWire(link, wire);
    return link;
  }

  /** The peer that a message is for; undefined when its name has to be looked up first. */
  named(target: DatagramTarget): DatagramLink | undefined {
    const last = this.#last;
    const { address, port } = target;
    const isLast = last !== undefined && last.info.port === port && last.info.address === address;
    const link = isLast ? last : this.#linkTo(target);
    // One that has never said anything stays known while it is spoken to.
    if (link !== undefined && !link.isHeard) this.#table.touch(link, this.heardMs);
    return link;
  }

  /** The peer at an address, if it is remembered. */
  known({ address, port }: DatagramTarget): DatagramLink | undefined {
    return this.#table.get(linkName(this.#hosts.get(address) ?? address, port));
  }

  proven(link: DatagramLink): void {
    this.#table.promote(link, Rank.proven);
  }

  /** Those who have been heard within their time to live. */
  *audience(): Generator<DatagramLink, undefined> {
    for (const link of this.#table.entries(performance.now())) if (link.isHeard) yield link;
  }

  /** All that are remembered. */
  all(): Iterable<DatagramLink> {
    return this.#table.entries(-Infinity);
  }

  expire(nowMs: number): void {
    this.#table.expire(nowMs);
  }

  clear(): void {
    this.#table.clear();
  }

  #linkTo(target: DatagramTarget): DatagramLink | undefined {
    const { port } = target;
    const known = this.#table.get(linkName(target.address, port));
    if (known !== undefined) return (this.#last = known);
    const address = this.#hosts.get(target.address);
    if (address === undefined) return undefined;
    // A source that was forgotten is a source still: the limit on answers stays.
    const isSource = target instanceof RemoteInfo;
    return (this.#last = this.#table.get(linkName(address, port)) ?? this.#newLink(address, port, isSource));
  }

  #linkFrom(address: string, port: number): DatagramLink | undefined {
    const known = this.#table.get(linkName(address, port));
    if (known === undefined && (port === 0 || isNoSource(address))) return undefined;
    return (this.#last = known ?? this.#newLink(address, port, true));
  }

  #newLink(address: string, port: number, isSource: boolean): DatagramLink {
    const info = new RemoteInfo(address, address.includes(':') ? 'IPv6' : 'IPv4', port);
    const link = new DatagramLink(this.#host, info, isSource, this.#wire, this.#codecId);
    link.activeMs = performance.now();
    this.#setWire(link, this.#wire);
    this.#table.add(link);
    return link;
  }

  #setWire(link: DatagramLink, wire: DatagramWire): void {
    link.wire = wire;
    // Peers in node-ipc's wire cannot prove anything: their programs may rely on long answers.
    link.replyFactor = this.#replyFactor ?? (wire === 'binary' ? REPLY_FACTOR : 0);
  }
}

/** The wire of a datagram, where this side knows several. What begins like neither was damaged, or forged: it says nothing of its peer's wire. */
function wireOf(bytes: Buffer, peersWire: DatagramWire): DatagramWire {
  if (bytes[0] === MAGIC && bytes[1] === DATAGRAM_KIND) return 'binary';
  return bytes[0] === OPENING_BRACE ? 'delimited' : peersWire;
}

/** No host has these: answers would go to nobody, or to everybody. */
function isNoSource(address: string): boolean {
  if (!address.includes('.')) return address === '::' || address.toLowerCase().startsWith('ff');
  const numbers = (address.split(':').at(-1) as string).split('.').map(Number);
  const [first = 0] = numbers;
  return first === 0 || (first >= 224 && first <= 239) || numbers.every((each) => each === 255);
}
