/**
 * The ringwire wire on a connection: length-prefixed frames, event ids, a codec for each frame.
 *
 * Invariant: no message is handed on before the peer's hello, none is judged by anything but its own frame.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import type { Codec } from '../codecs/codec.ts';
import type { StructCodec } from '../codecs/struct/codec.ts';
import { Slot } from '../emitter.ts';
import { FrameError } from '../errors.ts';
import {
  badControl,
  Control,
  CONTROL_EVENT,
  controlKind,
  FIRST_ANNOUNCED_ID,
  greeting,
  INLINE_NAME_ID,
  pongFrame,
  preamble,
  readAnnounce,
  readHello,
  readPingToken,
} from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
import { FrameKind } from '../frames/header.ts';
import { readLayouts } from '../frames/layouts.ts';
import { LengthPrefixedParser } from '../frames/length-prefixed.ts';
import { ANNOUNCED_COUNT_MAX } from '../limits.ts';
import { isChosenByPeer, judgeFeatures, judgeLayouts } from './agreement.ts';
import { BinaryEncoder } from './binary-encoder.ts';
import type { Exchange } from './exchange.ts';
import { type EventIds, unknownEvent } from './event-ids.ts';
import { takeInlineName } from './inline-name.ts';
import { hearGoodbye } from './peer-goodbye.ts';
import type { Sink, Wire } from './wire.ts';

export interface BinaryWireOptions {
  /** The codecs that this side decodes, by id. */
  codecs: readonly (Codec | undefined)[];
  /** The codec to send with; a server takes the peer's instead. */
  codec: Codec;
  followPeer: boolean;
  events: EventIds;
  /** Events that are sent with a codec of their own, whatever the connection uses. */
  eventCodecs?: ReadonlyMap<string, Codec> | undefined;
  frameBytesMax: number;
  /** Largest frame that is sent, where it is another than `frameBytesMax`. */
  sentBytesMax?: number | undefined;
  id: string;
  /** What this side offers in its hello, bits of `Feature`. */
  features?: number | undefined;
  /** The structs of events, whose layouts both sides compare. */
  structs?: StructCodec | undefined;
  /** Our structs as a hello tells them, from `ownLayouts`. */
  layouts?: Buffer | undefined;
}

const RAW = 3;
const STRUCT = 4;

export class BinaryWire implements Wire {
  readonly kind = 'binary';
  readonly parser: LengthPrefixedParser;
  readonly #options: BinaryWireOptions;
  readonly #codecs: readonly (Codec | undefined)[];
  readonly #events: EventIds;
  readonly #sink: Sink;
  readonly #encoder: BinaryEncoder;
  #greeted = false;
  #helloSeen = false;
  /** What the peer announced, in order; agreed names as they are used. */
  readonly #peerSlots: Slot[] = [];
  readonly #agreedSlots = new Map<number, Slot>();
  /** Event and codec of the last message that was received, and what they stand for. */
  #receivedEvent = 0;
  #receivedCodec: Codec | undefined = undefined;
  #receivedBytes = false;
  #receivedSlot: Slot = new Slot('');

  constructor(ring: ReceiveRing, options: BinaryWireOptions, sink: Sink) {
    const { events, codec, eventCodecs, frameBytesMax, sentBytesMax = frameBytesMax } = options;
    this.parser = new LengthPrefixedParser(ring, frameBytesMax);
    this.#options = options;
    this.#codecs = options.codecs;
    this.#events = events;
    this.#encoder = new BinaryEncoder(events, codec, sentBytesMax, eventCodecs);
    this.#sink = sink;
  }

  get isEstablished(): boolean {
    return this.#helloSeen;
  }

  get sharingKey(): string {
    return this.#encoder.codec.name;
  }

  get bytesMax(): number {
    return this.#encoder.bytesMax;
  }

  /** Sends preamble and hello, once. */
  greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    let codecSet = 0;
    for (const codec of this.#codecs) if (codec !== undefined) codecSet |= 1 << codec.id;
    const { id, features = 0 } = this.#options;
    const hello = { codec: this.#encoder.codec.id, codecSet, id, features };
    this.#sink.respond(greeting(this.#options.frameBytesMax, hello, this.#options.layouts));
  }

  /** Sends the preamble alone if nothing has been sent: a goodbye that follows stands instead of hello, and nobody takes it for a welcome. */
  introduce(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    this.#sink.respond(preamble(this.#options.frameBytesMax));
  }

  encode(event: string, data: unknown, out: ByteWriter): void {
    this.#encoder.encode(event, data, out);
  }

  get quick(): BinaryEncoder {
    return this.#encoder;
  }

  encodeShared(event: string, data: unknown, out: ByteWriter): void {
    this.#encoder.encodeShared(event, data, out);
  }

  checkShared(event: string): void {
    this.#encoder.checkShared(event);
  }

  prepareShared(event: string, out: ByteWriter): void {
    this.#encoder.prepareShared(event, out);
  }

  isPeersDoing(event: string, error: Error): boolean {
    return isChosenByPeer(error, event, this.#encoder.codec, this.#options);
  }

  announceAll(out: ByteWriter): void {
    this.#encoder.announceAll(out);
  }

  /** One frame of a request or a stream. @throws RingwireError when the peer does not speak its codec, and what the codec throws */
  encodeExchange(kind: number, exchange: Exchange, data: unknown, out: ByteWriter): void {
    this.#encoder.encodeExchange(kind, exchange, data, out);
  }

  speaks(codec: Pick<Codec, 'id'>): boolean {
    return this.#encoder.speaks(codec);
  }

  receive(frame: Frame): void {
    // Most peers, too, send the same event many times in a row.
    if (
      frame.event !== this.#receivedEvent ||
      frame.codec !== this.#receivedCodec?.id ||
      frame.kind !== FrameKind.message
    ) {
      this.#receiveUnusual(frame);
    } else if (this.#receivedBytes) {
      this.#sink.bytes(this.#receivedSlot, this.#receivedCodec.decode(frame));
    } else {
      this.#sink.value(this.#receivedSlot, this.#receivedCodec.decode(frame));
    }
  }

  #receiveUnusual(frame: Frame): void {
    if (frame.event === CONTROL_EVENT) {
      this.#control(frame);
      return;
    }
    if (!this.#helloSeen) throw badControl('the first frame has to be hello');
    let codec = this.#codecs[frame.codec];
    if (codec === undefined) {
      throw new FrameError(
        'ERR_RINGWIRE_BAD_CODEC',
        `a frame with codec ${frame.codec}, which hello did not offer`,
      );
    }
    if (frame.kind !== FrameKind.message) {
      this.#exchange(frame, codec);
      return;
    }
    if (frame.event === INLINE_NAME_ID) {
      const slot = new Slot(takeInlineName(frame, this.#events.nameBytesMax));
      this.#deliver(slot, this.#codecOf(slot, codec), frame);
      return;
    }
    const slot = this.#slotOf(frame.event);
    codec = this.#codecOf(slot, codec);
    this.#receivedEvent = frame.event;
    this.#receivedCodec = codec;
    this.#receivedBytes = isBytes(codec);
    this.#receivedSlot = slot;
    this.#deliver(slot, codec, frame);
  }

  /** An event may have a codec object of its own, which knows more than its number says (a struct its layout). */
  #codecOf(slot: Slot, codec: Codec): Codec {
    if (codec.forEvent !== undefined) return codec.forEvent(slot.name);
    const own = this.#options.eventCodecs?.get(slot.name);
    return own?.id === codec.id ? own : codec;
  }

  #exchange(frame: Frame, codec: Codec): void {
    // Only a request is numbered by the peer. An answer, a cancel and a credit carry the number of the request.
    const isInline = frame.event === INLINE_NAME_ID;
    const inline = isInline ? new Slot(takeInlineName(frame, this.#events.nameBytesMax)) : undefined;
    const { event } = frame;
    const isRequest = frame.kind === FrameKind.request;
    const slot = isRequest ? (inline ?? this.#knownSlot(event)) : undefined;
    this.#sink.exchanged(frame, slot, codec);
    // The asker has been told; here it counts as any other message with such an id.
    if (isRequest && slot === undefined) throw unknownEvent(event);
  }

  #deliver(slot: Slot, codec: Codec, frame: Frame): void {
    if (isBytes(codec)) this.#sink.bytes(slot, codec.decode(frame));
    else this.#sink.value(slot, codec.decode(frame));
  }

  #slotOf(id: number): Slot {
    const slot = this.#knownSlot(id);
    if (slot !== undefined) return slot;
    throw unknownEvent(id);
  }

  #knownSlot(id: number): Slot | undefined {
    return id < FIRST_ANNOUNCED_ID ? this.#agreedSlot(id) : this.#peerSlots[id - FIRST_ANNOUNCED_ID];
  }

  #agreedSlot(id: number): Slot | undefined {
    const known = this.#agreedSlots.get(id);
    if (known !== undefined) return known;
    const name = this.#events.agreedNames.get(id);
    if (name === undefined) return undefined;
    const slot = new Slot(name);
    this.#agreedSlots.set(id, slot);
    return slot;
  }

  #control(frame: Frame): void {
    const kind = controlKind(frame);
    if (kind === Control.hello) this.#hello(frame);
    else if (kind === Control.goodbye) hearGoodbye(frame, this.#sink.link);
    else if (!this.#helloSeen) throw badControl('the first frame has to be hello');
    else if (kind === Control.announce) this.#announce(frame);
    else if (kind === Control.ping) this.#sink.respond(pongFrame(readPingToken(frame)));
    else if (kind !== Control.pong) this.#sink.link.control(kind, frame);
  }

  #hello(frame: Frame): void {
    if (this.#helloSeen) throw badControl('a second hello');
    const hello = readHello(frame);
    const layouts = readLayouts(frame);
    const wished = this.#codecs[hello.codec];
    if (wished === undefined) {
      throw new FrameError(
        'ERR_RINGWIRE_BAD_CODEC',
        `the peer wants codec ${hello.codec}, which this side does not speak`,
      );
    }
    const codec = this.#options.followPeer ? wished : this.#encoder.codec;
    if ((hello.codecSet & (1 << codec.id)) === 0) {
      throw new FrameError('ERR_RINGWIRE_BAD_CODEC', `the peer does not speak codec ${codec.name}`);
    }
    const { structs } = this.#options;
    judgeFeatures(this.#options.features, hello.features);
    if (structs !== undefined) judgeLayouts(structs, layouts);
    this.#helloSeen = true;
    this.#encoder.agree(codec, hello.codecSet, this.parser.peerPayloadMax);
    this.greet();
    this.#sink.established(hello.id, hello.features);
  }

  #announce(frame: Frame): void {
    const { id, name } = readAnnounce(frame, this.#events.nameBytesMax);
    if (
      id !== FIRST_ANNOUNCED_ID + this.#peerSlots.length ||
      this.#peerSlots.length === ANNOUNCED_COUNT_MAX
    ) {
      throw badControl(`an announce of id ${id} out of turn`);
    }
    this.#peerSlots.push(new Slot(name));
  }
}

/** Nothing in which node-ipc's `id` could be looked for. */
function isBytes(codec: Codec): boolean {
  return codec.id === RAW || codec.id === STRUCT;
}
