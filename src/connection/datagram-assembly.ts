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
  /** Of all parts but the last. */
  readonly partBytes: number;
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
    const partBytes = partBytesOf(fragment, part.length);
    if (partBytes === 0) return 'ERR_RINGWIRE_BAD_CONTROL';
    if (bytes > this.#options.frameBytesMax) return 'ERR_RINGWIRE_FRAME_TOO_LARGE';
    const name = `${source} ${number}`;
    const known = this.#unfinished.get(name);
    if (
      known !== undefined &&
      (known.bytes !== bytes || known.count !== count || known.partBytes !== partBytes)
    ) {
      this.#drop(name, known);
      return 'ERR_RINGWIRE_BAD_CONTROL';
    }
    const frame = known ?? this.#begin(name, fragment, partBytes);
    if (frame.parts.has(index)) return undefined;
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

  #begin(name: string, { bytes, count }: Fragment, partBytes: number): Unfinished {
    const sinceMs = performance.now();
    const frame = { bytes, count, sinceMs, parts: new Map<number, Buffer>(), partBytes, spentBytes: 0 };
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

/** Bytes of all parts but the last, as any one of them tells; 0 when the part contradicts itself. */
function partBytesOf({ bytes, index, count }: Fragment, length: number): number {
  if (count < 2 || index >= count || length === 0 || ((length | bytes) & 7) !== 0) return 0;
  const partBytes = index < count - 1 ? length : (bytes - length) / (count - 1);
  const isWhole = partBytes > 0 && partBytes % 8 === 0;
  return isWhole && Math.ceil(bytes / partBytes) === count ? partBytes : 0;
}
