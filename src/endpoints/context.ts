/**
 * What all connections of an endpoint share: receive memory, slabs, codecs, event ids and limits, made once from the endpoint's options.
 *
 * Invariant: two connections of one context write equal messages as equal bytes, as long as they use the same wire and codec.
 */
import { ReceiveRing, RING_BYTES } from '../bytes/receive-ring.ts';
import { SlabPool } from '../bytes/slab-pool.ts';
import type { AnyCodecName, Codec } from '../codecs/codec.ts';
import { JsonCodec } from '../codecs/json.ts';
import { MsgpackCodec } from '../codecs/msgpack.ts';
import { RawCodec, type ReceiveMode } from '../codecs/raw.ts';
import { StructCodec, type Structs } from '../codecs/struct/codec.ts';
import { ownLayouts } from '../connection/agreement.ts';
import { AcknowledgedWire } from '../connection/acknowledged-wire.ts';
import { BinaryWire } from '../connection/binary-wire.ts';
import type { ConnectionContext } from '../connection/contracts.ts';
import { Counters } from '../connection/counters.ts';
import { DelimitedWire } from '../connection/delimited-wire.ts';
import { Envelopes } from '../connection/envelope.ts';
import { EventIds } from '../connection/event-ids.ts';
import { MemoryBudget } from '../connection/memory-budget.ts';
import { KeptBytes } from '../connection/kept-bytes.ts';
import { UnframedWire } from '../connection/unframed-wire.ts';
import { Watchdog } from '../connection/watchdog.ts';
import type { Sink, Wire, WireKind } from '../connection/wire.ts';
import type { Emitter } from '../emitter.ts';
import { Feature } from '../frames/control.ts';
import { delimiterBytes } from '../frames/delimited.ts';
import {
  FRAME_BYTES_FLOOR,
  KEPT_SLAB_BYTES,
  KEPT_SLABS_FREE_MAX,
  type Limits,
  type SlowConsumerPolicy,
} from '../limits.ts';
import { type EventCodecs, eventCodecsOf, structsOf } from './event-codecs.ts';

export interface Accounts {
  readonly memory: MemoryBudget;
  readonly kept: KeptBytes;
  readonly counters: Counters;
}

export interface ContextOptions {
  /** What this side calls itself in a hello. */
  id: string;
  limits: Limits;
  /** How raw messages and structs are received. */
  receive: ReceiveMode;
  /** Encoding of strings that are sent raw. */
  encoding: BufferEncoding;
  /** The codec in which messages are sent on the ringwire wire; a server follows its peers instead. */
  codec: AnyCodecName;
  followPeer: boolean;
  /** End of a message on node-ipc's wire. */
  delimiter: string;
  /** Event names with ids that both programs know. */
  events: Readonly<Record<string, number>>;
  /** Events with a codec of their own: its name, its struct, or an object that knows more than the name says. */
  eventCodecs?: EventCodecs | undefined;
  /** The structs of events, for peers that speak the codec 'struct'. */
  structs?: Structs | undefined;
  /** What this side offers in a hello, bits of `Feature`. */
  features?: number | undefined;
  /** Messages are acknowledged, in both directions. */
  ack?: boolean | undefined;
  /** What happens to a peer, or its messages, above the hard mark; 'drop-newest' unless said otherwise. */
  slowConsumer?: SlowConsumerPolicy | undefined;
  /** The key of a message, for the policy 'latest'; without it the event. */
  keyOf?: ((event: string, data: unknown) => string) | undefined;
  /** What the endpoints of an instance share: the bytes that wait for all peers, and the counts. */
  accounts?: Accounts | undefined;
  /** Debug switch: received bytes are overwritten once their handler has returned. */
  poison: boolean;
}

/** @throws RingwireError ERR_RINGWIRE_BAD_DELIMITER, ERR_RINGWIRE_BAD_CONFIG */
export function makeContext(emitter: Emitter, options: ContextOptions): ConnectionContext {
  const { limits } = options;
  const ring = new ReceiveRing(RING_BYTES, options.poison);
  const raw = new RawCodec(options.receive, options.encoding, ring.bytes);
  const struct = new StructCodec(structsOf(options.structs, options.eventCodecs), options.receive);
  const byName: Record<AnyCodecName, Codec> = {
    json: new JsonCodec(limits),
    msgpack: new MsgpackCodec(limits),
    raw,
    struct,
  };
  const codecs: (Codec | undefined)[] = [];
  for (const codec of Object.values(byName)) {
    // Without a struct there is nothing that it could decode.
    if (codec !== struct || struct.events.size > 0) codecs[codec.id] = codec;
  }
  const eventCodecs = eventCodecsOf(options.eventCodecs, byName, struct);
  for (const codec of eventCodecs.values()) codecs[codec.id] ??= codec;
  const events = new EventIds(options.events, limits.eventNameBytesMax);
  // One that is larger than what all peers together may take could never arrive: its sender is told before it begins.
  const frameBytesMax = Math.max(
    FRAME_BYTES_FLOOR,
    Math.min(limits.frameBytesMax, limits.totalPendingBytesMax),
  );
  const sentBytesMax = limits.frameBytesMax;
  const delimited = {
    envelopes: new Envelopes(delimiterBytes(options.delimiter)),
    frameBytesMax,
    sentBytesMax,
    limits,
  };
  const binary = {
    codecs,
    codec: byName[options.codec],
    followPeer: options.followPeer,
    events,
    eventCodecs: eventCodecs.size > 0 ? eventCodecs : undefined,
    frameBytesMax,
    sentBytesMax,
    id: options.id,
    features: (options.features ?? 0) | (options.ack === true ? Feature.session : 0),
    structs: struct,
    layouts: ownLayouts(struct),
  };
  const Binary = options.ack === true ? AcknowledgedWire : BinaryWire;
  const makeWire = (kind: WireKind, sink: Sink): Wire => {
    if (kind === 'binary') return new Binary(ring, binary, sink);
    if (kind === 'delimited') return new DelimitedWire(ring, delimited, sink);
    return new UnframedWire(ring, raw, sink);
  };
  const memory = options.accounts?.memory ?? new MemoryBudget(limits.totalPendingBytesMax);
  const counters = new Counters(options.accounts?.counters);
  const watchdog = new Watchdog(limits, memory);
  const { keyOf, slowConsumer = 'drop-newest' } = options;
  const pool = new SlabPool();
  const kept = options.accounts?.kept ?? new KeptBytes(limits.totalPendingBytesMax);
  return {
    ring,
    pool,
    sessions: options.ack === true ? { pool, keptPool: keptPool(), limits, kept } : undefined,
    limits,
    emitter,
    codecs: byName,
    counters,
    memory,
    watchdog,
    slowConsumer,
    keyOf,
    makeWire,
  };
}

function keptPool(): SlabPool {
  return new SlabPool(KEPT_SLABS_FREE_MAX, KEPT_SLAB_BYTES);
}
