/**
 * Segments that may wait for long: a message that does not fit into the rest of a slab leaves that rest idle, nearly half of it where messages are
 * a little longer than half a slab. Packed, it goes on in the next slab instead. Bytes that leave at once do not mind.
 *
 * Invariant: the bytes stay the same and in order, in memory of the pool, to which they come back when they are written or dropped: memory that is
 * only let go stays in use until V8 collects it, and malloc keeps most of it then.
 */
import type { ByteWriter, Segment } from './byte-writer.ts';

/** Shorter segments lie beside others in their slab. */
const WASTEFUL_BYTES_MIN: number = 16 * 1024;
/** Of its slab: above this a copy would gain little. */
const USED_SHARE_MIN = 3 / 4;

/** Whether much of its slab lies idle. */
export function isWasteful({ bytes, slab }: Segment): boolean {
  if (slab === undefined || bytes.length < WASTEFUL_BYTES_MIN) return false;
  return bytes.length < slab.bytes.length * USED_SHARE_MIN;
}

/** Copies a segment to where `out` stands, in as many segments as it takes. */
export function pack({ bytes, isPart }: Segment, out: ByteWriter): void {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + out.room);
    out.append(bytes.subarray(at, end));
    out.seal(isPart || end < bytes.length);
    at = end;
  }
}
