/**
 * Frames from their parts, for all sources of an endpoint. Memory is spent on parts that came, never on what they promise.
 *
 * Invariant: unfinished frames hold at most `bytesMax`, each at most `deadlineMs`; the oldest is given up first.
 */
import type { ErrorCode } from '../errors.ts';
import type { Fragment } from '../frames/datagram.ts';

export interface AssemblyOptions {
  /** Largest frame. */
  readonly frameBytesMax: number;
  readonly bytesMax: number;
  readonly deadlineMs: number;
}

interface Unfinished {
  readonly bytes: number;
  readonly count: number;
  readonly sinceMs: number;
  readonly parts: Map<number, Buffer>;
  /** Of all parts but the last; 0 until one of them has come. */
  partBytes: number;
  spentBytes: number;
}

/** What keeping a part costs beside its bytes, roughly. */
const PART_COST = 128;

export class DatagramAssembly {
  /** Frames that were given up. */
  abandoned = 0;
  readonly #options: AssemblyOptions;
  readonly #unfinished = new Map<string, Unfinished>();
  #spentBytes = 0;

  constructor(options: AssemblyOptions) {
    this.#options = options;
  }

  /** Bytes that unfinished frames hold. */
  get spentBytes(): number {
    return this.#spentBytes;
  }

  /**
   * Takes a part, borrowed memory of which is kept.
   * @param source tells senders apart
   * @returns the frame when it is complete, undefined when it is not, or why the part is refused
   */
  add(source: string, fragment: Fragment, part: Buffer): Buffer | ErrorCode | undefined {
    this.expire();
    const { number, bytes, index, count } = fragment;
    if (bytes > this.#options.frameBytesMax) return 'ERR_RINGWIRE_FRAME_TOO_LARGE';
    const name = `${source} ${number}`;
    const known = this.#unfinished.get(name);
    const frame = known ?? this.#begin(name, bytes, count);
    if (frame.bytes !== bytes || frame.count !== count || !fits(frame, index, part.length)) {
      this.#drop(name, frame);
      return 'ERR_RINGWIRE_BAD_CONTROL';
    }
    if (frame.parts.has(index)) return undefined;
    if (index < count - 1) frame.partBytes = part.length;
    frame.parts.set(index, part);
    this.#spend(frame, part.length + PART_COST);
    if (frame.parts.size < count) {
      this.#makeRoom();
      return undefined;
    }
    this.#remove(name, frame);
    return Buffer.concat(Array.from({ length: count }, (_, at) => frame.parts.get(at) as Buffer));
  }

  /** Gives up what has waited too long. */
  expire(): void {
    const since = performance.now() - this.#options.deadlineMs;
    for (const [name, frame] of this.#unfinished) {
      if (frame.sinceMs > since) return;
      this.#drop(name, frame);
    }
  }

  #begin(name: string, bytes: number, count: number): Unfinished {
    const sinceMs = performance.now();
    const frame = { bytes, count, sinceMs, parts: new Map<number, Buffer>(), partBytes: 0, spentBytes: 0 };
    this.#unfinished.set(name, frame);
    this.#spend(frame, PART_COST);
    return frame;
  }

  #spend(frame: Unfinished, bytes: number): void {
    frame.spentBytes += bytes;
    this.#spentBytes += bytes;
  }

  #makeRoom(): void {
    for (const [name, frame] of this.#unfinished) {
      if (this.#spentBytes <= this.#options.bytesMax) return;
      this.#drop(name, frame);
    }
  }

  #drop(name: string, frame: Unfinished): void {
    this.abandoned++;
    this.#remove(name, frame);
  }

  #remove(name: string, frame: Unfinished): void {
    this.#unfinished.delete(name);
    this.#spentBytes -= frame.spentBytes;
  }
}

/** Whether a part can be the one at `index`, by what is known of the others. */
function fits({ bytes, count, partBytes, parts }: Unfinished, index: number, length: number): boolean {
  if (index < count - 1) {
    if (length === 0 || (length & 7) !== 0 || (partBytes !== 0 && partBytes !== length)) return false;
    const last = parts.get(count - 1)?.length;
    const rest = bytes - length * (count - 1);
    return rest > 0 && rest <= length && (last === undefined || last === rest);
  }
  return partBytes === 0 ? length > 0 && length <= bytes : length === bytes - partBytes * (count - 1);
}
