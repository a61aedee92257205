/**
 * One connection of a replay: sends the frames of a recorded client as they were, payload by payload, in its codecs and with its numbers of requests.
 * What the peer says is read for the answers alone.
 *
 * Invariant: no frame is sent before its event's name; after `end` has settled, every request was answered, or its time was over.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { Place } from '../api/address.ts';
import { RingwireError } from '../errors.ts';
import {
  announceFrame,
  Control,
  FIRST_ANNOUNCED_ID,
  Feature,
  goodbyeFrame,
  greeting,
  INLINE_NAME_ID,
  pongFrame,
} from '../frames/control.ts';
import {
  EXTENSION_FLAG,
  extraBytes,
  LAST_ANNOUNCED_ID,
  plainFrameBytes,
  writeExtension,
  writeHeader,
} from '../frames/header.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { clientTlsOptions } from '../transports/tls-options.ts';
import { CODECS, KINDS, Observer, type Observed } from './observer.ts';
import type { TrustSettings } from './peer-options.ts';
import type { Recorded } from './recording.ts';

const HEADER_BYTES = 8;
const ALL_CODECS = 0b11110;
const ANSWERS: ReadonlySet<string> = new Set(['response', 'error', 'end']);

export class ReplayConnection {
  /** Requests that were answered, with errors and without. */
  answers = 0;
  errors = 0;
  /** Settles when it is connected, or never will be. */
  readonly ready: Promise<void>;
  readonly #socket: net.Socket;
  readonly #isText: boolean;
  readonly #names = new Map<string, number>();
  readonly #open = new Set<number>();
  #allAnswered: () => void = () => {};
  readonly #gone: Promise<void>;
  #ending = false;

  /** @param first what it is going to send first: its wire and its codec are those of the connection */
  constructor(place: Place, trust: TrustSettings, first: Recorded, failed: (error: Error) => void) {
    this.#isText = first.codec === 'node-ipc';
    this.#socket = connect(place, trust);
    this.#gone = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    const connected = once(this.#socket, place.kind === 'tls' ? 'secureConnect' : 'connect');
    this.ready = connected.then(
      () => {},
      // Told by 'error'.
      () => {},
    );
    const observer = new Observer((observed) => this.#heard(observed, failed));
    this.#socket.on('data', (chunk: Buffer) => observer.read(chunk));
    this.#socket.on('error', failed);
    this.#socket.on('close', () => {
      this.#allAnswered();
      if (!this.#ending)
        failed(new RingwireError('ERR_RINGWIRE_NOT_CONNECTED', 'the peer closed the connection'));
    });
    if (this.#isText) return;
    const codec = first.codec === 'struct' ? 'msgpack' : first.codec;
    const hello = {
      codec: CODECS.indexOf(codec),
      codecSet: ALL_CODECS,
      id: 'ringwire replay',
      features: Feature.requests,
    };
    this.#socket.write(greeting(DEFAULT_LIMITS.frameBytesMax, hello));
  }

  /** Settles when there is room for more. */
  async send(recorded: Recorded): Promise<void> {
    const bytes = this.#isText ? textOf(recorded) : this.#frameOf(recorded);
    if (recorded.kind === 'request') this.#open.add(recorded.correlation);
    else if (recorded.kind === 'cancel') this.#open.delete(recorded.correlation);
    if (!this.#socket.write(bytes) && !this.#socket.destroyed)
      await Promise.race([once(this.#socket, 'drain'), this.#gone]);
  }

  /** Waits for the answers, at most so long, and closes. @returns how many requests were not answered */
  async end(timeoutMs: number): Promise<number> {
    if (this.#open.size > 0 && !this.#socket.destroyed) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#allAnswered = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
    }
    this.#ending = true;
    this.#socket.end(this.#isText ? '' : goodbyeFrame(undefined, ''));
    const timer = setTimeout(() => this.#socket.destroy(), timeoutMs);
    await this.#gone;
    clearTimeout(timer);
    return this.#open.size;
  }

  #frameOf(recorded: Recorded): Buffer {
    const { event, codec, kind, correlation } = recorded;
    const payload = Buffer.from(recorded.payload, 'base64');
    const [id, before] = this.#idOf(recorded);
    const name = id === INLINE_NAME_ID ? inlineName(event) : Buffer.alloc(0);
    const flags = kind === 'message' && correlation === 0 ? 0 : EXTENSION_FLAG;
    const payloadBytes = name.length + payload.length;
    const frame = Buffer.alloc(plainFrameBytes(payloadBytes) + extraBytes(flags));
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    writeHeader(view, 0, payloadBytes, id, CODECS.indexOf(codec), flags);
    if (flags !== 0) writeExtension(view, HEADER_BYTES, correlation, KINDS.indexOf(kind));
    name.copy(frame, HEADER_BYTES + extraBytes(flags));
    payload.copy(frame, HEADER_BYTES + extraBytes(flags) + name.length);
    return Buffer.concat([before, frame]);
  }

  /** The event's id, and the announce that has to come before it. */
  #idOf({ event, id }: Recorded): [number, Buffer] {
    if (id !== 0) return [id, Buffer.alloc(0)];
    const known = this.#names.get(event);
    if (known !== undefined) return [known, Buffer.alloc(0)];
    const next = FIRST_ANNOUNCED_ID + this.#names.size;
    if (next > LAST_ANNOUNCED_ID) return [INLINE_NAME_ID, Buffer.alloc(0)];
    this.#names.set(event, next);
    return [next, announceFrame(next, event)];
  }

  #heard({ codec, kind, correlation, payload, event }: Observed, failed: (error: Error) => void): void {
    if (codec === 'control') {
      if (payload[0] === Control.ping) this.#socket.write(pongFrame(payload.readUInt32LE(4)));
      if (payload[0] === Control.goodbye && !this.#ending)
        failed(new RingwireError('ERR_RINGWIRE_PEER_GOODBYE', `the peer closes: ${event}`));
    } else if (ANSWERS.has(kind) && this.#open.delete(correlation)) {
      if (kind === 'error') this.errors++;
      else this.answers++;
      if (this.#open.size === 0) this.#allAnswered();
    }
  }
}

function connect(place: Place, { tls: settings }: TrustSettings): net.Socket {
  if (place.kind === 'unix') return net.connect(place.path);
  const target = { host: place.host, port: place.port, noDelay: true };
  return place.kind === 'tls'
    ? tls.connect({ ...clientTlsOptions(settings), ...target })
    : net.connect(target);
}

function textOf({ event, payload }: Recorded): Buffer {
  const data = Buffer.from(payload, 'base64').toString();
  return Buffer.from(`{"type":${JSON.stringify(event)}${data === '' ? '' : `,"data":${data}`}}\f`);
}

function inlineName(name: string): Buffer {
  const text = Buffer.from(name);
  const bytes = Buffer.alloc((2 + text.length + 7) & ~7);
  bytes.writeUInt16LE(text.length, 0);
  text.copy(bytes, 2);
  return bytes;
}
