/**
 * What a connection needs of a wire: where frames are found, how a message becomes bytes and how a frame becomes a message.
 * A wire joins one parser with its codecs; it does no I/O.
 *
 * Invariant: `encode` either writes one whole message or throws and writes nothing.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { Codec } from '../codecs/codec.ts';
import type { Publisher, Slot } from '../emitter.ts';
import type { Frame, FrameParser } from '../frames/frame.ts';
import type { Link } from './link.ts';

export type WireKind = 'delimited' | 'binary' | 'unframed';

/** Where received messages go. */
export interface Sink {
  readonly emitter: Publisher;
  /** The second argument of handlers, undefined for clients. */
  readonly origin: unknown;
  /** A message with a decoded value, the program's own from here on. */
  value(slot: Slot, data: unknown): void;
  /** A message of bytes, as the receive mode hands them over. */
  bytes(slot: Slot, data: unknown): void;
  /** One message was refused; the connection stays. */
  refused(error: Error): void;
  /** Bytes of the wire itself (a greeting, an answer to a ping) that have to go out. */
  respond(bytes: Buffer): void;
  /**
   * A frame of a request or a stream, borrowed for the call.
   * @param slot the event of a request, undefined when nobody gave its id a name; answers are known by their correlation
   */
  exchanged(frame: Frame, slot: Slot | undefined, codec: Codec): void;
  /** The session that the connection carries, or none. */
  readonly link: Link;
  /** The other side has said who it is and what it can do: messages flow in both directions from now on. */
  established(peerId: string, features: number): void;
}

/** Writes the messages that take a few steps. */
export interface QuickEncoder {
  /** `encode` where the message is such a one, and fits in what `out` lets in. @returns whether it did */
  encodeOpen(event: string, data: unknown, out: ByteWriter): boolean;
}

export interface Wire {
  readonly kind: WireKind;
  /** Of a wire that has short messages. */
  readonly quick?: QuickEncoder;
  readonly parser: FrameParser;
  /** Equal for wires whose messages are equal bytes: a broadcast encodes once for each. */
  readonly sharingKey: string;
  /** Largest message that the peer is known to accept, in bytes of payload. */
  readonly bytesMax: number;
  encode(event: string, data: unknown, out: ByteWriter): void;
  /** `encode` without what has to precede the message on this connection. */
  encodeShared(event: string, data: unknown, out: ByteWriter): void;
  /** @throws RingwireError ERR_RINGWIRE_BAD_CODEC when the peer, as it was last known, does not decode messages of `event` */
  checkShared(event: string): void;
  /** Whether it is the peer's doing, by the codec that it chose or the limit that it declared, that `encode` threw: the program cannot know. */
  isPeersDoing(event: string, error: Error): boolean;
  /** What must precede a message of `event` that `encodeShared` of any connection of the endpoint wrote. */
  prepareShared(event: string, out: ByteWriter): void;
  /** Decodes a frame and hands it to the sink. @throws FrameError when the connection has to go */
  receive(frame: Frame): void;
}
