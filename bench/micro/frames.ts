/** The room frames/: both framings on a stream of equal messages, in reads of 64 KiB that end anywhere. */
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { preamble } from '../../src/frames/control.ts';
import { DelimitedParser, delimiterBytes } from '../../src/frames/delimited.ts';
import type { Frame, FrameParser } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { Digest, type MicroCase, pattern, repeated, SIZES, timesOver } from './case.ts';

const READ_BYTES: number = 64 * 1024;
const LIMIT: number = 16 * 1024 * 1024;
const DELIMITER = '\f';

interface Framing {
  readonly name: string;
  /** What stands before the first message. */
  readonly opening: Buffer;
  frame(message: Buffer): Buffer;
  parser(ring: ReceiveRing): FrameParser;
}

const FRAMINGS: readonly Framing[] = [
  {
    name: 'length-prefixed',
    opening: preamble(LIMIT),
    frame: (message) => {
      const bytes = Buffer.alloc(8 + Math.ceil(message.length / 8) * 8);
      bytes.writeUInt32LE(message.length, 0);
      bytes.writeUInt16LE(1, 4);
      bytes[6] = 3;
      message.copy(bytes, 8);
      return bytes;
    },
    parser: (ring) => new LengthPrefixedParser(ring, LIMIT),
  },
  {
    name: 'delimited',
    opening: Buffer.alloc(0),
    // No byte of the pattern's upper half is the delimiter.
    frame: (message) => Buffer.from([...message.map((byte) => byte | 0x80), 0x0c]),
    parser: (ring) => new DelimitedParser(ring, delimiterBytes(DELIMITER), LIMIT),
  },
];

function parsing(framing: Framing, name: string, size: number): MicroCase {
  const unit = framing.frame(pattern(size));
  const ring = new ReceiveRing();
  return {
    id: `micro/frames/${name}/${framing.name}`,
    count: Math.max(100, Math.floor((4 * 1024 * 1024) / size / 4)),
    run: (count) => {
      const digest = new Digest();
      const receiver = {
        receive: ({ bytes, start, end }: Frame): void => {
          digest.add(end - start);
          digest.add((bytes[end - 1] as number) | 0x80);
        },
      };
      const parser = framing.parser(ring);
      const stream = streamOf(framing, unit, count);
      for (let at = 0; at < stream.length;) {
        const room = parser.writable();
        const bytes = Math.min(READ_BYTES, room.length, stream.length - at);
        stream.copy(room, 0, at, at + bytes);
        at += bytes;
        parser.advance(bytes);
        while (parser.deliver(receiver, 64) === 64);
      }
      return digest.value;
    },
    expected: (count) => repeated(count, size, (((size - 1) * 31 + 7) % 256) | 0x80),
  };
}

const streams = new Map<Buffer, Buffer>();

/** Made once for each case: to make it is not what is measured. */
function streamOf({ opening }: Framing, unit: Buffer, count: number): Buffer {
  const bytes = opening.length + unit.length * count;
  const known = streams.get(unit);
  if (known !== undefined && known.length >= bytes) return known.subarray(0, bytes);
  const stream = Buffer.concat([opening, timesOver(unit, count)]);
  streams.set(unit, stream);
  return stream;
}

export const FRAMES: readonly MicroCase[] = FRAMINGS.flatMap((framing) =>
  Object.entries(SIZES).map(([name, size]) => parsing(framing, name, size)),
);
