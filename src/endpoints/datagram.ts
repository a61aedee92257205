/**
 * A datagram socket and all its peers: whom we talk to, in which wire, for how long we remember them. Both faces use it.
 *
 * Invariant: whatever a peer sends, nothing is thrown, and what is remembered of peers stays within the settings.
 */
import type dgram from 'node:dgram';
import { ByteWriter, type Segment } from '../bytes/byte-writer.ts';
import { SlabPool } from '../bytes/slab-pool.ts';
import { DatagramInbox } from '../connection/datagram-inbox.ts';
import { DatagramNames } from '../connection/datagram-names.ts';
import type { SenderOptions } from '../connection/datagram-sender.ts';
import type { Emitter, Slot } from '../emitter.ts';
import { type ErrorCode, type MessageError, RingwireError } from '../errors.ts';
import { MAGIC } from '../frames/control.ts';
import { DATAGRAM_KIND, DatagramFlag } from '../frames/datagram.ts';
import { REPLY_FACTOR } from '../limits.ts';
import { DatagramSocket } from '../transports/datagram.ts';
import { DatagramLink, type DatagramWire, type LinkHost, linkName, RemoteInfo } from './datagram-link.ts';
import { type DatagramOptions, datagramSettings, type FullSettings } from './datagram-options.ts';
import { DatagramOutput } from './datagram-output.ts';
import { DatagramCounts, type DatagramStats } from './datagram-stats.ts';
import { HostNames } from './host-names.ts';
import { PeerTable, Rank } from './peer-table.ts';

/** Where a message goes: a source that was heard, or an address that the program knows. */
export interface DatagramTarget {
  readonly address: string;
  readonly port: number;
}

export interface DatagramHandlers {
  /** The socket is bound, and connected if it is to be. */
  started(): void;
  /** Each message, before its handlers run; only asked for when set. @returns an error when it must not reach them */
  received?: ((source: RemoteInfo, event: string, data: unknown) => MessageError | undefined) | undefined;
  /** Each decoded value, before its handlers. */
  identified(source: RemoteInfo, data: unknown): void;
  error(error: Error): void;
  drained(target: RemoteInfo): void;
  stats(stats: DatagramStats): void;
  closed(): void;
}

const SWEEP_MS = 1_000;
const KEEPALIVES_PER_TTL = 3;
/** Of one code there is one error event in this time; all are counted. */
const TELL_AGAIN_MS = 1_000;
const FREE_DATAGRAMS_MAX = 256;

export class DatagramEndpoint implements LinkHost {
  readonly names: DatagramNames;
  readonly pool: SlabPool;
  readonly senderOptions: SenderOptions;
  readonly #emitter: Emitter;
  readonly #handlers: DatagramHandlers;
  readonly #options: DatagramOptions;
  readonly #settings: FullSettings;
  readonly #socket: DatagramSocket;
  readonly #output: DatagramOutput;
  readonly #inbox: DatagramInbox;
  readonly #hosts: HostNames;
  readonly #peers: PeerTable<DatagramLink>;
  readonly #counts = new DatagramCounts();
  /** The peer of the last datagram or message: most programs talk with the same one many times in a row. */
  #last: DatagramLink | undefined = undefined;
  #dirty: DatagramLink[] = [];
  #flushing = false;
  #blocked = new Set<DatagramLink>();
  #latest: DatagramLink[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  /** Gives memory back: no slab is ever this one's own. */
  readonly #releaser: ByteWriter;
  readonly #toldMs = new Map<string, number>();
  #now: number = performance.now();
  #isStopped = false;

  /** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_BAD_DELIMITER */
  constructor(emitter: Emitter, options: DatagramOptions, handlers: DatagramHandlers) {
    const settings = (this.#settings = datagramSettings(options.settings));
    this.#emitter = emitter;
    this.#options = options;
    this.#handlers = handlers;
    this.names = new DatagramNames(options.agreed);
    this.pool = new SlabPool(FREE_DATAGRAMS_MAX, (settings.datagramBytesMax + 7) & ~7);
    this.#releaser = new ByteWriter(this.pool, () => {});
    this.senderOptions = {
      bytesMax: settings.datagramBytesMax,
      flags: (settings.timing ? DatagramFlag.timing : 0) | (settings.checksum ? DatagramFlag.checksum : 0),
      fragmentedBytesMax: settings.fragment ? settings.fragmentedBytesMax : 0,
      queueBytesSoft: settings.queueBytesSoft,
      queueBytesMax: settings.queueBytesMax,
    };
    const output = (this.#output = new DatagramOutput(options, settings.events));
    const { fragmentedBytesMax: frameBytesMax, fragmentsBytesMax: bytesMax, fragmentDeadlineMs } = settings;
    const assembly = { frameBytesMax, bytesMax, deadlineMs: fragmentDeadlineMs };
    this.#inbox = new DatagramInbox(this.names, {
      codecs: output.codecs,
      rules: output.rules,
      delimiter: output.delimiter,
      assembly: settings.fragment ? assembly : undefined,
    });
    this.#hosts = new HostNames(options.type === 'udp4' ? 4 : 6, (error) => this.#sendFailed(error));
    this.#peers = new PeerTable(settings.peersMax, settings.peerTtlMs, (link) => this.#forgotten(link));
    this.#socket = new DatagramSocket(
      { ...settings, type: options.type },
      {
        bound: () => handlers.started(),
        received: (bytes, source) => this.#received(bytes, source),
        written: (segment) => this.#written(segment),
        ready: () => this.#dispatchBlocked(),
        sendFailed: (error) => this.#sendFailed(error),
        failed: (error) => handlers.error(error),
        closed: () => this.#closed(),
      },
    );
  }

  get socket(): dgram.Socket {
    return this.#socket.socket;
  }

  get isBound(): boolean {
    return this.#socket.isBound;
  }

  /** Those who have been heard within their time to live. */
  get peers(): RemoteInfo[] {
    return Array.from(this.#heard(), (link) => link.info);
  }

  /** Binds; `started` follows, or `error`. */
  start(): void {
    this.#socket.bind(this.#options.port, this.#options.host);
    this.#timers.push(setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#settings.peerTtlMs / 4)));
    const { statsMs } = this.#settings;
    if (statsMs > 0) this.#timers.push(setInterval(() => this.#handlers.stats(this.stats()), statsMs));
    for (const timer of this.#timers) timer.unref();
  }

  /**
   * Sends a message in the peer's wire and codec; it leaves at the end of the tick.
   * @returns false when much waits for the peer ('drained' follows), or too much: then the message was dropped and counted
   * @throws RingwireError ERR_RINGWIRE_UDP_TOO_LARGE, or what the codec throws; nothing is sent then
   */
  send(target: DatagramTarget, event: string, data: unknown): boolean {
    const last = this.#last;
    const isLast =
      last !== undefined && last.info.port === target.port && last.info.address === target.address;
    const link = isLast ? last : this.#linkTo(target);
    if (link !== undefined) return this.#sendTo(link, event, data);
    // What is sent later must not change meanwhile.
    const kept = data instanceof Uint8Array ? Buffer.from(data) : data;
    return this.#hosts.lookup(target.address, () => {
      const found = this.#linkTo(target);
      if (found !== undefined) this.#guard(() => this.#sendTo(found, event, kept));
    });
  }

  /** Sends to all who have been heard within their time to live. @returns false when much waits for one of them */
  broadcast(event: string, data: unknown): boolean {
    let ready = true;
    for (const link of this.#heard()) if (!this.#sendTo(link, event, data)) ready = false;
    return ready;
  }

  /** Offers what was sent in this tick to the system now. */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const link of dirty) {
      link.isDirty = false;
      this.#guard(() => link.sender.flush());
    }
  }

  stats(): DatagramStats {
    const { recv, send } = this.#socket.bufferBytes;
    return this.#counts.read(this.#peers.entries(-Infinity), this.#inbox.faults, recv, send);
  }

  join(group: string, multicastInterface?: string): void {
    this.#socket.join(group, multicastInterface);
  }

  leave(group: string, multicastInterface?: string): void {
    this.#socket.leave(group, multicastInterface);
  }

  /** Sends what was sent in this tick, then closes. What the system does not take at once is lost. */
  stop(): void {
    if (this.#isStopped) return;
    this.flush();
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#socket.close();
  }

  // What the links ask for.

  get ready(): boolean {
    return !this.#isStopped && this.#socket.ready;
  }

  transmit(segment: Segment, link: DatagramLink): void {
    this.#socket.send(segment, link.info.port, link.info.address);
  }

  blocked(link: DatagramLink): void {
    this.#blocked.add(link);
  }

  drained(link: DatagramLink): void {
    this.#handlers.drained(link.info);
  }

  deliver(link: DatagramLink, slot: Slot, data: unknown): void {
    try {
      const refusal = this.#handlers.received?.(link.info, slot.name, data);
      if (refusal !== undefined) {
        link.figures.faults++;
        this.#inbox.fault(refusal.code);
        return;
      }
      this.#handlers.identified(link.info, data);
      this.#emitter.publishTo(slot, data, link.info);
    } catch (error) {
      this.failed(error as Error);
    }
  }

  latestWaits(link: DatagramLink): void {
    if (this.#latest.length === 0) setImmediate(() => this.#flushLatest());
    this.#latest.push(link);
  }

  proven(link: DatagramLink): void {
    this.#peers.promote(link, Rank.proven);
  }

  limited(): void {
    this.#inbox.fault('ERR_RINGWIRE_UDP_AMPLIFICATION');
  }

  /** The program's own code failed: its affair, but no reason to lose the messages behind. */
  failed(error: Error): void {
    queueMicrotask(() => {
      throw error;
    });
  }

  #linkTo(target: DatagramTarget): DatagramLink | undefined {
    const { port } = target;
    const known = this.#peers.get(linkName(target.address, port));
    if (known !== undefined) return (this.#last = known);
    const address = this.#hosts.get(target.address);
    if (address === undefined) return undefined;
    // A source that was forgotten is a source still: the limit on answers stays.
    const isSource = target instanceof RemoteInfo;
    return (this.#last =
      this.#peers.get(linkName(address, port)) ?? this.#newLink(address, port, isSource, this.#options.wire));
  }

  #newLink(address: string, port: number, isSource: boolean, wire: DatagramWire): DatagramLink {
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    const info = new RemoteInfo(address, family, port);
    const link = new DatagramLink(this, info, isSource, wire, this.#output.codec.id);
    link.activeMs = this.#now = performance.now();
    this.#setWire(link, wire);
    this.#peers.add(link);
    return link;
  }

  #setWire(link: DatagramLink, wire: DatagramWire): void {
    link.wire = wire;
    // Peers in node-ipc's wire cannot prove anything: their programs may rely on long answers.
    link.replyFactor = this.#settings.replyFactor ?? (wire === 'binary' ? REPLY_FACTOR : 0);
  }

  #sendTo(link: DatagramLink, event: string, data: unknown): boolean {
    if (this.#isStopped || !link.admit()) return false;
    if (!link.isHeard) this.#peers.touch(link, this.#now);
    const more = this.#output.send(link, event, data);
    if (!this.#settings.coalesce) link.sender.flush();
    else if (!link.isDirty && link.sender.isOpen) this.#schedule(link);
    return more;
  }

  #schedule(link: DatagramLink): void {
    link.isDirty = true;
    this.#dirty.push(link);
    if (this.#flushing) return;
    this.#flushing = true;
    const { coalesceMs } = this.#settings;
    if (coalesceMs > 0) setTimeout(() => this.#flushNow(), coalesceMs);
    else process.nextTick(() => this.#flushNow());
  }

  #flushNow(): void {
    this.#flushing = false;
    this.flush();
  }

  #guard(send: () => unknown): void {
    try {
      send();
    } catch (error) {
      this.#handlers.error(error as Error);
    }
  }

  #received(bytes: Buffer, source: dgram.RemoteInfo): void {
    const { address, port } = source;
    const last = this.#last;
    const isLast = last !== undefined && last.info.port === port && last.info.address === address;
    const link = isLast ? last : this.#linkFrom(address, port);
    if (link === undefined) return;
    this.#now = performance.now();
    this.#peers.touch(link, this.#now);
    this.#peers.promote(link, link.received(bytes.length));
    const wire = wireOf(bytes, this.#options.wire);
    if (wire !== link.wire) this.#setWire(link, wire);
    if (wire === 'binary') this.#inbox.receive(bytes, link);
    else if (wire === 'delimited') this.#inbox.receiveText(bytes, link);
    else this.#inbox.receiveBytes(bytes, link);
    // What waits for a proof may leave for what has come.
    link.dispatch();
  }

  #linkFrom(address: string, port: number): DatagramLink | undefined {
    const known = this.#peers.get(linkName(address, port));
    if (known === undefined && (port === 0 || isNoSource(address))) {
      this.#inbox.fault('ERR_RINGWIRE_UDP_BAD_SOURCE');
      return undefined;
    }
    return (this.#last = known ?? this.#newLink(address, port, true, this.#options.wire));
  }

  #flushLatest(): void {
    const links = this.#latest;
    this.#latest = [];
    for (const link of links) link.flushLatest();
  }

  #dispatchBlocked(): void {
    const blocked = this.#blocked;
    this.#blocked = new Set();
    for (const link of blocked) this.#guard(() => link.dispatch());
  }

  #written(segment: Segment): void {
    this.#releaser.written(segment);
  }

  *#heard(): Generator<DatagramLink, undefined> {
    for (const link of this.#peers.entries(performance.now())) if (link.isHeard) yield link;
  }

  #sweep(): void {
    const now = performance.now();
    this.#peers.expire(now);
    this.#inbox.expire();
    const keepaliveMs = this.#settings.peerTtlMs / KEEPALIVES_PER_TTL;
    for (const link of this.#peers.entries(now))
      this.#guard(() => link.sweep(now - link.activeMs, keepaliveMs));
  }

  #forgotten(link: DatagramLink): void {
    if (this.#last === link) this.#last = undefined;
    this.#blocked.delete(link);
    link.discard();
    this.#counts.forgotten(link);
  }

  #sendFailed(cause: NodeJS.ErrnoException & { address?: string; port?: number }): void {
    const code: ErrorCode = 'ERR_RINGWIRE_SEND_FAILED';
    this.#inbox.fault(code);
    const name = cause.code ?? 'unknown';
    const now = performance.now();
    if (now - (this.#toldMs.get(name) ?? -Infinity) < TELL_AGAIN_MS) return;
    this.#toldMs.set(name, now);
    const peer = cause.address === undefined ? undefined : `${cause.address}:${cause.port}`;
    const message = `a datagram could not be sent${peer === undefined ? '' : ` to ${peer}`}: ${name}`;
    this.#handlers.error(new RingwireError(code, message, { cause, ...(peer !== undefined && { peer }) }));
  }

  #closed(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#peers.clear();
    this.#handlers.closed();
  }
}

/** The wire of a datagram, where this side knows several. */
function wireOf(bytes: Buffer, own: DatagramWire): DatagramWire {
  if (own === 'unframed') return own;
  return bytes[0] === MAGIC && bytes[1] === DATAGRAM_KIND ? 'binary' : 'delimited';
}

/** No host has these: answers would go to nobody, or to everybody. */
function isNoSource(address: string): boolean {
  if (address.includes('.')) {
    const [first = 0, ...rest] = (address.split(':').at(-1) as string).split('.').map(Number);
    return (
      first === 0 || (first >= 224 && first <= 239) || (first === 255 && rest.every((each) => each === 255))
    );
  }
  return address === '::' || address.toLowerCase().startsWith('ff');
}
