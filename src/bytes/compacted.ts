/**
 * Segments that may wait for long: a message that does not fit into the rest of a slab leaves that rest idle, nearly half of it where messages are
 * a little longer than half a slab. Bytes that leave at once do not mind.
 *
 * Invariant: the bytes stay the same; the slab is given back when they have left it.
 */
import type { ByteWriter, Segment } from './byte-writer.ts';

/** Shorter segments lie beside others in their slab. */
const WASTEFUL_BYTES_MIN: number = 16 * 1024;
/** Of its slab: above this a copy would gain little. */
const USED_SHARE_MIN = 3 / 4;

/** The segment, or a copy of it in memory of its own if much of its slab lies idle. @param writer the one that has sealed it */
export function compacted(segment: Segment, writer: ByteWriter): Segment {
  const { bytes, slab } = segment;
  if (slab === undefined || bytes.length < WASTEFUL_BYTES_MIN) return segment;
  if (bytes.length >= slab.bytes.length * USED_SHARE_MIN) return segment;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  writer.written(segment);
  return { bytes: copy, slab: undefined };
}
