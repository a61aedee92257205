/**
 * The receive loop of one connection: memory for the kernel, frames out of what arrives, each frame to its wire, and a pause when the
 * peer has had its turn. It decides nothing about wires or errors; the connection does.
 *
 * Invariant: what has been read is parsed before more is read, or parked; `stop` ends the loop for good.
 */
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { FrameError, MessageError } from '../errors.ts';
import { MAGIC } from '../frames/control.ts';
import type { DelimitedWire } from './delimited-wire.ts';
import { Turn, type TurnLimits } from './turn.ts';
import type { Wire } from './wire.ts';

/** Of an unfinished message, so much is each peer's own and counts for nobody. */
const OWN_BYTES: number = 64 * 1024;

/** What the receivers of all connections account for. */
export interface ReceiverMemory {
  receivingBytes: number;
  check(): void;
}

/** The wire in which the peer sends, and messages in node-ipc's wire that may precede it. */
export interface ReaderChoice {
  readonly wire: Wire;
  readonly prelude?: DelimitedWire;
}

export interface ReceiverHandlers {
  /** The peer's first byte is there. */
  choose(firstByte: number): ReaderChoice;
  /** One message is refused, or the last one is not complete; the loop goes on behind it. */
  refused(error: Error): void;
  /** The frame boundaries are gone. */
  broken(error: Error): void;
  /** The peer has ended, and all that it sent has been handled. */
  exhausted(): void;
  pause(): void;
  resume(): void;
}

export class Receiver {
  receivedBytes = 0;
  /** Bytes of a message that has not arrived completely, above OWN_BYTES. */
  receivingBytes = 0;
  readonly #ring: ReceiveRing;
  readonly #handlers: ReceiverHandlers;
  readonly #memory: ReceiverMemory;
  readonly #turn: Turn;
  #wire: Wire | undefined = undefined;
  #prelude: DelimitedWire | undefined = undefined;
  /** Whose memory the kernel was given. */
  #asked: Wire | undefined = undefined;
  #askedBytes = 0;
  #looping = false;
  #stopped = false;
  /** The peer has ended. */
  #isLast = false;

  constructor(ring: ReceiveRing, limits: TurnLimits, memory: ReceiverMemory, handlers: ReceiverHandlers) {
    this.#ring = ring;
    this.#memory = memory;
    this.#handlers = handlers;
    this.#turn = new Turn(limits, () => this.#continue());
  }

  /** Bytes of a message that has not arrived completely. */
  get unfinishedBytes(): number {
    return (this.#prelude ?? this.#wire)?.parser.unfinishedBytes ?? 0;
  }

  /** Messages that were handled or refused. */
  get handledCount(): number {
    return this.#turn.handledCount;
  }

  /** How often the peer spent its whole turn. */
  get turnsSpent(): number {
    return this.#turn.spentCount;
  }

  /** Where the next read should land. Borrowed until `received`. */
  writable(): Buffer {
    this.#asked = this.#prelude ?? this.#wire;
    const memory = this.#asked === undefined ? this.#ring.lap() : this.#asked.parser.writable();
    this.#askedBytes = memory.length;
    return memory;
  }

  /** That many bytes landed in the last `writable()`. */
  received(bytes: number): void {
    if (this.#stopped) return;
    this.receivedBytes += bytes;
    const reader = this.#reader(this.#ring.bytes);
    if (this.#asked === undefined || this.#asked === reader) reader.parser.advance(bytes);
    // The prelude has ended meanwhile.
    else reader.parser.feed(this.#ring.bytes.subarray(0, bytes));
    // Behind a read that does not fill its memory libuv looks after others first.
    this.#turn.arrived(bytes, bytes < this.#askedBytes);
    this.#loop();
  }

  /** @param chunk borrowed for the call */
  receivedChunk(chunk: Buffer): void {
    if (this.#stopped) return;
    this.receivedBytes += chunk.length;
    this.#reader(chunk).parser.feed(chunk);
    this.#turn.arrived(chunk.length, false);
    this.#loop();
  }

  /** The peer will send nothing more. What is parked comes first. */
  ended(): void {
    this.#isLast = true;
    if (!this.#turn.over || this.#stopped) this.#exhausted();
  }

  /** Takes nothing more, and gives up what is unfinished. */
  stop(): void {
    this.#stopped = true;
    this.#turn.stop();
    if (!this.#looping) this.#abandon();
  }

  #abandon(): void {
    (this.#prelude ?? this.#wire)?.parser.abandon();
    this.#account(0);
  }

  /** @param bytes that have come of a message and may stay */
  #account(bytes: number): void {
    const more = Math.max(0, bytes - OWN_BYTES) - this.receivingBytes;
    this.receivingBytes += more;
    this.#memory.receivingBytes += more;
  }

  #reader(firstBytes: Buffer): Wire {
    if (this.#wire === undefined) {
      const { wire, prelude } = this.#handlers.choose(firstBytes[0] as number);
      this.#wire = wire;
      this.#prelude = prelude;
    }
    return this.#prelude ?? this.#wire;
  }

  #loop(): void {
    // What completes a message counts no more: its handlers may send that much.
    this.#account(0);
    this.#looping = true;
    this.#readOn();
    this.#looping = false;
    if (this.#stopped) this.#abandon();
    else this.#account((this.#prelude ?? this.#wire)?.parser.carriedBytes ?? 0);
    // It may be this peer that is cut.
    if (this.receivingBytes > 0) this.#memory.check();
    if (this.#turn.over && !this.#stopped) this.#yield();
  }

  #readOn(): void {
    const turn = this.#turn;
    for (let done = false; !done && !this.#stopped;) {
      try {
        if (this.#prelude !== undefined) this.#readPrelude(this.#prelude);
        else pump(this.#wire as Wire, turn);
        done = this.#prelude === undefined || turn.over || this.#prelude.parser.firstByte === undefined;
      } catch (error) {
        if (error instanceof MessageError) this.#refused(error);
        else this.#handlers.broken(error as Error);
      }
    }
  }

  /** Messages in node-ipc's wire up to the byte that begins the ringwire greeting. */
  #readPrelude(prelude: DelimitedWire): void {
    const { parser } = prelude;
    while (parser.firstByte !== MAGIC) {
      const frame = parser.next();
      if (frame === undefined) return;
      prelude.receive(frame);
      this.#turn.handled(1);
    }
    const wire = this.#wire as Wire;
    this.#prelude = undefined;
    wire.parser.feed(parser.takeRest());
    pump(wire, this.#turn);
  }

  #refused(error: MessageError): void {
    this.#handlers.refused(error);
    // Refusing takes longer than reading: it is timed like a stride.
    this.#turn.handled(1);
    this.#turn.isOver();
  }

  #yield(): void {
    this.#handlers.pause();
    this.#turn.yield();
  }

  #exhausted(): void {
    if (!this.#stopped && this.unfinishedBytes > 0) {
      this.#handlers.refused(
        new FrameError('ERR_RINGWIRE_TRUNCATED', 'the peer closed in the middle of a message'),
      );
    }
    this.#handlers.exhausted();
  }

  /** The budget is fresh: what was parked goes on, then the transport. */
  #continue(): void {
    if (this.#stopped) return;
    this.#loop();
    if (this.#turn.over || this.#stopped) return;
    if (this.#isLast) this.#exhausted();
    else this.#handlers.resume();
  }
}

/** The hot loop: the parser's, in strides between which the turn may end. */
function pump(wire: Wire, turn: Turn): void {
  const { parser } = wire;
  for (;;) {
    const { stride } = turn;
    const count = parser.deliver(wire, stride);
    turn.handled(count);
    if (count < stride) return;
    if (turn.isOver()) {
      parser.park();
      return;
    }
  }
}
