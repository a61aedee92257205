/**
 * How a message becomes datagrams for one peer: in the peer's wire and codec, by the rules of its event.
 *
 * Invariant: what throws here has sent nothing.
 */
import { ReceiveRing } from '../bytes/receive-ring.ts';
import type { AnyCodecName, Codec } from '../codecs/codec.ts';
import { JsonCodec } from '../codecs/json.ts';
import { MsgpackCodec } from '../codecs/msgpack.ts';
import { RawCodec, toBytes } from '../codecs/raw.ts';
import { StructCodec } from '../codecs/struct/codec.ts';
import { type EventRule, keyOf } from '../connection/datagram-order.ts';
import { DelimitedWire } from '../connection/delimited-wire.ts';
import { Envelopes } from '../connection/envelope.ts';
import type { Sink } from '../connection/wire.ts';
import { delimiterBytes } from '../frames/delimited.ts';
import { DEFAULT_LIMITS, FRAME_BYTES_CEILING } from '../limits.ts';
import type { DatagramLink } from './datagram-link.ts';
import type { DatagramOptions } from './datagram-options.ts';
import { eventCodecsOf, structsOf } from './event-codecs.ts';

/** The wire is only written with here: nothing arrives. */
const NO_SINK = {} as Sink;

export class DatagramOutput {
  readonly codecs: readonly (Codec | undefined)[];
  /** The codec for peers whose own is not known. */
  readonly codec: Codec;
  /** Of events that have one of their own. */
  readonly eventCodecs: ReadonlyMap<string, Codec>;
  readonly rules: ReadonlyMap<string, EventRule>;
  readonly delimiter: Buffer;
  readonly #encoding: BufferEncoding;
  readonly #text: DelimitedWire;

  /** @throws RingwireError ERR_RINGWIRE_BAD_DELIMITER */
  constructor(options: DatagramOptions, rules: Readonly<Record<string, EventRule>>) {
    const struct = new StructCodec(structsOf(options.structs, options.eventCodecs), options.receive);
    const byName: Record<AnyCodecName, Codec> = {
      json: new JsonCodec(DEFAULT_LIMITS, true),
      msgpack: new MsgpackCodec(),
      raw: new RawCodec(options.receive, options.encoding),
      struct,
    };
    const codecs: (Codec | undefined)[] = [];
    for (const codec of Object.values(byName)) codecs[codec.id] = codec;
    this.eventCodecs = eventCodecsOf(options.eventCodecs, byName, struct);
    for (const codec of this.eventCodecs.values()) codecs[codec.id] ??= codec;
    this.codecs = codecs;
    this.codec = byName[options.codec];
    this.rules = new Map(Object.entries(rules));
    this.delimiter = delimiterBytes(options.delimiter);
    this.#encoding = options.encoding;
    // How large a message may be is the packer's to judge.
    const wire = {
      envelopes: new Envelopes(this.delimiter),
      frameBytesMax: FRAME_BYTES_CEILING,
      limits: DEFAULT_LIMITS,
    };
    this.#text = new DelimitedWire(new ReceiveRing(0), wire, NO_SINK);
  }

  /** @returns false when the caller should wait for the drain @throws what the codec throws, ERR_RINGWIRE_UDP_TOO_LARGE */
  send(link: DatagramLink, event: string, data: unknown): boolean {
    const rule = this.rules.size === 0 ? undefined : this.rules.get(event);
    if (rule === undefined) return this.#sendNow(link, event, data, Infinity);
    const { mode, maxAgeMs = Infinity } = rule;
    if (mode !== 'latest') return this.#sendNow(link, event, data, maxAgeMs);
    const key = keyOf(event, rule, data);
    link.sender.sendLatest(key, maxAgeMs, () => void this.#sendNow(link, event, data, maxAgeMs));
    return true;
  }

  /** Whether it is the peer's doing, by the codec that it chose, that `send` threw: it must not end the program. */
  isPeersDoing({ wire, codecId }: DatagramLink, event: string): boolean {
    return wire === 'binary' && codecId !== this.codec.id && !this.eventCodecs.has(event);
  }

  #sendNow(link: DatagramLink, event: string, data: unknown, maxAgeMs: number): boolean {
    const { sender, wire } = link;
    if (wire === 'binary') {
      return sender.send(event, data, this.#codecOf(link, event), maxAgeMs);
    }
    if (wire === 'delimited') {
      return sender.sendWhole((out) => this.#text.encode(event, data, out), maxAgeMs);
    }
    // Without a wire there are no events: the first argument is what is sent.
    return sender.sendWhole((out) => out.append(toBytes(event, this.#encoding)), maxAgeMs);
  }

  #codecOf(link: DatagramLink, event: string): Codec {
    const own = this.eventCodecs.size === 0 ? undefined : this.eventCodecs.get(event);
    if (own !== undefined) return own;
    const codec = this.codecs[link.codecId] ?? this.codec;
    return codec.forEvent?.(event) ?? codec;
  }
}
