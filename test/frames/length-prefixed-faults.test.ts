/**
 * What LengthPrefixedParser refuses: each reserved bit and value by itself, lengths before memory is spent on them; and that it
 * stays dead then. Also what a kept view sees, and what a byte costs in small pieces.
 *
 * Invariant: every fault is tried as the first frame and behind good ones, whole and byte by byte.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { FrameError, type ErrorCode } from '../../src/errors.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { frame, PAYLOAD_MAX, PREAMBLE } from './naive.ts';
import { deliver, evenly, type Way, WAYS } from './pieces.ts';

const GOOD: Buffer = frame(0x8000, 3, 'good');

/** `FRAME_TOO_LARGE` and so on. */
type Fault =
  | 'BAD_CODEC'
  | 'BAD_CONTROL'
  | 'BAD_FLAGS'
  | 'BAD_MAGIC'
  | 'BAD_VERSION'
  | 'FRAME_TOO_LARGE'
  | 'INVALID_EVENT';

function header(payloadBytes: number, event: number, codec: number, flags: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(payloadBytes, 0);
  bytes.writeUInt16LE(event, 4);
  bytes[6] = codec;
  bytes[7] = flags;
  return bytes;
}

/** Feeds until the fault shows; the parser must then be dead for good. @returns how many frames came before */
function refuse(
  pieces: readonly Buffer[],
  way: Way,
  fault: Fault,
  what: string,
  payloadMax = PAYLOAD_MAX,
): number {
  const ring = new ReceiveRing(4096);
  const parser = new LengthPrefixedParser(ring, payloadMax);
  const code: ErrorCode = `ERR_RINGWIRE_${fault}`;
  let frames = 0;
  let thrown: unknown;
  for (const piece of pieces) {
    try {
      deliver(parser, ring, piece, way, () => frames++);
    } catch (error) {
      assert.equal(thrown, undefined, `${what}: throws once`);
      thrown = error;
      assert.ok(parser.next() === undefined);
    }
  }
  assert.ok(thrown instanceof FrameError, `${what}: not refused`);
  assert.equal(thrown.code, code, what);
  assert.equal(thrown.closed, true);
  const before = frames;
  for (const dead of WAYS) deliver(parser, ring, Buffer.concat([GOOD, PREAMBLE, GOOD]), dead, () => frames++);
  assert.equal(frames, before, `${what}: a dead parser finds nothing more`);
  return before;
}

function refuseFrame(bytes: Buffer, fault: Fault, what: string): void {
  for (const way of WAYS) {
    for (const before of [0, 1, 3]) {
      const good = Array.from({ length: before }, () => GOOD);
      const stream = Buffer.concat([PREAMBLE, ...good, bytes, GOOD]);
      assert.equal(refuse([stream], way, fault, what), before, `${what}: frames before`);
      assert.equal(refuse(evenly(stream, 1), way, fault, what), before, `${what}: frames before`);
    }
  }
}

function wrong(at: number, value: number): Buffer {
  const bytes = Buffer.from(PREAMBLE);
  bytes[at] = value;
  return bytes;
}

function limited(limit: number): Buffer {
  const bytes = Buffer.from(PREAMBLE);
  bytes.writeUInt32LE(limit, 4);
  return bytes;
}

test('preamble: each wrong byte has its code', () => {
  for (let bit = 0; bit < 8; bit++) {
    refuse([wrong(0, 0xf5 ^ (1 << bit))], 'kernel', 'BAD_MAGIC', `magic, bit ${bit}`);
    refuse([wrong(1, 0x53 ^ (1 << bit))], 'kernel', 'BAD_MAGIC', `kind, bit ${bit}`);
    refuse([wrong(2, 0x01 ^ (1 << bit))], 'kernel', 'BAD_VERSION', `version, bit ${bit}`);
    refuse([wrong(3, 1 << bit)], 'kernel', 'BAD_FLAGS', `flags, bit ${bit}`);
    for (let at = 0; at < 4; at++) {
      // A fault shows as soon as its byte is there.
      const fault = (['BAD_MAGIC', 'BAD_MAGIC', 'BAD_VERSION', 'BAD_FLAGS'] as const)[at] as Fault;
      const early = wrong(at, (PREAMBLE[at] as number) ^ (1 << bit)).subarray(0, at + 1);
      for (const way of WAYS) refuse(evenly(early, 1), way, fault, `byte ${at}, bit ${bit}, nothing behind`);
    }
  }
});

test('preamble: a payload limit below 1,024 or above 2^31-1 is BAD_CONTROL', () => {
  for (const limit of [0, 1, 1023, 2 ** 31, 2 ** 32 - 1])
    refuse([limited(limit)], 'feed', 'BAD_CONTROL', `limit ${limit}`);
  for (const limit of [1024, 2 ** 31 - 1]) {
    const parser = new LengthPrefixedParser(new ReceiveRing(64), PAYLOAD_MAX);
    parser.feed(limited(limit));
    assert.ok(parser.next() === undefined);
    assert.equal(parser.peerPayloadMax, limit);
  }
});

test('header: each reserved flag, codec and event id has its code', () => {
  for (let bit = 2; bit < 8; bit++)
    refuseFrame(header(0, 0x8000, 3, 1 << bit), 'BAD_FLAGS', `flag bit ${bit}`);
  refuseFrame(header(0, 0x8000, 3, 0xff), 'BAD_FLAGS', 'all flags');
  for (const flags of [1, 2, 3])
    refuseFrame(header(8, 0, 0, flags), 'BAD_FLAGS', 'a control frame with flags');
  for (const codec of [5, 6, 8, 16, 32, 64, 128, 255])
    refuseFrame(header(0, 0x8000, codec, 0), 'BAD_CODEC', `codec ${codec}`);
  for (const event of [1, 0x7fff, 0x8000, 0x83ff, 0xffff])
    refuseFrame(header(0, event, 0, 0), 'BAD_CODEC', `codec 0 with event ${event}`);
  for (const codec of [1, 2, 3, 4])
    refuseFrame(header(8, 0, codec, 0), 'BAD_CODEC', `event 0, codec ${codec}`);
  for (const event of [0x8400, 0x8401, 0x9000, 0xc000, 0xfffe])
    refuseFrame(header(0, event, 3, 0), 'INVALID_EVENT', `event ${event}`);
  for (let bit = 3; bit < 32; bit++) {
    const extended = frame(0x8000, 3, 'data', 1);
    extended.writeUInt32LE((1 << bit) >>> 0, 12);
    refuseFrame(extended, 'BAD_FLAGS', `reserved bits of an extension, bit ${bit}`);
  }
  for (let at = 25; at < 32; at++) {
    for (const correlation of [undefined, 1]) {
      const traced = frame(0x8000, 3, 'data', correlation, 0, Buffer.alloc(25, 0xff));
      traced[(correlation === undefined ? 8 : 16) + at] = 1;
      refuseFrame(traced, 'BAD_FLAGS', `reserved byte ${at} of a trace context`);
    }
  }
});

test('header: every id from 0x8400 to 0xFFFE is refused, every other one is let through', () => {
  const ring = new ReceiveRing(64);
  for (let event = 1; event <= 0xffff; event++) {
    const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
    parser.feed(Buffer.concat([PREAMBLE, GOOD, header(0, event, 3, 0)]));
    assert.equal(parser.next()?.event, 0x8000);
    const reserved = event >= 0x8400 && event <= 0xfffe;
    if (reserved) assert.throws(() => parser.next(), { code: 'ERR_RINGWIRE_INVALID_EVENT' });
    else assert.equal(parser.next()?.event, event);
  }
});

test('a length above the limit is refused on the header alone', () => {
  for (const limit of [1024, 4096, PAYLOAD_MAX]) {
    for (const length of [limit + 1, limit + 8, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1]) {
      for (const way of WAYS) {
        const stream = Buffer.concat([PREAMBLE, GOOD, header(length, 0x8000, 3, 0)]);
        assert.equal(refuse([stream], way, 'FRAME_TOO_LARGE', `${length} of ${limit}`, limit), 1);
        assert.equal(refuse(evenly(stream, 1), way, 'FRAME_TOO_LARGE', `${length} of ${limit}`, limit), 1);
      }
    }
    const over = Buffer.concat([PREAMBLE, GOOD, frame(1, 3, Buffer.alloc(limit + 1))]);
    assert.equal(refuse([over], 'feed', 'FRAME_TOO_LARGE', 'a whole frame above the limit', limit), 1);
    const whole = Buffer.concat([PREAMBLE, frame(1, 3, Buffer.alloc(limit, 0x62))]);
    const parser = new LengthPrefixedParser(new ReceiveRing(), limit);
    parser.feed(whole);
    assert.equal(parser.next()?.end, 8 + 8 + limit, 'a length at the limit is legal');
  }
});

test('a length at the limit costs no more memory than what has arrived', () => {
  const ring = new ReceiveRing(64);
  const before = process.memoryUsage().arrayBuffers;
  const promising = (payloadBytes: number): LengthPrefixedParser => {
    const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
    parser.feed(Buffer.concat([PREAMBLE, header(PAYLOAD_MAX, 0x8000, 3, 0), Buffer.alloc(payloadBytes)]));
    assert.ok(parser.next() === undefined);
    return parser;
  };
  const parsers = Array.from({ length: 200 }, () => {
    const parser = promising(16);
    assert.ok(parser.writable().buffer === ring.bytes.buffer, 'a mere promise gets no memory of its own');
    return parser;
  });
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < parsers.length * 1024, `${grown} bytes for ${parsers.length} promised frames`);
  assert.ok(
    promising(4096 - 8 - 1).writable().buffer === ring.bytes.buffer,
    'nor one of which too little has come',
  );
  const room = promising(4096 - 8).writable();
  assert.ok(room.buffer !== ring.bytes.buffer, 'one of which more has come does');
  assert.ok(room.length <= 68 * 1024, 'a block, not the whole frame');
});

test('poison: a view that is kept longer than its frame shows 0xDB, also through the carry and direct reads', () => {
  const payloads = ['small', 'q'.repeat(500), 'r'.repeat(200_000), 'last'];
  const stream = Buffer.concat([PREAMBLE, ...payloads.map((each) => frame(0x8000, 3, each))]);
  for (const size of [100, 4096, 60_000, stream.length]) {
    for (const throughRing of [true, false]) {
      const parser = new LengthPrefixedParser(new ReceiveRing(256 * 1024, true), PAYLOAD_MAX);
      const seen: string[] = [];
      for (let at = 0; at < stream.length;) {
        const chunk = Buffer.from(stream.subarray(at, at + size));
        const bytes = throughRing ? chunk.copy(parser.writable()) : chunk.length;
        if (throughRing) parser.advance(bytes);
        else parser.feed(chunk);
        at += bytes;
        for (let each = parser.next(); each !== undefined;) {
          const view = each.bytes.subarray(each.start, each.end);
          seen.push(view.toString());
          each = parser.next();
          // The memory of the parser's own may hold the start of the next frame by now.
          assert.notEqual(view.toString(), seen.at(-1), `${seen.length} frames, pieces of ${size}`);
          if (seen.length === payloads.length) assert.deepEqual(view, Buffer.alloc(4, 0xdb));
        }
      }
      assert.deepEqual(seen, payloads, 'a frame is whole as long as it is lent');
    }
  }
});

test('poison: in strides too each frame is overwritten before the next one is handed over', () => {
  const parser = new LengthPrefixedParser(new ReceiveRing(1024, true), PAYLOAD_MAX);
  parser.feed(Buffer.concat([PREAMBLE, ...Array.from({ length: 9 }, () => GOOD)]));
  const views: Buffer[] = [];
  const receiver = {
    receive({ bytes, start, end }: Frame): void {
      const view = bytes.subarray(start, end);
      assert.equal(view.toString(), 'good');
      assert.ok(views.every((each) => each.equals(Buffer.alloc(4, 0xdb))));
      views.push(view);
    },
  };
  while (parser.deliver(receiver, 4) > 0);
  assert.equal(views.length, 9);
});

test('poison off: a lent frame is left as it is', () => {
  const parser = new LengthPrefixedParser(new ReceiveRing(64), PAYLOAD_MAX);
  const chunk = Buffer.concat([PREAMBLE, GOOD, GOOD]);
  parser.feed(chunk);
  const first = parser.next();
  assert.ok(first !== undefined);
  const view = first.bytes.subarray(first.start, first.end);
  parser.next();
  assert.equal(view.toString(), 'good');
});

test('cost per byte is flat: 1 MiB in pieces of 64 bytes and of 64 KiB, within 20 times', () => {
  const ring = new ReceiveRing();
  const stream = Buffer.concat([PREAMBLE, frame(0x8000, 3, Buffer.alloc(2 ** 20, 0x63))]);
  const time = (size: number, throughRing: boolean): number => {
    const pieces = evenly(stream, size);
    let best = Infinity;
    for (let round = 0; round < 3; round++) {
      const parser = new LengthPrefixedParser(ring, PAYLOAD_MAX);
      let frames = 0;
      const start = process.cpuUsage();
      for (const piece of pieces) {
        if (!throughRing) parser.feed(piece);
        else for (let at = 0; at < piece.length;) at += land(parser, piece, at);
        if (parser.next() !== undefined) frames++;
      }
      best = Math.min(best, process.cpuUsage(start).user / 1e3);
      assert.equal(frames, 1);
    }
    return best;
  };
  for (const throughRing of [true, false]) {
    // Below two milliseconds a clock tick would decide; a parser that copies again and again takes seconds.
    const large = Math.max(2, time(65_536, throughRing));
    const small = time(64, throughRing);
    assert.ok(small < 20 * large, `${small.toFixed(1)} ms in small pieces, ${large.toFixed(1)} ms in large`);
  }
});

/** One read of the kernel. @returns how much it took of `piece` */
function land(parser: LengthPrefixedParser, piece: Buffer, at: number): number {
  const bytes = piece.copy(parser.writable(), 0, at);
  parser.advance(bytes);
  if (at + bytes < piece.length) assert.ok(parser.next() === undefined);
  return bytes;
}
