/**
 * Reads along on one direction of a connection and tells the messages in it: on the ringwire wire by its parser, on node-ipc's by its delimiter, and
 * where a server speaks node-ipc's before it knows its peer, on both. It changes nothing and answers nothing.
 *
 * Invariant: what it cannot read ends the observation, never the connection.
 */
import { ReceiveRing } from '../bytes/receive-ring.ts';
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
import { FrameKind } from '../frames/header.ts';
import { LengthPrefixedParser } from '../frames/length-prefixed.ts';
import { readAckCount, readSession, type SessionState } from '../frames/session.ts';
import { FRAME_BYTES_CEILING } from '../limits.ts';
import type { Side } from './proxy.ts';

export interface Observed {
  /** The event's id on the ringwire wire. */
  readonly id: number;
  /** The event's name; of control frames, and of ids that nobody announced, what they are in brackets. */
  readonly event: string;
  /** `json`, `msgpack`, `raw`, `struct`, `control`; `node-ipc` for that wire. */
  readonly codec: string;
  /** `message`, or what the frame's extension says. */
  readonly kind: string;
  readonly correlation: number;
  readonly payload: Buffer;
  /** The trace context that the frame carries, as HTTP has it. */
  readonly traceparent: string | undefined;
}

/** By their numbers, PROTOCOL.md section 1.2. */
export const CODECS: readonly string[] = ['control', 'json', 'msgpack', 'raw', 'struct'];
/** What messages of node-ipc's wire have in common. */
const TEXT = { id: 0, codec: 'node-ipc', kind: 'message', correlation: 0, traceparent: undefined } as const;
export const KINDS: readonly string[] = [
  'message',
  'request',
  'response',
  'error',
  'cancel',
  'item',
  'end',
  'credit',
];
const { response, error: failure, item, end } = FrameKind;
const ANSWERS: ReadonlySet<number> = new Set([response, failure, item, end]);
const RING_BYTES = 64;
const NO_NAMES: ReadonlyMap<number, string> = new Map();

export class Observer {
  readonly #tell: (observed: Observed) => void;
  readonly #agreed: ReadonlyMap<number, string>;
  #parser: LengthPrefixedParser | DelimitedParser | undefined = undefined;
  readonly #names: string[] = [];
  /** Answers have the ids of whoever asked. */
  #other: Observer | undefined = undefined;
  /** Why there is nothing more to tell. */
  lost: string | undefined = undefined;

  /** @param names of ids that the programs agreed on in advance */
  constructor(tell: (observed: Observed) => void, names: ReadonlyMap<number, string> = NO_NAMES) {
    this.#tell = tell;
    this.#agreed = names;
  }

  /** The two directions of one connection. */
  static pair(
    tell: (from: Side, observed: Observed) => void,
    names?: ReadonlyMap<number, string>,
  ): Readonly<Record<Side, Observer>> {
    const client = new Observer((observed) => tell('client', observed), names);
    const server = new Observer((observed) => tell('server', observed), names);
    client.#other = server;
    server.#other = client;
    return { client, server };
  }

  /** @param chunk read, never changed */
  read(chunk: Buffer): void {
    if (this.lost !== undefined || chunk.length === 0) return;
    // No text has this byte: the ringwire wire begins with it, also behind messages of node-ipc's.
    const begins = this.#parser instanceof LengthPrefixedParser ? -1 : chunk.indexOf(MAGIC);
    try {
      if (begins !== 0) this.#feed(begins < 0 ? chunk : chunk.subarray(0, begins));
      if (begins < 0) return;
      this.#parser = new LengthPrefixedParser(new ReceiveRing(RING_BYTES), FRAME_BYTES_CEILING);
      this.#feed(chunk.subarray(begins));
    } catch (error) {
      this.lost = (error as Error).message;
    }
  }

  /** The connection has ended. */
  end(): void {
    this.#parser = undefined;
  }

  #feed(bytes: Buffer): void {
    this.#parser ??= new DelimitedParser(
      new ReceiveRing(RING_BYTES),
      delimiterBytes('\f'),
      FRAME_BYTES_CEILING,
    );
    this.#parser.feed(Buffer.from(bytes));
    for (let frame = this.#parser.next(); frame !== undefined; frame = this.#parser.next()) this.#take(frame);
  }

  #take(frame: Frame): void {
    if (this.#parser instanceof DelimitedParser) {
      this.#takeText(this.#parser.text());
      return;
    }
    const event = frame.event === CONTROL_EVENT ? this.#control(frame) : this.#nameOf(frame);
    this.#tell({
      event,
      id: frame.event,
      codec: CODECS[frame.codec] ?? String(frame.codec),
      kind: KINDS[frame.kind] ?? String(frame.kind),
      correlation: frame.correlation,
      payload: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
      traceparent: traceparentOf(frame),
    });
  }

  #takeText(text: string): void {
    const { type, data } = JSON.parse(text) as { type: unknown; data?: unknown };
    const event = String(type);
    const json = data === undefined ? '' : (dataText(text, event) ?? JSON.stringify(data));
    this.#tell({ ...TEXT, event, payload: Buffer.from(json) });
  }

  #control(frame: Frame): string {
    const kind = controlKind(frame);
    if (kind === Control.hello) return `[hello ${JSON.stringify(readHello(frame).id)}]`;
    if (kind === Control.goodbye) {
      const { code, reason, text } = readGoodbye(frame);
      return `[goodbye ${code ?? reason} ${JSON.stringify(text)}]`;
    }
    if (kind === Control.session) return sessionText(readSession(frame));
    if (kind === Control.ack) return `[ack ${readAckCount(frame)}]`;
    if (kind !== Control.announce) return kind === Control.ping ? '[ping]' : '[pong]';
    const { id, name } = readAnnounce(frame);
    this.#names[id - FIRST_ANNOUNCED_ID] = name;
    return `[announce ${id} ${JSON.stringify(name)}]`;
  }

  #namesOf({ kind }: Frame): readonly string[] {
    return this.#other !== undefined && ANSWERS.has(kind) ? this.#other.#names : this.#names;
  }

  #nameOf(frame: Frame): string {
    const { event } = frame;
    if (event !== INLINE_NAME_ID)
      return (
        this.#namesOf(frame)[event - FIRST_ANNOUNCED_ID] ?? this.#agreed.get(event) ?? `[event ${event}]`
      );
    const nameBytes = frame.bytes.readUInt16LE(frame.start);
    const name = readEventName(frame.bytes, frame.start + 2, frame.start + 2 + nameBytes);
    frame.start += (2 + nameBytes + 7) & ~7;
    return name;
  }
}

/** The data of a message as node-ipc and ringwire write it, as it was: a number may have more digits than we can hold. */
function dataText(text: string, event: string): string | undefined {
  const start = `{"type":${JSON.stringify(event)},"data":`;
  if (!text.startsWith(start) || !text.endsWith('}')) return undefined;
  const data = text.slice(start.length, -1);
  try {
    JSON.parse(data);
    return data;
  } catch {
    // There is more than data.
    return undefined;
  }
}

/** Without its number, with which anybody could take it over. */
function sessionText({ remembered, received, first }: SessionState): string {
  return `[session ${remembered ? 'remembered, ' : ''}received ${received}, first ${first}]`;
}

function traceparentOf({ bytes, traceStart: at }: Frame): string | undefined {
  if (at === 0) return undefined;
  const hex = (from: number, to: number): string => bytes.toString('hex', at + from, at + to);
  return `00-${hex(0, 16)}-${hex(16, 24)}-${hex(24, 25)}`;
}
