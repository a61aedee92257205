/**
 * Reads along on one direction of a connection and tells the messages in it: on the ringwire wire by its parser, on node-ipc's by its delimiter. It
 * changes nothing and answers nothing.
 *
 * Invariant: what it cannot read ends the observation, never the connection.
 */
import { ReceiveRing } from '../bytes/receive-ring.ts';
import { MsgpackCodec } from '../codecs/msgpack.ts';
import {
  Control,
  CONTROL_EVENT,
  controlKind,
  FIRST_ANNOUNCED_ID,
  INLINE_NAME_ID,
  MAGIC,
  readAnnounce,
  readEventName,
  readGoodbye,
  readHello,
} from '../frames/control.ts';
import { DelimitedParser, delimiterBytes } from '../frames/delimited.ts';
import type { Frame } from '../frames/frame.ts';
import { LengthPrefixedParser } from '../frames/length-prefixed.ts';
import { FRAME_BYTES_CEILING } from '../limits.ts';

export interface Observed {
  /** The event's name; of control frames, and of ids that nobody announced, what they are in brackets. */
  readonly event: string;
  /** `json`, `msgpack`, `raw`, `struct`, `control`; `node-ipc` for that wire. */
  readonly codec: string;
  /** `message`, or what the frame's extension says. */
  readonly kind: string;
  readonly correlation: number;
  readonly payload: Buffer;
}

const CODECS: readonly string[] = ['control', 'json', 'msgpack', 'raw', 'struct'];
const KINDS: readonly string[] = [
  'message',
  'request',
  'response',
  'error',
  'cancel',
  'item',
  'end',
  'credit',
];
const RING_BYTES = 64;

export class Observer {
  readonly #tell: (observed: Observed) => void;
  #parser: LengthPrefixedParser | DelimitedParser | undefined = undefined;
  readonly #names: string[] = [];
  /** Why there is nothing more to tell. */
  lost: string | undefined = undefined;

  constructor(tell: (observed: Observed) => void) {
    this.#tell = tell;
  }

  /** @param chunk read, never changed */
  read(chunk: Buffer): void {
    if (this.lost !== undefined || chunk.length === 0) return;
    this.#parser ??= parserFor(chunk[0] as number);
    try {
      this.#parser.feed(Buffer.from(chunk));
      for (let frame = this.#parser.next(); frame !== undefined; frame = this.#parser.next())
        this.#take(frame);
    } catch (error) {
      this.lost = (error as Error).message;
    }
  }

  #take(frame: Frame): void {
    if (this.#parser instanceof DelimitedParser) {
      this.#takeText(this.#parser.text());
      return;
    }
    const event = frame.event === CONTROL_EVENT ? this.#control(frame) : this.#nameOf(frame);
    this.#tell({
      event,
      codec: CODECS[frame.codec] ?? String(frame.codec),
      kind: KINDS[frame.kind] ?? String(frame.kind),
      correlation: frame.correlation,
      payload: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
    });
  }

  #takeText(text: string): void {
    const { type, data } = JSON.parse(text) as { type: unknown; data?: unknown };
    const payload = Buffer.from(data === undefined ? '' : JSON.stringify(data));
    this.#tell({ event: String(type), codec: 'node-ipc', kind: 'message', correlation: 0, payload });
  }

  #control(frame: Frame): string {
    const kind = controlKind(frame);
    if (kind === Control.hello) return `[hello ${JSON.stringify(readHello(frame).id)}]`;
    if (kind === Control.goodbye) {
      const { code, reason, text } = readGoodbye(frame);
      return `[goodbye ${code ?? reason} ${JSON.stringify(text)}]`;
    }
    if (kind !== Control.announce) return kind === Control.ping ? '[ping]' : '[pong]';
    const { id, name } = readAnnounce(frame);
    this.#names[id - FIRST_ANNOUNCED_ID] = name;
    return `[announce ${id} ${JSON.stringify(name)}]`;
  }

  #nameOf(frame: Frame): string {
    if (frame.event !== INLINE_NAME_ID)
      return this.#names[frame.event - FIRST_ANNOUNCED_ID] ?? `[event ${frame.event}]`;
    const nameBytes = frame.bytes.readUInt16LE(frame.start);
    const name = readEventName(frame.bytes, frame.start + 2, frame.start + 2 + nameBytes);
    frame.start += (2 + nameBytes + 7) & ~7;
    return name;
  }
}

function parserFor(firstByte: number): LengthPrefixedParser | DelimitedParser {
  const ring = new ReceiveRing(RING_BYTES);
  if (firstByte === MAGIC) return new LengthPrefixedParser(ring, FRAME_BYTES_CEILING);
  return new DelimitedParser(ring, delimiterBytes('\f'), FRAME_BYTES_CEILING);
}

const msgpack = new MsgpackCodec();

/** The value in a payload, for people; bytes where it is not known or cannot be read. */
export function valueOf({ codec, payload }: Observed): unknown {
  try {
    if (payload.length === 0) return undefined;
    if (codec === 'json' || codec === 'node-ipc') return JSON.parse(payload.toString()) as unknown;
    if (codec === 'msgpack') {
      const frame = { bytes: payload, start: 0, end: payload.length, event: 0, codec: 0, flags: 0 };
      return msgpack.decode({ ...frame, correlation: 0, kind: 0, traceStart: 0 });
    }
  } catch {
    // Bytes are always the truth.
  }
  return payload;
}
