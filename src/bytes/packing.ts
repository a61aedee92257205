/**
 * Segments that may wait for long, cut to measure. A message that does not fit into the rest of a slab leaves that rest idle, nearly half of it
 * where messages are a little longer than half a slab: packed, it goes on in the next slab instead. One that is longer than a slab is cut into
 * pieces of that size, of which the transport need not have all at once. Bytes that leave at once do not mind.
 *
 * Invariant: the bytes stay the same and in order, copies in memory of the pool, to which they come back when they are written or dropped: memory
 * that is only let go stays in use until V8 collects it, and malloc keeps most of it then. The user's own memory is not copied.
 */
import type { ByteWriter, Segment } from './byte-writer.ts';
import { SLAB_BYTES } from './slab-pool.ts';

/** Shorter segments lie beside others in their slab. */
const WASTEFUL_BYTES_MIN: number = 16 * 1024;
/** Of its slab: above this a copy would gain little. */
const USED_SHARE_MIN = 3 / 4;

/** Whether much of its slab lies idle. */
export function isWasteful({ length, slab }: Segment): boolean {
  if (slab === undefined || length < WASTEFUL_BYTES_MIN) return false;
  return length < slab.bytes.length * USED_SHARE_MIN;
}

/** Whether it is more than fits into a slab. */
export function isLarge({ length }: Segment): boolean {
  return length > SLAB_BYTES;
}

/** Puts a segment where `out` stands, in as many segments as it takes. */
export function pack(segment: Segment, out: ByteWriter): void {
  if (segment.slab === undefined) attachPieces(segment, out);
  else copy(segment, out);
}

function copy({ bytes, length, isPart }: Segment, out: ByteWriter): void {
  for (let at = 0; at < length;) {
    const end = Math.min(length, at + out.room);
    out.append(bytes.subarray(at, end));
    out.seal(isPart || end < length);
    at = end;
  }
}

/** The user's memory never ends a message. */
function attachPieces({ bytes, length }: Segment, out: ByteWriter): void {
  for (let at = 0; at < length; at += SLAB_BYTES) out.attach(bytes.subarray(at, at + SLAB_BYTES));
}
