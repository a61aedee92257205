/**
 * The two contracts between bytes and messages. A frame is a place in somebody else's memory, not a copy.
 *
 * Invariant: a parser has moved on before it returns a frame; whatever the caller does with it, the next call continues behind it.
 */

/**
 * One complete wire unit, *borrowed*: a parser reuses one object and its memory, both valid until the next call to the parser.
 * The payload is `bytes[start]` to `bytes[end - 1]`.
 */
export interface Frame {
  bytes: Buffer;
  start: number;
  end: number;
  /** Event id; 0 where the wire has none. */
  event: number;
  /** Codec id; 0 where the wire has none. */
  codec: number;
  flags: number;
  /** The extension's correlation id, 0 without extension. */
  correlation: number;
  /** What the extension says the frame is (`FrameKind`), 0 without extension: a plain message. */
  kind: number;
  /** Where in `bytes` a W3C trace context begins (16 bytes trace id, 8 span id, 1 flags), 0 without. */
  traceStart: number;
}

/** A frame whose fields are set by the parser that owns it. */
export function blankFrame(bytes: Buffer): Frame {
  return { bytes, start: 0, end: 0, event: 0, codec: 0, flags: 0, correlation: 0, kind: 0, traceStart: 0 };
}

/** Where `deliver` takes frames; each is borrowed for the call. */
export interface FrameReceiver {
  receive(frame: Frame): void;
}

/** Finds frames in bytes, without any I/O. After it has thrown it is dead and returns nothing more. */
export interface FrameParser {
  /** Where the next read should land. Borrowed until `advance`. */
  writable(): Buffer;
  /** That many bytes have been read into the last `writable()`. Only when `next()` has returned undefined, or after `park()`. */
  advance(bytes: number): void;
  /** Bytes in memory of somebody else; they must stay as they are until `next()` returns undefined or `park()`. */
  feed(chunk: Buffer): void;
  /** The next frame, already consumed; undefined when more bytes are needed. Throws a FrameError once. */
  next(): Frame | undefined;
  /**
   * `next` for at most `countMax` frames in a row, each handed to `receiver`. What `receive` throws ends the call; the next
   * one goes on behind the frame.
   * @returns how many there were: fewer than `countMax` when more bytes are needed
   */
  deliver(receiver: FrameReceiver, countMax: number): number;
  /** Moves what has not been parsed yet into memory of the parser's own, so that the caller may go away in mid-chunk. */
  park(): void;
  /** Gives up all that has come, and its memory: nothing more is returned. Not for receivers, within `deliver`. */
  abandon(): void;
  /** Bytes that have come and were not taken: not zero at the end of a stream means that it was cut. */
  readonly unfinishedBytes: number;
  /** Of these, the beginning of a frame that has not arrived completely. */
  readonly carriedBytes: number;
}

/** `deliver` in terms of `next`. */
export function deliverEach(
  parser: Pick<FrameParser, 'next'>,
  receiver: FrameReceiver,
  countMax: number,
): number {
  for (let count = 0; count < countMax; count++) {
    const frame = parser.next();
    if (frame === undefined) return count;
    receiver.receive(frame);
  }
  return countMax;
}
