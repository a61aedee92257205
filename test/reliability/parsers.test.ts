/**
 * Rows T01, T02, T07, T15 and T26 of RELIABILITY.md in the parsers themselves: any bytes, any chunking, any delimiter, any place in memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedParser, delimiterBytes } from '../../src/frames/delimited.ts';
import type { Frame, FrameParser } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { frame, inlineFrame, PREAMBLE } from '../frames/naive.ts';
import { deliver, everyCut, everySplit, evenly, randomly, WAYS } from '../frames/pieces.ts';
import { type Random, seeded } from '../support/seeded.ts';
import { judgeStream } from './oracle.ts';
import { parseStream } from './parsed.ts';
import { scaled } from './scale.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const LIMIT = 1024;

/** Frames that are good, nearly good, or nothing of the kind. */
function stream(random: Random): Buffer {
  const units: Buffer[] = [];
  if (random.below(16) > 0) units.push(PREAMBLE);
  for (let count = random.below(6); count > 0; count--) {
    const kind = random.below(6);
    const payload = random.bytes(random.below(random.pick([4, 40, 400])));
    if (kind === 0) units.push(random.bytes(random.below(30)));
    else if (kind === 1) units.push(inlineFrame('name', 1 + random.below(4), 'x'));
    else if (kind === 2) units.push(frame(random.below(65_536), random.below(6), payload));
    else if (kind === 3) {
      units.push(
        frame(1 + random.below(0x83ff), 3, payload, random.below(2 ** 32), random.below(9), random.bytes(25)),
      );
    } else units.push(frame(1 + random.below(0x83ff), 1 + random.below(4), payload));
  }
  const bytes = Buffer.concat(units);
  for (let flips = Math.max(0, random.below(6) - 3); flips > 0 && bytes.length > 0; flips--)
    bytes[random.below(bytes.length)] = random.pick([0, 1, 4, 0x80, 0x84, 0xff, random.below(256)]);
  return random.below(3) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

test('T01 any bytes: the parser and an oracle agree on frames, code and offset', (t) => {
  const count = scaled(t, 100_000, 1_000_000);
  const ring = new ReceiveRing(256);
  const codes = new Map<string, number>();
  for (let seed = 1; seed <= count; seed++) {
    const random = seeded(seed);
    const bytes = stream(random);
    const expected = judgeStream(bytes, LIMIT);
    const pieces = randomly(bytes, random, random.pick([2, 30, 3000]));
    const got = parseStream(ring, pieces, LIMIT, () => random.pick(WAYS));
    codes.set(got.code, (codes.get(got.code) ?? 0) + 1);
    const same = got.code === expected.code && got.frames.length === expected.frames.length;
    const sameOffset = got.offset === expected.offset || expected.offset === 0;
    if (!same || !sameOffset || got.frames.join() !== expected.frames.join())
      assert.deepEqual(got, expected, `seed ${seed}: ${bytes.toString('hex')}`);
  }
  for (const code of [
    '',
    'BAD_MAGIC',
    'BAD_VERSION',
    'BAD_FLAGS',
    'BAD_CODEC',
    'BAD_CONTROL',
    'FRAME_TOO_LARGE',
    'INVALID_EVENT',
  ])
    assert.ok((codes.get(code) ?? 0) > count / 2000, `${codes.get(code) ?? 0} streams ended with '${code}'`);
});

/** What a parser finds, as one number: enough to see any difference, cheap enough for millions. */
class Sum {
  sum = 0;
  count = 0;

  add({ bytes, start, end, event, codec }: Frame): void {
    this.count++;
    let sum = (Math.imul(this.sum, 31) + event * 7 + codec + end - start) | 0;
    for (let at = start; at < end; at++) sum = (Math.imul(sum, 31) + (bytes[at] as number)) | 0;
    this.sum = sum;
  }
}

const SCRATCH: Buffer = Buffer.alloc(8192);

function sumOf(parser: FrameParser, pieces: readonly Buffer[]): number {
  const sum = new Sum();
  for (const piece of pieces) {
    const chunk = SCRATCH.subarray(0, piece.length);
    piece.copy(chunk);
    parser.feed(chunk);
    for (let each = parser.next(); each !== undefined; each = parser.next()) sum.add(each);
  }
  return sum.sum + 1000 * sum.count + parser.unfinishedBytes;
}

test('T02 every chunking: all splits of short streams, all pairs of cuts of long ones, drips and random cuts', (t) => {
  const ring = new ReceiveRing(64);
  const streams = scaled(t, 15, 520);
  const longBytes = scaled(t, 400, 4096);
  let splits = 0;
  const compare = (make: () => FrameParser, head: Buffer, bytes: Buffer, ways: Iterable<Buffer[]>): void => {
    const expected = sumOf(make(), [head, bytes]);
    for (const pieces of ways) {
      splits++;
      if (sumOf(make(), [head, ...pieces]) !== expected)
        assert.fail(`${bytes.toString('hex')} in pieces of ${pieces.map((each) => each.length).join(' ')}`);
    }
  };
  const binary = (): FrameParser => new LengthPrefixedParser(ring, LIMIT);
  const delimited = (): FrameParser => new DelimitedParser(ring, Buffer.from('\n\n'), LIMIT);
  for (let seed = 1; seed <= streams; seed++) {
    const random = seeded(seed);
    const event = (): number => 1 + random.below(0x83ff);
    const short = random.pick([
      Buffer.concat([frame(event(), 3, ''), frame(event(), 1, '')]),
      frame(event(), 3, random.bytes(1 + random.below(8))),
      frame(event(), 2, '', random.below(2 ** 32)).subarray(0, 16),
    ]);
    compare(binary, PREAMBLE, short, everySplit(short));
    const text = Buffer.from(random.bytes(12).map((byte) => 9 + (byte & 1)));
    compare(delimited, Buffer.alloc(0), text, everySplit(text));
  }
  const random = seeded(2);
  const units: Buffer[] = [];
  for (let bytes = 0; bytes < longBytes; bytes += (units.at(-1) as Buffer).length)
    units.push(frame(1 + random.below(0x83ff), 3, random.bytes(random.below(90))));
  const long = Buffer.concat(units).subarray(0, longBytes);
  compare(binary, PREAMBLE, long, everyCut(long));
  const drips = [1, 2, 3, 5, 7, 8, 9].map((size) => evenly(long, size));
  const cuts = Array.from({ length: 2000 }, () => randomly(long, random, 1 + random.below(60)));
  compare(binary, PREAMBLE, long, [...drips, ...cuts]);
  // A frame that ends at 64 KiB, and next to it, read in pieces that do too.
  for (const bytes of [65_519, 65_520, 65_521, 65_528, 65_536]) {
    const large = frame(7, 3, Buffer.alloc(bytes, 0x61));
    for (const size of [65_535, 65_536, 65_537, 8192]) {
      const parser = new LengthPrefixedParser(new ReceiveRing(65_536), 2 ** 20);
      parser.feed(Buffer.from(PREAMBLE));
      assert.equal(parser.next(), undefined);
      let found = 0;
      for (const piece of evenly(large, size)) {
        parser.feed(Buffer.from(piece));
        for (let each = parser.next(); each !== undefined; each = parser.next())
          found += each.end - each.start;
      }
      assert.equal(found, bytes);
    }
  }
  t.diagnostic(`${splits} splits`);
});

test('T07 tiny chunks: 16 MiB in pieces of 64 bytes within a second, nothing kept for each piece', () => {
  const bytes = 16 * 1024 * 1024;
  const message = Buffer.concat([PREAMBLE, frame(1, 3, Buffer.alloc(bytes - 8, 0x61))]);
  const run = (size: number): { cpuMs: number; kept: number } => {
    const parser = new LengthPrefixedParser(new ReceiveRing(), bytes);
    collect();
    const { heapUsed } = process.memoryUsage();
    let kept = 0;
    let found = 0;
    const before = process.cpuUsage();
    for (let at = 0; at < message.length; at += size) {
      parser.feed(message.subarray(at, at + size));
      const each = parser.next();
      if (each !== undefined) found = each.end - each.start;
      if (at + 2 * size >= message.length && kept === 0) {
        collect();
        kept = process.memoryUsage().heapUsed - heapUsed;
      }
    }
    assert.equal(found, bytes - 8);
    return { cpuMs: process.cpuUsage(before).user / 1000, kept };
  };
  run(64);
  const runs = [run(64), run(64), run(64)];
  const cpuMs = Math.min(...runs.map((each) => each.cpuMs));
  assert.ok(cpuMs <= 1000, `${cpuMs} ms for 16 MiB in pieces of 64 bytes`);
  const kept = Math.min(...runs.map((each) => each.kept));
  assert.ok(kept < 64 * 1024, `${kept} bytes of objects are kept for ${bytes / 64} pieces`);
});

/** Delimiters of 1 to 6 bytes that JSON text cannot contain. */
function randomDelimiter(random: Random): string {
  const length = 1 + random.below(4);
  const parts = Array.from({ length }, () =>
    random.pick(['\f', '\n', '\u0001', 'a', 'b', '\u20ac', '"', '\n']),
  );
  if (!parts.some((part) => part < ' ')) parts[random.below(parts.length)] = '\u0002';
  return parts.join('');
}

test('T15 delimiter: random ones, cut anywhere, with their own parts in the messages', (t) => {
  const delimiters = scaled(t, 250, 500);
  const messages = scaled(t, 300, 1000);
  const ring = new ReceiveRing(512);
  for (let seed = 1; seed <= delimiters; seed++) {
    const random = seeded(seed);
    const delimiter = randomDelimiter(random);
    const bytes = delimiterBytes(delimiter);
    const sent = Array.from({ length: messages }, (_, n) =>
      JSON.stringify({
        type: 'a',
        data: [n, random.pick([delimiter, delimiter.slice(1), 'ab\u20ac"\n', '{}'])],
      }),
    );
    const whole = Buffer.from(sent.map((text) => text + delimiter).join(''));
    const parser = new DelimitedParser(ring, bytes, 4096);
    const found: string[] = [];
    for (const piece of randomly(whole, random, 1 + random.below(50)))
      deliver(parser, ring, piece, random.pick(WAYS), (each) =>
        found.push(each.bytes.toString('utf8', each.start, each.end)),
      );
    assert.ok(
      found.length === sent.length && found.every((text, n) => text === sent[n]),
      `${JSON.stringify(delimiter)}, seed ${seed}`,
    );
    assert.equal(parser.unfinishedBytes, 0);
  }
});

test('T26 ring wrap: frames of every size that begin at every place of a read', (t) => {
  const bytes = 4096;
  const step = Math.ceil(4097 / scaled(t, 200, 4097));
  const ring = new ReceiveRing(bytes);
  const body = Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
  for (let size = 0; size <= bytes; size += step) {
    const unit = frame(9, 3, body.subarray(0, size));
    for (let place = size % 8; place <= bytes; place += step) {
      const parser = new LengthPrefixedParser(ring, bytes);
      // A first frame that leaves `place` bytes of the read before the second one, as near as padding permits.
      const first = frame(1, 3, body.subarray(0, Math.max(0, place - 16)));
      const whole = [PREAMBLE, first, unit];
      let found = 0;
      let good = true;
      for (const piece of evenly(Buffer.concat(whole), bytes)) {
        for (let at = 0; at < piece.length;) {
          const room = parser.writable();
          const read = Math.min(room.length, piece.length - at);
          piece.copy(room, 0, at, at + read);
          at += read;
          parser.advance(read);
          for (let each = parser.next(); each !== undefined; each = parser.next()) {
            found++;
            const due = each.event === 9 ? size : Math.max(0, place - 16);
            good &&=
              each.end - each.start === due && body.compare(each.bytes, each.start, each.end, 0, due) === 0;
          }
        }
      }
      if (found !== 2 || !good) assert.fail(`a frame of ${size} bytes behind ${place} bytes`);
    }
  }
});
