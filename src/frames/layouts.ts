/**
 * The layouts of structs in a hello, PROTOCOL.md section 1.3: writing and reading. What they mean is not known here.
 *
 * Invariant: every length is checked against the payload before it is used.
 */
import { EVENT_NAME_BYTES_MAX, LAYOUTS_MAX } from '../limits.ts';
import { badControl, layoutsStart } from './control.ts';
import type { Frame } from './frame.ts';

/** What one side says of the struct of an event. */
export interface LayoutEntry {
  readonly event: string;
  readonly hash: bigint;
  readonly bytes: number;
  readonly fieldCount: number;
}

const FIXED_BYTES = 16;

/** The part of a hello behind its id. */
export function layoutEntries(layouts: readonly LayoutEntry[]): Buffer {
  return Buffer.concat(layouts.map(layoutEntry));
}

function layoutEntry({ event, hash, bytes, fieldCount }: LayoutEntry): Buffer {
  const name = Buffer.from(event);
  const entry = Buffer.alloc((FIXED_BYTES + name.length + 7) & ~7);
  entry.writeBigUInt64LE(hash, 0);
  entry.writeUInt32LE(bytes, 8);
  entry.writeUInt16LE(fieldCount, 12);
  entry.writeUInt16LE(name.length, 14);
  name.copy(entry, FIXED_BYTES);
  return entry;
}

/** @param frame a hello that `readHello` has accepted. @throws FrameError ERR_RINGWIRE_BAD_CONTROL */
export function readLayouts({ bytes, start, end }: Frame): LayoutEntry[] {
  const layouts: LayoutEntry[] = [];
  let at = start + layoutsStart(bytes.readUInt16LE(start + 4));
  while (at < end) {
    if (layouts.length === LAYOUTS_MAX) throw badControl(`a hello with more than ${LAYOUTS_MAX} layouts`);
    const nameAt = at + FIXED_BYTES;
    const nameBytes = nameAt <= end ? bytes.readUInt16LE(at + 14) : 0;
    const next = at + ((FIXED_BYTES + nameBytes + 7) & ~7);
    if (nameBytes === 0 || nameBytes > EVENT_NAME_BYTES_MAX || next > end)
      throw badControl('a layout is longer than its hello, or has no name');
    layouts.push({
      // A name that is not well-formed is that of no event here.
      event: bytes.toString('utf8', nameAt, nameAt + nameBytes),
      hash: bytes.readBigUInt64LE(at),
      bytes: bytes.readUInt32LE(at + 8),
      fieldCount: bytes.readUInt16LE(at + 12),
    });
    at = next;
  }
  return layouts;
}
