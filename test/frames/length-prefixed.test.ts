/**
 * LengthPrefixedParser against a naive parser of whole streams: the same frames, in whatever pieces the bytes arrive and through
 * whichever door. Every frame's payload has to be 8-aligned in memory.
 *
 * Faults of a peer, and every split of small streams, are tested beside this file.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing, REST_BYTES_MAX, RING_BYTES } from '../../src/bytes/receive-ring.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { seeded } from '../support/seeded.ts';
import {
  found,
  type Found,
  frame,
  inlineFrame,
  parse,
  parseNaively,
  PAYLOAD_MAX,
  PREAMBLE,
  same,
} from './naive.ts';
import { deliver, everyCut, evenly, randomly, WAYS } from './pieces.ts';

/** Frames of every kind. */
const MEDIUM: Buffer = Buffer.concat([
  PREAMBLE,
  frame(0, 0, Buffer.from('010308000000000000', 'hex')),
  frame(0x8000, 3, 'a'),
  frame(0x8000, 3, '12345678'),
  frame(0x83ff, 1, '{"nine":9}', 0xfffffffe),
  frame(1, 2, ''),
  frame(0x7fff, 4, '', 7),
  inlineFrame('an inline name', 3, 'with its data'),
  inlineFrame('n', 1, ''),
  frame(0x8001, 3, 'x'.repeat(15)),
  frame(0x8001, 3, 'x'.repeat(17)),
]);

test('a medium stream: every place for one or two cuts, byte by byte, each way', () => {
  const ring = new ReceiveRing(512);
  const expected = parseNaively(MEDIUM);
  assert.equal(expected.frames.length, 10);
  for (const way of WAYS) {
    assert.deepEqual(parse(ring, evenly(MEDIUM, 1), way), expected, `${way} byte by byte`);
    for (const pieces of everyCut(MEDIUM)) {
      const got = parse(ring, pieces, way);
      if (!same(got, expected))
        assert.deepEqual(got, expected, `${way}: ${pieces.map((each) => each.length).join(' ')}`);
    }
  }
});

test('a stream that ends anywhere: whole frames are delivered, unfinishedBytes counts the rest', () => {
  const ring = new ReceiveRing(512);
  for (const way of WAYS) {
    for (let end = 0; end <= MEDIUM.length; end++) {
      const cut = MEDIUM.subarray(0, end);
      const expected = parseNaively(cut);
      assert.deepEqual(parse(ring, [cut], way), expected, `${way}, cut at ${end}`);
      assert.deepEqual(parse(ring, evenly(cut, 5), way), expected, `${way}, cut at ${end}, pieces of 5`);
    }
  }
});

test('random streams in random pieces, ways mixed', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const ring = new ReceiveRing(random.pick([64, 1000, 4096]), seed % 3 === 0);
    const frames = Array.from({ length: 1 + random.below(40) }, () => {
      const correlation = random.below(4) === 0 ? random.below(2 ** 32) : undefined;
      return frame(
        1 + random.below(0x83ff),
        1 + random.below(4),
        random.bytes(random.below(200)),
        correlation,
        random.below(8),
        random.below(4) === 0 ? random.bytes(25) : undefined,
      );
    });
    const stream = Buffer.concat([PREAMBLE, ...frames]);
    const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
    const got: Found[] = [];
    for (const piece of randomly(stream, random, random.pick([3, 30, 300])))
      deliver(parser, ring, piece, random.pick(WAYS), (each) => got.push(found(each)));
    assert.deepEqual(got, parseNaively(stream).frames, `seed ${seed}`);
    assert.equal(parser.unfinishedBytes, 0, `seed ${seed}`);
  }
});

test('frames that end at the end of a read, and next to it, at every phase', () => {
  const size = 1024;
  const ring = new ReceiveRing(size);
  for (let length = 0; length <= 40; length++) {
    for (let cut = 0; cut <= 16; cut++) {
      const head = Buffer.concat([PREAMBLE, frame(1, 3, 'y'.repeat(length))]);
      // Behind the cut, the kernel fills the ring to its last byte: frames of 32 bytes end there, or before, or behind.
      const rest = Array.from({ length: 70 }, (_, index) => frame(2 + index, 3, 'z'.repeat(24)));
      const stream = Buffer.concat([head, ...rest]);
      const start = head.length - Math.min(cut, head.length - 1);
      const pieces = [stream.subarray(0, start), ...evenly(stream.subarray(start), size)];
      for (const off of [-1, 0, 1]) {
        const split = Math.max(1, start + size + off);
        const shifted = [stream.subarray(0, start), stream.subarray(start, split), stream.subarray(split)];
        assert.deepEqual(parse(ring, shifted, 'kernel').frames, parseNaively(stream).frames);
      }
      assert.deepEqual(parse(ring, pieces, 'kernel').frames, parseNaively(stream).frames);
    }
  }
});

test('frames as large as the ring of an endpoint, and a few bytes less and more', () => {
  const ring = new ReceiveRing();
  for (const off of [-17, -16, -9, -8, -7, -1, 0, 1, 7, 8, 9]) {
    const large = frame(5, 3, Buffer.alloc(RING_BYTES + off, 0x61));
    const stream = Buffer.concat([PREAMBLE, large, frame(6, 3, 'behind'), large]);
    for (const way of WAYS) {
      // Not `deepEqual`: to print a difference of megabytes takes it minutes.
      for (const pieces of [[stream], evenly(stream, 65_521)])
        assert.ok(same(parse(ring, pieces, way), parseNaively(stream)), `${way}, ring ${off}`);
    }
  }
});

test('a frame of several MiB: the kernel reads it into its own memory, and frames around it are whole', () => {
  const ring = new ReceiveRing();
  const payload = seeded(7).bytes(64 * 1024);
  const large = frame(9, 3, Buffer.concat(Array.from({ length: 50 }, () => payload)));
  const stream = Buffer.concat([PREAMBLE, frame(1, 3, 'before'), large, frame(2, 3, 'behind')]);
  const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
  const got: Found[] = [];
  let direct = 0;
  for (let at = 0; at < stream.length;) {
    const room = parser.writable();
    const bytes = Math.min(room.length, stream.length - at, 60_000);
    if (room.buffer !== ring.bytes.buffer) direct += bytes;
    deliver(parser, ring, stream.subarray(at, at + bytes), 'kernel', (each) => got.push(found(each)));
    at += bytes;
  }
  assert.ok(same({ frames: got, left: parser.unfinishedBytes }, parseNaively(stream)));
  assert.ok(direct > large.length * 0.9, `${direct} of ${large.length} bytes went straight into the frame`);
});

test('deliver: at most as many as are asked for; it says how many, and the others follow', () => {
  // The lower bytes of the first ids, read the wrong way round, are codecs.
  const events = [0x100, 0x200, 0x300, 0x400, 5, 6, 7];
  const stream = Buffer.concat([PREAMBLE, ...events.map((event) => frame(event, 3, 'x'))]);
  for (const strides of [[1, 1, 1, 1, 1, 1, 1, 1], [2, 3, 9, 9], [7, 9], [9]]) {
    const parser = new LengthPrefixedParser(new ReceiveRing(64), PAYLOAD_MAX);
    parser.feed(stream);
    const got: number[] = [];
    for (const stride of strides) {
      const due = Math.min(got.length + stride, events.length);
      const before = got.length;
      const count = parser.deliver({ receive: ({ event }) => got.push(event) }, stride);
      assert.deepEqual([got.length, before + count], [due, due]);
    }
    assert.deepEqual(got, events);
  }
});

test('a read lands at the front, or so that the unit that is unfinished ends where it should; what is aligned stays', () => {
  const ring = new ReceiveRing(1_024);
  const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
  const landing = (): number => parser.writable().byteOffset - ring.bytes.byteOffset;
  parser.feed(PREAMBLE);
  assert.ok(parser.next() === undefined);
  assert.equal(landing(), 0);
  const one = Buffer.allocUnsafeSlow(48);
  frame(1, 3, 'x'.repeat(40)).copy(one);
  for (const cut of [3, 7, 8, 20]) {
    parser.feed(one.subarray(0, cut));
    assert.ok(parser.next() === undefined);
    assert.equal(landing(), REST_BYTES_MAX - ((cut < 8 ? 8 : 48) - cut));
    parser.feed(one.subarray(cut));
    assert.equal(parser.next()?.event, 1);
    assert.ok(parser.next() === undefined);
    assert.equal(landing(), 0);
  }
  parser.feed(one);
  assert.ok(parser.next()?.bytes === one);
});

test('a long frame of which little has come is read into the ring so that what follows it is aligned', () => {
  const text = 'x'.repeat(20_000);
  const long = frame(1, 3, text);
  const stream = Buffer.concat([long, frame(2, 3, 'behind'), frame(3, 3, 'and another')]);
  for (let cut = 1; cut < 40; cut++) {
    const ring = new ReceiveRing(32_768);
    const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
    parser.feed(Buffer.concat([PREAMBLE, stream.subarray(0, cut)]));
    assert.ok(parser.next() === undefined);
    const room = parser.writable();
    assert.ok(room.buffer === ring.bytes.buffer);
    parser.advance(stream.copy(room, 0, cut));
    const got: Found[] = [];
    for (let each = parser.next(); each !== undefined; each = parser.next()) {
      assert.equal((each.bytes.byteOffset + each.start) & 7, 0, `cut ${cut}: aligned`);
      got.push(found(each));
    }
    assert.deepEqual(got, parseNaively(Buffer.concat([PREAMBLE, stream])).frames, `cut ${cut}`);
  }
});

test('park: the next read lands aligned to what is left, at every phase', () => {
  for (let cut = 1; cut < 88; cut++) {
    const ring = new ReceiveRing(4096);
    const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
    const stream = Buffer.concat([
      PREAMBLE,
      frame(1, 3, 'first'),
      frame(2, 3, 'a second one'),
      frame(3, 3, 'x'.repeat(50)),
    ]);
    const head = stream.subarray(0, stream.length - cut);
    parser.advance(head.copy(parser.writable()));
    const got = [found(parser.next() as Frame)];
    parser.park();
    const room = parser.writable();
    for (let each = parser.next(); each !== undefined; each = parser.next()) got.push(found(each));
    parser.advance(stream.copy(room, 0, stream.length - cut));
    for (let each = parser.next(); each !== undefined; each = parser.next()) {
      assert.ok(
        each.bytes.buffer === ring.bytes.buffer || each.start === 8,
        'read in place, or completed in the carry',
      );
      got.push(found(each));
    }
    assert.deepEqual(got, parseNaively(stream).frames, `cut ${cut}`);
  }
});

test('unfinishedBytes: what has come and was not taken, in the carry and behind it', () => {
  const [first, second, third] = [frame(1, 3, 'first'), frame(2, 3, 'the second'), frame(3, 3, '')];
  const parser = new LengthPrefixedParser(new ReceiveRing(64), PAYLOAD_MAX);
  parser.feed(Buffer.concat([PREAMBLE, first.subarray(0, 9)]));
  assert.ok(parser.next() === undefined);
  assert.equal(parser.unfinishedBytes, 9);
  parser.feed(Buffer.concat([first.subarray(9), second, third]));
  assert.equal(parser.unfinishedBytes, first.length + second.length + third.length);
  for (const left of [second.length + third.length, third.length, 0]) {
    assert.ok(parser.next() !== undefined);
    assert.equal(parser.unfinishedBytes, left);
  }
});

test('park: the rest of a frame that has begun before stays aligned to its beginning', () => {
  const first = frame(1, 3, 'of two pieces');
  const rest = Buffer.concat([first, frame(2, 3, 'whole')]);
  for (const way of WAYS) {
    for (let cut = 1; cut < first.length; cut++) {
      const ring = new ReceiveRing(1024);
      const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
      const got: Found[] = [];
      const head = Buffer.concat([PREAMBLE, first.subarray(0, cut)]);
      deliver(parser, ring, head, way, (each) => got.push(found(each)));
      const source = Buffer.allocUnsafeSlow(rest.length + 3).subarray(way === 'misaligned' ? 3 : 0);
      const room = way === 'kernel' ? parser.writable() : source;
      const bytes = rest.copy(room, 0, cut);
      if (way === 'kernel') parser.advance(bytes);
      else parser.feed(room.subarray(0, bytes));
      parser.park();
      room.fill(0xee);
      for (let next = parser.next(); next !== undefined; next = parser.next()) got.push(found(next));
      assert.deepEqual(got, parseNaively(Buffer.concat([PREAMBLE, rest])).frames, `${way}, cut at ${cut}`);
    }
  }
});

test('park: what has not been parsed survives the loss of the source', () => {
  const ring = new ReceiveRing(1024);
  const expected = parseNaively(MEDIUM).frames;
  for (const way of WAYS) {
    for (let after = 0; after <= expected.length; after++) {
      const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
      const chunk = Buffer.allocUnsafeSlow(MEDIUM.length + 3).subarray(way === 'misaligned' ? 3 : 0);
      const room = way === 'kernel' ? parser.writable() : chunk;
      MEDIUM.copy(room);
      if (way === 'kernel') parser.advance(MEDIUM.length);
      else parser.feed(chunk.subarray(0, MEDIUM.length));
      const got: Found[] = [];
      for (let count = 0; count < after; count++) {
        const next = parser.next();
        assert.ok(next !== undefined);
        got.push(found(next));
      }
      parser.park();
      room.fill(0xee);
      for (let next = parser.next(); next !== undefined; next = parser.next()) got.push(found(next));
      assert.deepEqual(got, expected, `${way}, parked behind ${after} frames`);
      assert.equal(parser.unfinishedBytes, 0);
    }
  }
});
