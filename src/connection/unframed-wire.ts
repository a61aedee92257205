/**
 * node-ipc's `rawBuffer` mode on a connection: `emit(bytes)` writes them as they are, whatever arrives is the event `data`.
 *
 * Invariant: bytes in equal bytes out, whatever `encoding` says; it only applies to strings that are sent.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import type { RawCodec } from '../codecs/raw.ts';
import { Slot } from '../emitter.ts';
import type { Frame } from '../frames/frame.ts';
import { UnframedParser } from '../frames/unframed.ts';
import type { Sink, Wire } from './wire.ts';

export class UnframedWire implements Wire {
  readonly kind = 'unframed';
  readonly sharingKey = 'unframed';
  readonly parser: UnframedParser;
  readonly bytesMax: number = Infinity;
  readonly #codec: RawCodec;
  readonly #sink: Sink;
  readonly #slot: Slot = new Slot('data');

  constructor(ring: ReceiveRing, codec: RawCodec, sink: Sink) {
    this.parser = new UnframedParser(ring);
    this.#codec = codec;
    this.#sink = sink;
  }

  /** @param bytes is what node-ipc's raw `emit` takes in the place of an event name */
  encode(bytes: unknown, _data: unknown, out: ByteWriter): void {
    const length = this.#codec.prepare(bytes);
    const attachment = this.#codec.attachment;
    if (attachment !== undefined) {
      out.attach(attachment);
      this.#codec.attachment = undefined;
    } else {
      const at = out.reserve(length);
      this.#codec.write(out, at);
    }
  }

  encodeShared(event: unknown, data: unknown, out: ByteWriter): void {
    this.encode(event, data, out);
  }

  /** The peer chooses nothing here. */
  isPeersDoing(): boolean {
    return false;
  }

  checkShared(): void {
    // Nothing is decoded.
  }

  prepareShared(): void {
    // Bytes need nothing before them.
  }

  receive(frame: Frame): void {
    this.#sink.bytes(this.#slot, this.#codec.decode(frame));
  }
}
