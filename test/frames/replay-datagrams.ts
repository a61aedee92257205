/**
 * Datagrams through the TypeScript reader, names and assembly, as lines: see replay.ts. Each piece is a datagram.
 *
 * It leaves out what needs a peer: sequences, figures, answers.
 * Invariant: nothing but unfinished frames goes from one datagram to the next.
 */
import { DatagramAssembly } from '../../src/connection/datagram-assembly.ts';
import { DatagramNames } from '../../src/connection/datagram-names.ts';
import { DatagramFlag, DatagramReader } from '../../src/frames/datagram.ts';
import type { Frame } from '../../src/frames/frame.ts';
import type { Setting } from '../support/vectors.ts';
import { lineOf, unitBytesOf } from './replay.ts';

class DatagramReplay {
  readonly #lines: string[] = [];
  readonly #reader: DatagramReader;
  readonly #names: DatagramNames;
  readonly #assembly: DatagramAssembly;

  constructor({ limit, agreed }: Setting) {
    this.#reader = new DatagramReader(limit);
    this.#names = new DatagramNames(
      Object.fromEntries(Array.from({ length: agreed }, (_, index) => [`agreed ${index + 1}`, index + 1])),
    );
    this.#assembly = new DatagramAssembly({
      frameBytesMax: limit + 48,
      bytesMax: 1 << 20,
      deadlineMs: 60_000,
    });
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  take(bytes: Buffer): void {
    const reader = this.#reader;
    const isOpen = reader.open(bytes);
    const isFragment = (reader.flags & DatagramFlag.fragment) !== 0;
    // Numbers of a fragment that contradict each other are the part's fault; the header is well.
    if (!isOpen && !(isFragment && reader.fault === 'ERR_RINGWIRE_BAD_CONTROL')) {
      this.#end(reader.fault, 0);
      return;
    }
    this.#header();
    if (!isOpen) this.#end(reader.fault, reader.start);
    else if (isFragment) this.#part(bytes);
    else this.#frames(bytes.length);
  }

  #header(): void {
    const { flags, sequence, session, sentUs, fragment } = this.#reader;
    const timing = flags & DatagramFlag.timing ? [session >>> 0, sentUs >>> 0] : [0, 0];
    const { number, bytes, index, count } = fragment;
    const part = flags & DatagramFlag.fragment ? [number, bytes, index, count] : [];
    this.#lines.push(['datagram', flags, sequence, ...timing, ...part].join(' '));
  }

  #part(bytes: Buffer): void {
    const reader = this.#reader;
    const { start } = reader;
    const added = this.#assembly.add('', reader.fragment, bytes.subarray(start));
    if (typeof added === 'string') {
      this.#end(added, start);
      return;
    }
    if (added !== undefined) {
      const frame = reader.whole(added);
      if (frame === undefined) {
        this.#end(reader.fault, start);
        return;
      }
      this.#frame(frame);
    }
    this.#end(undefined, bytes.length);
  }

  #frames(length: number): void {
    const reader = this.#reader;
    let offset = reader.start;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      offset += unitBytesOf(frame);
      this.#frame(frame);
    }
    this.#end(reader.fault, reader.fault === undefined ? length : offset);
  }

  #frame(frame: Frame): void {
    const line = lineOf(frame);
    if (frame.event === 0) this.#lines.push(line);
    else this.#lines.push(`${this.#names.slotOf(frame) === undefined ? 'refused' : 'frame'} ${line}`);
  }

  #end(fault: string | undefined, offset: number): void {
    this.#lines.push(`end ${fault?.replace('ERR_RINGWIRE_', '') ?? 'OK'} ${offset}`);
  }
}

/** @param datagrams each as it arrives */
export function replayDatagrams(setting: Setting, datagrams: readonly Buffer[]): string {
  const replay = new DatagramReplay(setting);
  for (const datagram of datagrams) replay.take(Buffer.from(datagram));
  return replay.lines.join('\n');
}
