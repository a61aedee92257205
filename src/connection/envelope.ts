/**
 * The envelope of node-ipc's wire, `{"type":...,"data":...}`: what an endpoint remembers of event names, and the short ways for messages that look
 * like the ones before, without any text between value and bytes.
 *
 * Invariant: a short way either does what the general one does, or says that it cannot and leaves nothing behind.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { Draft, DRAFT_BYTES, wholeWords } from '../codecs/shapes/draft.ts';
import { Familiar } from '../codecs/shapes/familiar.ts';
import { JsonReader } from '../codecs/shapes/json-reader.ts';
import { encodeJsonKey, JsonWriter } from '../codecs/shapes/json-writer.ts';
import { Slot } from '../emitter.ts';

/** Names beyond these are prepared anew each time: peers choose the names that they send. */
const KEPT_NAMES_MAX = 256;

/** Longer names are not kept at all. */
const KEPT_NAME_LENGTH_MAX = 256;

const CLOSING_BRACE = 0x7d;

/** What is remembered of an event. */
export interface Envelope {
  /** All of a message up to its data: `{"type":"name","data":` */
  readonly text: string;
  readonly bytes: Buffer;
  readonly slot: Slot;
  /** What the data of received messages looks like. */
  readonly familiar: Familiar;
}

/** What the connections of an endpoint share. */
export class Envelopes {
  readonly delimiter: Buffer;
  readonly reader: JsonReader = new JsonReader();
  readonly writer: EnvelopeWriter;
  readonly #known = new Map<string, Envelope>();

  /** @param delimiter from `delimiterBytes` */
  constructor(delimiter: Buffer) {
    this.delimiter = delimiter;
    this.writer = new EnvelopeWriter(this, delimiter);
  }

  of(event: string): Envelope {
    const known = this.#known.get(event);
    if (known !== undefined) return known;
    const text = `{"type":${JSON.stringify(event)},"data":`;
    const familiar = new Familiar(encodeJsonKey);
    const envelope = { text, bytes: Buffer.from(text), slot: new Slot(event), familiar };
    if (this.#known.size < KEPT_NAMES_MAX && event.length <= KEPT_NAME_LENGTH_MAX)
      this.#known.set(event, envelope);
    return envelope;
  }
}

/** Writes messages of plain data. */
class EnvelopeWriter {
  readonly #envelopes: Envelopes;
  readonly #delimiter: Buffer;
  readonly #draft: Draft = new Draft();
  readonly #json: JsonWriter = new JsonWriter(this.#draft);
  /** The event whose envelope stands at the front of the draft, and where its data goes. */
  #event: string | undefined = undefined;
  #dataAt = 0;
  #length = 0;

  constructor(envelopes: Envelopes, delimiter: Buffer) {
    this.#envelopes = envelopes;
    this.#delimiter = delimiter;
  }

  /** Drafts a message with its delimiter. @returns its length without the delimiter, -1 when the general way has to */
  draft(event: string, data: unknown): number {
    const delimiter = this.#delimiter;
    if (event !== this.#event && !this.#turnTo(event)) return -1;
    let end = this.#json.write(data, this.#dataAt);
    if (end < 0 || end + 1 + delimiter.length > DRAFT_BYTES) return -1;
    const { bytes } = this.#draft;
    bytes[end++] = CLOSING_BRACE;
    for (let index = 0; index < delimiter.length; index++) bytes[end + index] = delimiter[index] as number;
    this.#length = end + delimiter.length;
    return end;
  }

  /** Appends what was drafted. */
  append(out: ByteWriter): void {
    const length = this.#length;
    const at = out.reserve(wholeWords(length));
    out.rewind(this.#draft.copyTo(out, at, length));
  }

  #turnTo(event: string): boolean {
    const { bytes } = this.#envelopes.of(event);
    if (this.#json.isBusy || bytes.length > DRAFT_BYTES) return false;
    bytes.copy(this.#draft.bytes);
    this.#event = event;
    this.#dataAt = bytes.length;
    return true;
  }
}
