/**
 * What a frame of a request or a stream says beside its data.
 */
import type { Codec } from '../codecs/codec.ts';

/** What joins the frames of one request and its answers. */
export interface Exchange {
  readonly correlation: number;
  readonly event: string;
  /** The event id that the asker uses; 0 when this side is the asker, and numbers it. */
  readonly eventId: number;
  /** undefined: the codec that the connection agreed on. */
  readonly codec: Codec | undefined;
  /** What a request tells the other side of the trace that it belongs to: 25 bytes. */
  readonly trace?: { readonly context: Uint8Array | undefined } | undefined;
}
