/**
 * The codec `struct`: messages whose bytes are a layout that both programs know, one struct for each event. As with raw, the receiving side chooses:
 *
 * - `'copy'` (the default): a plain object of your own.
 * - `'view'` and `'frame'`: the struct's one view over the memory that was received into, *lent* until the handler returns. Nothing is allocated.
 *
 * Invariant: an event without a struct is refused by name, when it is sent and when it is received.
 */
import type { ByteWriter } from '../../bytes/byte-writer.ts';
import { MessageError } from '../../errors.ts';
import type { Frame } from '../../frames/frame.ts';
import type { Codec } from '../codec.ts';
import type { ReceiveMode } from '../raw.ts';
import type { Layout } from './layout.ts';
import { Memory } from './memory.ts';
import { readObject } from './read.ts';
import type { Struct } from './struct.ts';
import type { StructPlace } from './view.ts';
import { writeStruct } from './write.ts';

/** Structs by the name of their event. */
export type Structs = Readonly<Record<string, Struct>>;

const STRUCT = 4;

/** The messages of one event. */
export class EventStruct implements Codec {
  readonly name = 'struct';
  readonly id: number = STRUCT;
  attachment: Uint8Array | undefined = undefined;
  readonly struct: Struct;
  readonly bytes: number;
  readonly #layout: Layout;
  readonly #copies: boolean;
  /** Written here when the message does not go straight to its place. */
  readonly #scratch: Buffer;
  readonly #scratchView: DataView;
  readonly #memory: Memory = new Memory();
  readonly #place: StructPlace;
  /** Payloads that are too short, continued with zeros. */
  readonly #whole: Buffer;
  readonly #wholeMemory: Memory = new Memory();
  readonly #wholePlace: StructPlace;

  constructor(struct: Struct, receive: ReceiveMode) {
    this.struct = struct;
    this.bytes = struct.bytes;
    this.#layout = struct.layout;
    this.#copies = receive === 'copy';
    this.#scratch = Buffer.allocUnsafeSlow(struct.bytes);
    this.#scratchView = new DataView(this.#scratch.buffer, this.#scratch.byteOffset, struct.bytes);
    this.#place = new struct.View(this.#memory);
    this.#whole = Buffer.alloc(struct.bytes);
    this.#wholeMemory.turnTo(this.#whole);
    this.#wholePlace = new struct.View(this.#wholeMemory);
  }

  /** Writes a message of `bytes` bytes at `at`. @throws RingwireError ERR_RINGWIRE_INVALID_STRUCT; the bytes are undefined then */
  writeTo(out: ByteWriter, at: number, data: unknown): void {
    writeStruct(this.#layout, out, at, data);
  }

  prepare(data: unknown): number {
    writeStruct(this.#layout, { bytes: this.#scratch, view: this.#scratchView }, 0, data);
    return this.bytes;
  }

  write(out: ByteWriter, at: number): number {
    out.bytes.set(this.#scratch, at);
    return at + this.bytes;
  }

  decode(frame: Frame): unknown {
    if (frame.end - frame.start < this.bytes) return this.#decodeShort(frame);
    const memory = this.#memory;
    if (frame.bytes !== memory.bytes) memory.turnTo(frame.bytes);
    if (this.#copies) return readObject(this.#layout, memory, frame.start);
    const place = this.#place;
    place.$at = frame.start;
    return place;
  }

  /** As `decode`, but a view is one of its own, good for as long as the frame's bytes stay as they are. */
  decodeOwn(frame: Frame): unknown {
    return this.#copies ? this.decode(frame) : this.struct.view(frame.bytes.subarray(frame.start, frame.end));
  }

  /** A program that knows fewer fields has sent it. */
  #decodeShort({ bytes, start, end }: Frame): unknown {
    this.#whole.fill(0);
    bytes.copy(this.#whole, 0, start, end);
    return this.#copies ? readObject(this.#layout, this.#wholeMemory, 0) : this.#wholePlace;
  }
}

/** All events of an endpoint: finds the codec of each. It encodes and decodes nothing itself. */
export class StructCodec implements Codec {
  readonly name = 'struct';
  readonly id: number = STRUCT;
  attachment: Uint8Array | undefined = undefined;
  /** By the name of the event. */
  readonly events: ReadonlyMap<string, EventStruct>;

  constructor(structs: Structs, receive: ReceiveMode = 'copy') {
    this.events = new Map(
      Object.entries(structs).map(([event, struct]) => [event, new EventStruct(struct, receive)]),
    );
  }

  /** @throws MessageError ERR_RINGWIRE_NO_STRUCT */
  forEvent(event: string): EventStruct {
    const known = this.events.get(event);
    if (known !== undefined) return known;
    throw new MessageError(
      'ERR_RINGWIRE_NO_STRUCT',
      `there is no struct for event ${JSON.stringify(event)}: messages of the codec 'struct' need one`,
    );
  }

  prepare(): number {
    throw noEvent();
  }

  write(): number {
    throw noEvent();
  }

  decode(): unknown {
    throw noEvent();
  }
}

function noEvent(): MessageError {
  return new MessageError('ERR_RINGWIRE_NO_STRUCT', "the codec 'struct' knows messages by their event alone");
}
