/**
 * Event names and their ids for what an endpoint sends on the ringwire wire: agreed in advance by the program, or given out in
 * the order of first use. All connections of an endpoint share one table, so equal messages are equal bytes.
 *
 * Invariant: an id, once given, keeps its name; names beyond the table's bound travel inline.
 */
import { MessageError, RingwireError } from '../errors.ts';
import { announceFrame, checkEventName, FIRST_ANNOUNCED_ID, INLINE_NAME_ID } from '../frames/control.ts';
import { AGREED_ID_MAX, ANNOUNCED_COUNT_MAX, EVENT_NAME_BYTES_MAX } from '../limits.ts';

export class EventIds {
  readonly #ids = new Map<string, number>();
  readonly #announces: Buffer[] = [];
  /** Names by agreed id, for what is received. */
  readonly agreedNames: Map<number, string> = new Map();

  /** Longest name, sent or received. */
  readonly nameBytesMax: number;

  /** @param agreed names with ids from 1 to 0x7FFF that both programs know */
  constructor(agreed: Readonly<Record<string, number>> = {}, nameBytesMax: number = EVENT_NAME_BYTES_MAX) {
    this.nameBytesMax = nameBytesMax;
    for (const [name, id] of Object.entries(agreed)) {
      checkEventName(name, this.nameBytesMax);
      if (!Number.isInteger(id) || id < 1 || id > AGREED_ID_MAX || this.agreedNames.has(id)) {
        throw new RingwireError(
          'ERR_RINGWIRE_BAD_CONFIG',
          `event ${JSON.stringify(name)} needs an id of its own from 1 to ${AGREED_ID_MAX}, not ${id}`,
        );
      }
      this.#ids.set(name, id);
      this.agreedNames.set(id, name);
    }
  }

  /** The id of `name`, INLINE_NAME_ID when the table is full. @throws RingwireError for a name that cannot be sent */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    checkEventName(name, this.nameBytesMax);
    if (this.#announces.length === ANNOUNCED_COUNT_MAX) return INLINE_NAME_ID;
    const id = FIRST_ANNOUNCED_ID + this.#announces.length;
    this.#ids.set(name, id);
    this.#announces.push(announceFrame(id, name));
    return id;
  }

  get announcedCount(): number {
    return this.#announces.length;
  }

  /** The announce frame of `FIRST_ANNOUNCED_ID + index`. */
  announce(index: number): Buffer {
    return this.#announces[index] as Buffer;
  }
}

/** An event id that a peer uses without having given it a name. */
export function unknownEvent(id: number): MessageError {
  return new MessageError(
    'ERR_RINGWIRE_INVALID_EVENT',
    `a message for event id ${id}, which was neither announced nor agreed on`,
  );
}
