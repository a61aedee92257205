/** The room bytes/: reads into the ring, an unfinished unit in the carry, the writer, copies and views of small messages. */
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import { Carry } from '../../src/bytes/carry.ts';
import { CopyPool } from '../../src/bytes/copy-pool.ts';
import { LentViews } from '../../src/bytes/lent-views.ts';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { Digest, type MicroCase, pattern, repeated, SIZES } from './case.ts';

function last(bytes: Uint8Array, end: number = bytes.length): number {
  return bytes[end - 1] as number;
}

function ring(name: string, size: number): MicroCase {
  const memory = new ReceiveRing();
  const message = pattern(size);
  return {
    id: `micro/bytes/${name}/ring`,
    count: 20_000,
    run: (count) => {
      const digest = new Digest();
      for (let index = 0; index < count; index++) {
        const lap = memory.lapAfter(index % 64);
        message.copy(lap);
        digest.add(last(lap, size));
      }
      return digest.value;
    },
    expected: (count) => repeated(count, last(message)),
  };
}

function carry(name: string, size: number): MicroCase {
  const memory = new Carry(new ReceiveRing(64));
  const message = pattern(size);
  const half = size / 2;
  return {
    id: `micro/bytes/${name}/carry`,
    count: 10_000,
    run: (count) => {
      const digest = new Digest();
      for (let index = 0; index < count; index++) {
        memory.append(message, 0, half, size);
        memory.append(message, half, size, size);
        digest.add(last(memory.bytes, memory.length));
        memory.clear();
      }
      memory.letGo();
      return digest.value;
    },
    expected: (count) => repeated(count, last(message)),
  };
}

/** Every message is appended; what is sealed is looked at and given back at once, as a transport that keeps up does. */
function writer(name: string, size: number): MicroCase {
  const message = pattern(size);
  return {
    id: `micro/bytes/${name}/writer`,
    count: 20_000,
    run: (count) => {
      const digest = new Digest();
      const waiting: Segment[] = [];
      const out = new ByteWriter(new SlabPool(), (segment) => waiting.push(segment));
      const look = (): void => {
        for (const segment of waiting.splice(0)) {
          for (let end = size; end <= segment.bytes.length; end += size) digest.add(last(segment.bytes, end));
          out.written(segment);
        }
      };
      for (let index = 0; index < count; index++) {
        out.append(message);
        look();
      }
      out.seal();
      look();
      return digest.value;
    },
    expected: (count) => repeated(count, last(message)),
  };
}

/** A Buffer for each of the messages that lie in `memory` one behind the other. */
function buffers(what: string, name: string, size: number, make: (memory: Buffer) => Make): MicroCase {
  const memory = pattern(size * Math.floor((256 * 1024) / size));
  const buffer = make(memory);
  const each = (count: number, visit: (start: number) => void): void => {
    for (let index = 0, start = 0; index < count; index++, start = (start + size) % memory.length)
      visit(start);
  };
  return {
    id: `micro/bytes/${name}/${what}`,
    count: 10_000,
    run: (count) => {
      const digest = new Digest();
      each(count, (start) => digest.add(last(buffer(memory, start, start + size))));
      return digest.value;
    },
    expected: (count) => {
      const digest = new Digest();
      each(count, (start) => digest.add(((start + size - 1) * 31 + 7) % 256));
      return digest.value;
    },
  };
}

type Make = (memory: Buffer, start: number, end: number) => Buffer;

function copies(memory: Buffer): Make {
  const pool = new CopyPool(memory);
  return (source, start, end) => pool.copy(source, start, end);
}

function views(memory: Buffer): Make {
  const lent = new LentViews(memory);
  return (source, start, end) => lent.of(source, start, end);
}

export const BYTES: readonly MicroCase[] = Object.entries(SIZES).flatMap(([name, size]) => [
  ring(name, size),
  carry(name, size),
  writer(name, size),
  buffers('copies', name, size, copies),
  buffers('views', name, size, views),
]);
