/**
 * What a datagram means: its sequence is judged, its frames are decoded and handed on by the mode of their event. One for all peers of
 * an endpoint; what is remembered of a peer comes with each call.
 *
 * Invariant: a datagram that came before is not delivered again; a fault costs what it stands in and is counted by its code.
 */
import type { Codec } from '../codecs/codec.ts';
import { EventStruct } from '../codecs/struct/codec.ts';
import { Slot } from '../emitter.ts';
import { type ErrorCode, RingwireError } from '../errors.ts';
import { Control, CONTROL_EVENT, INLINE_NAME_ID, readPingToken } from '../frames/control.ts';
import { DatagramFlag, DatagramReader } from '../frames/datagram.ts';
import type { Frame } from '../frames/frame.ts';
import type { AssemblyOptions } from './datagram-assembly.ts';
import { DatagramAssembly } from './datagram-assembly.ts';
import type { PeerFigures } from './datagram-figures.ts';
import type { DatagramNames } from './datagram-names.ts';
import { type DatagramOrder, type EventRule, keyOf } from './datagram-order.ts';
import { readTextDatagram } from './datagram-text.ts';
import { Arrival } from './sequence-window.ts';

/** A peer, as the inbox sees it. */
export interface InboxPeer {
  /** Tells peers apart. */
  readonly name: string;
  readonly figures: PeerFigures;
  readonly order: DatagramOrder;
  /** The codec of what came last: answers use it. */
  codecId: number;
  /** A message, the program's own from here on or lent as the receive mode says. */
  deliver(slot: Slot, data: unknown): void;
  /** The newest value of a key; one that has not been delivered yet is replaced. */
  deliverLatest(key: string, slot: Slot, data: unknown): void;
  pinged(token: number): void;
  ponged(token: number): void;
  /** The program's own key function has thrown. */
  keyFailed(error: unknown): void;
}

export interface InboxOptions {
  readonly codecs: readonly (Codec | undefined)[];
  /** Of events that have one of their own. */
  readonly eventCodecs: ReadonlyMap<string, Codec>;
  readonly rules: ReadonlyMap<string, EventRule>;
  readonly delimiter: Buffer;
  /** Undefined: fragments are refused. */
  readonly assembly: AssemblyOptions | undefined;
  /** Takes the memory of a datagram that has been delivered; undefined: it is left to the garbage collector. */
  readonly release: ((bytes: Buffer) => void) | undefined;
}

const RAW_EVENT: Slot = new Slot('data');

export class DatagramInbox {
  /** How often each fault was seen. */
  readonly faults: Map<ErrorCode, number> = new Map();
  readonly #names: DatagramNames;
  readonly #options: InboxOptions;
  readonly #reader: DatagramReader;
  readonly #assembly: DatagramAssembly | undefined;
  /** The event that came last, and its rule. */
  #slot: Slot = RAW_EVENT;
  #rule: EventRule | undefined = undefined;
  /** The last agreed event that needs no order, by event and codec: most frames mean the same as the one before. */
  #route = -1;
  #routeSlot: Slot = RAW_EVENT;
  #routeCodec: Codec | undefined = undefined;

  constructor(names: DatagramNames, options: InboxOptions) {
    this.#names = names;
    this.#options = options;
    this.#assembly = options.assembly && new DatagramAssembly(options.assembly);
    this.#reader = new DatagramReader(options.assembly?.frameBytesMax);
  }

  get unfinishedBytes(): number {
    return this.#assembly?.spentBytes ?? 0;
  }

  /** Gives up frames whose parts have not come in time. */
  expire(): void {
    this.#assembly?.expire();
  }

  /** A datagram of the ringwire wire. @param nowMs when it came, by the clock of `performance` */
  receive(bytes: Buffer, peer: InboxPeer, nowMs: number): void {
    const reader = this.#reader;
    const { figures } = peer;
    if (!reader.open(bytes)) {
      this.#fault(peer, reader.fault as ErrorCode);
      return;
    }
    const isTimed = (reader.flags & DatagramFlag.timing) !== 0;
    const arrival = figures.window.judge(reader.sequence, reader.session, isTimed);
    if (arrival === Arrival.duplicate || arrival === Arrival.late) return;
    if (isTimed) figures.timed(reader.sentUs, (nowMs * 1_000) | 0);
    if (reader.flags & DatagramFlag.fragment) this.#assemble(bytes, peer);
    else this.#frames(peer);
    this.#options.release?.(bytes);
  }

  /** A datagram of node-ipc's wire. It has no sequence: all are the newest. */
  receiveText(bytes: Buffer, peer: InboxPeer): void {
    const position = peer.figures.received;
    const fault = readTextDatagram(bytes, this.#options.delimiter, this.#names, (slot, data) =>
      this.#handOn(slot, data, peer, position),
    );
    if (fault !== undefined) this.#fault(peer, fault);
  }

  /** A datagram without any wire. */
  receiveBytes(bytes: Buffer, peer: InboxPeer): void {
    peer.figures.receivedMessages++;
    peer.deliver(RAW_EVENT, bytes);
  }

  /** Counts what is refused. */
  fault(code: ErrorCode): void {
    this.faults.set(code, (this.faults.get(code) ?? 0) + 1);
  }

  #frames(peer: InboxPeer): void {
    const reader = this.#reader;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) this.#frame(frame, peer);
    if (reader.fault !== undefined) this.#fault(peer, reader.fault);
  }

  #frame(frame: Frame, peer: InboxPeer): void {
    if ((frame.event | (frame.codec << 16)) === this.#route) {
      this.#plain(this.#routeSlot, this.#routeCodec as Codec, frame, peer);
    } else this.#unlike(frame, peer);
  }

  /** A message that is handed on as it comes. */
  #plain(slot: Slot, codec: Codec, frame: Frame, peer: InboxPeer): void {
    let data: unknown;
    try {
      data = codec.decode(frame);
    } catch (error) {
      this.#refused(error, peer);
      return;
    }
    this.#answerIn(codec, slot, peer);
    peer.figures.receivedMessages++;
    peer.deliver(slot, data);
  }

  /** A frame that differs from the one before. */
  #unlike(frame: Frame, peer: InboxPeer): void {
    if (frame.event === CONTROL_EVENT) {
      const token = readPingToken(frame);
      if (frame.bytes[frame.start] === Control.ping) peer.pinged(token);
      else peer.ponged(token);
      return;
    }
    const known = this.#options.codecs[frame.codec];
    const slot = this.#names.slotOf(frame);
    if (known === undefined || slot === undefined) {
      this.#fault(peer, known === undefined ? 'ERR_RINGWIRE_BAD_CODEC' : 'ERR_RINGWIRE_INVALID_EVENT');
      return;
    }
    const codec = this.#codecOf(slot, known, peer);
    if (codec === undefined) return;
    const mode = this.#ruleOf(slot)?.mode ?? 'unordered';
    if (mode !== 'unordered') {
      this.#ordered(slot, codec, frame, peer);
      return;
    }
    if (frame.event !== INLINE_NAME_ID) {
      this.#route = frame.event | (frame.codec << 16);
      this.#routeSlot = slot;
      this.#routeCodec = codec;
    }
    this.#plain(slot, codec, frame, peer);
  }

  /** Undefined: no struct is known for the event, which is counted. */
  #codecOf(slot: Slot, codec: Codec, peer: InboxPeer): Codec | undefined {
    const own = this.#ownCodec(slot);
    if (own?.id === codec.id) return own;
    try {
      return codec.forEvent?.(slot.name) ?? codec;
    } catch (error) {
      this.#refused(error, peer);
      return undefined;
    }
  }

  /** The peer's codec is that of its events that have none of their own. */
  #answerIn(codec: Codec, slot: Slot, peer: InboxPeer): void {
    if (peer.codecId !== codec.id && this.#ownCodec(slot) === undefined) peer.codecId = codec.id;
  }

  #ownCodec(slot: Slot): Codec | undefined {
    const { eventCodecs } = this.#options;
    return eventCodecs.size === 0 ? undefined : eventCodecs.get(slot.name);
  }

  #ordered(slot: Slot, codec: Codec, frame: Frame, peer: InboxPeer): void {
    let data: unknown;
    try {
      data = codec instanceof EventStruct ? codec.decodeOwn(frame) : codec.decode(frame);
    } catch (error) {
      this.#refused(error, peer);
      return;
    }
    this.#answerIn(codec, slot, peer);
    // A lent frame is only good for this call, and a newest value may wait.
    this.#handOn(slot, data === frame ? { ...frame } : data, peer, peer.figures.window.position);
  }

  #refused(error: unknown, peer: InboxPeer): void {
    if (!(error instanceof RingwireError)) throw error;
    this.#fault(peer, error.code);
  }

  #handOn(slot: Slot, data: unknown, peer: InboxPeer, position: number): void {
    const { figures, order } = peer;
    const rule = this.#ruleOf(slot);
    figures.receivedMessages++;
    if (rule?.mode === 'latest') {
      const key = this.#keyOf(slot, rule, data, peer);
      if (key === undefined) return;
      if (order.isStale(key, position)) figures.stale++;
      else peer.deliverLatest(key, slot, data);
    } else if (rule?.mode === 'sequenced' && order.isStale(slot.name, position)) figures.stale++;
    else peer.deliver(slot, data);
  }

  #keyOf(slot: Slot, rule: EventRule, data: unknown, peer: InboxPeer): string | undefined {
    try {
      return keyOf(slot.name, rule, data);
    } catch (error) {
      peer.keyFailed(error);
      return undefined;
    }
  }

  #ruleOf(slot: Slot): EventRule | undefined {
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#rule = this.#options.rules.get(slot.name);
    }
    return this.#rule;
  }

  #assemble(bytes: Buffer, peer: InboxPeer): void {
    const reader = this.#reader;
    const part = bytes.subarray(reader.start);
    const { fragment, session } = reader;
    const frame = this.#assembly?.add(`${peer.name} ${session}`, fragment, part);
    if (this.#assembly === undefined) this.#fault(peer, 'ERR_RINGWIRE_FRAME_TOO_LARGE');
    else if (typeof frame === 'string') this.#fault(peer, frame);
    else if (frame !== undefined) this.#whole(frame, peer);
  }

  #whole(bytes: Buffer, peer: InboxPeer): void {
    const frame = this.#reader.whole(bytes);
    if (frame === undefined) this.#fault(peer, this.#reader.fault as ErrorCode);
    else this.#frame(frame, peer);
  }

  #fault(peer: InboxPeer, code: ErrorCode): void {
    peer.figures.faults++;
    this.fault(code);
  }
}
