/**
 * Event names and their ids on datagrams: agreed in advance by both programs, or written into every frame. Nothing is announced, because
 * an announce could be lost.
 *
 * Invariant: what is remembered of names that peers choose is bounded.
 */
import { Slot } from '../emitter.ts';
import { checkEventName, FIRST_ANNOUNCED_ID, INLINE_NAME_ID, readEventName } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
import { EventIds } from './event-ids.ts';

/** How an event is named in a frame. */
export interface FrameName {
  readonly id: number;
  /** What precedes the data in the payload: length, name and padding; empty for agreed ids. */
  readonly block: Buffer;
}

const KEPT_NAMES_MAX = 256;
const NOTHING: Buffer = Buffer.alloc(0);
const NO_SLOT: Slot = new Slot('');

export class DatagramNames {
  readonly #events: EventIds;
  readonly #names = new Map<string, FrameName>();
  readonly #slots = new Map<string, Slot>();
  /** The inline name that came last: most peers send the same event many times in a row. */
  #lastBytes: Buffer = NOTHING;
  #lastSlot: Slot = NO_SLOT;

  /** @param agreed names with ids from 1 to 0x7FFF that both programs know */
  constructor(agreed: Readonly<Record<string, number>> = {}) {
    this.#events = new EventIds(agreed);
    for (const [id, name] of this.#events.agreedNames) this.#names.set(name, { id, block: NOTHING });
  }

  /** @throws RingwireError for a name that cannot be sent */
  of(event: string): FrameName {
    const known = this.#names.get(event);
    if (known !== undefined) return known;
    const name = { id: INLINE_NAME_ID, block: inlineBlock(event) };
    if (this.#names.size < KEPT_NAMES_MAX + this.#events.agreedNames.size) this.#names.set(event, name);
    return name;
  }

  slot(event: string): Slot {
    const known = this.#slots.get(event);
    if (known !== undefined) return known;
    const slot = new Slot(event);
    if (this.#slots.size < KEPT_NAMES_MAX + this.#events.agreedNames.size) this.#slots.set(event, slot);
    return slot;
  }

  /** The event of a frame, whose start moves behind an inline name; undefined when it is unknown or no name. */
  slotOf(frame: Frame): Slot | undefined {
    if (frame.event === INLINE_NAME_ID) return this.#takeInline(frame);
    const name = frame.event < FIRST_ANNOUNCED_ID ? this.#events.agreedNames.get(frame.event) : undefined;
    return name === undefined ? undefined : this.slot(name);
  }

  #takeInline(frame: Frame): Slot | undefined {
    const { bytes, start, end } = frame;
    if (end - start < 2) return undefined;
    const nameBytes = (bytes[start] as number) | ((bytes[start + 1] as number) << 8);
    const nameAt = start + 2;
    const dataAt = start + ((2 + nameBytes + 7) & ~7);
    if (dataAt > end) return undefined;
    frame.start = dataAt;
    if (same(this.#lastBytes, bytes, nameAt, nameBytes)) return this.#lastSlot;
    try {
      this.#lastSlot = this.slot(readEventName(bytes, nameAt, nameAt + nameBytes));
    } catch {
      return undefined;
    }
    this.#lastBytes = Buffer.from(bytes.subarray(nameAt, nameAt + nameBytes));
    return this.#lastSlot;
  }
}

function same(known: Buffer, bytes: Buffer, at: number, length: number): boolean {
  if (known.length !== length || length === 0) return false;
  for (let index = 0; index < length; index++) if (known[index] !== bytes[at + index]) return false;
  return true;
}

/** u16 length, name, zeros to a multiple of 8. */
function inlineBlock(event: string): Buffer {
  checkEventName(event);
  const nameBytes = Buffer.byteLength(event);
  const block = Buffer.alloc((2 + nameBytes + 7) & ~7);
  block.writeUInt16LE(nameBytes, 0);
  block.write(event, 2);
  return block;
}
