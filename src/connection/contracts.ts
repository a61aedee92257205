/**
 * What a connection is given and whom it tells: the contracts between a connection and its endpoint.
 */
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import type { SlabPool } from '../bytes/slab-pool.ts';
import type { AnyCodecName, Codec } from '../codecs/codec.ts';
import type { Emitter, Slot } from '../emitter.ts';
import { MessageError } from '../errors.ts';
import type { Frame } from '../frames/frame.ts';
import type { Limits, SlowConsumerPolicy } from '../limits.ts';
import type { Counters } from './counters.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { SessionContext } from './session.ts';
import type { Delivery } from './session-link.ts';
import type { Watchdog } from './watchdog.ts';
import type { Sink, Wire, WireKind } from './wire.ts';

/** What the connections of an endpoint share. */
export interface ConnectionContext {
  readonly ring: ReceiveRing;
  readonly pool: SlabPool;
  readonly limits: Limits;
  readonly emitter: Emitter;
  readonly codecs: Readonly<Record<AnyCodecName, Codec>>;
  readonly counters: Counters;
  readonly memory: MemoryBudget;
  readonly slowConsumer: SlowConsumerPolicy;
  /** Set where messages are acknowledged: what sessions share. */
  readonly sessions?: SessionContext | undefined;
  readonly watchdog: Watchdog;
  /** The key of a message, where only the newest of each key counts; without it the event. */
  readonly keyOf?: ((event: string, data: unknown) => string) | undefined;
  /** Makes the wire of a kind for one connection. */
  makeWire(kind: WireKind, sink: Sink): Wire;
}

/** How a connection finds its wire. */
export interface WireChoice {
  /** The wire in which this side sends until it knows better. */
  readonly first: WireKind;
  /**
   * This is the side that accepts: the peer speaks first, and its first byte may choose the ringwire wire. The side that connects has
   * chosen, and greets at once.
   */
  readonly followPeer: boolean;
  /** Where messages are acknowledged: the session of a client, or those of a server's clients. */
  readonly delivery?: Delivery | undefined;
}

export interface ConnectionHandlers {
  /** Both sides know each other's wire: at once for node-ipc's wires, after hello on ringwire's. */
  established(peerId: string | undefined, features: number): void;
  /** Each message, before its handlers run; only asked for when set. @returns an error when it must not reach them */
  received?: ((event: string, data: unknown) => MessageError | undefined) | undefined;
  /** Each decoded value, before its handlers. */
  identified?: ((data: unknown) => void) | undefined;
  /** After the handlers of each message; only asked for when set. */
  handled?: (() => void) | undefined;
  error(error: Error): void;
  drained(): void;
  /** Exactly once, last. @param unsentBytes accepted and perhaps not delivered */
  closed(unsentBytes: number): void;
}

/** Who takes the frames of requests and streams of one connection. */
export interface ExchangeReceiver {
  /** @param frame borrowed for the call. @throws MessageError when the frame is refused */
  exchanged(frame: Frame, slot: Slot | undefined, codec: Codec): void;
}

/** An endpoint that knows no requests. */
export const NO_EXCHANGES: ExchangeReceiver = {
  exchanged(): void {
    throw new MessageError('ERR_RINGWIRE_NO_HANDLER', 'a request, and this side answers none');
  },
};

/** What has passed through a connection, control frames not counted as messages. */
export interface Traffic {
  readonly sentMessages: number;
  /** Handed to the operating system. */
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
}
