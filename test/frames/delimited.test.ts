/**
 * DelimitedParser against `split`: the same messages for any delimiter, in whatever pieces the bytes arrive. Delimiters of several
 * bytes, ones that overlap themselves and ones in UTF-8 are cut at each of their bytes.
 *
 * It does not look into messages.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedParser, delimiterBytes } from '../../src/frames/delimited.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { seeded } from '../support/seeded.ts';
import { deliver, everyCut, everySplit, evenly, randomly, type Way, WAYS } from './pieces.ts';

const DELIMITERS: readonly string[] = [
  '\f',
  '\n',
  '\r\n',
  '\n\n',
  '\na\n',
  'aa\n',
  '\n\n\na',
  '€\n',
  '\u0001\u{1f600}',
  'a\na',
];
const MAX = 4096;

/** The oracle: messages from left to right, and the bytes behind the last delimiter. */
function split(stream: Buffer, delimiter: Buffer): { messages: string[]; left: number } {
  const messages: string[] = [];
  let from = 0;
  for (;;) {
    const at = stream.indexOf(delimiter, from);
    if (at < 0) return { messages, left: stream.length - from };
    messages.push(stream.toString('latin1', from, at));
    from = at + delimiter.length;
  }
}

function parse(
  ring: ReceiveRing,
  delimiter: Buffer,
  pieces: readonly Buffer[],
  way: Way,
): { messages: string[]; left: number } {
  const parser = new DelimitedParser(ring, delimiter, MAX);
  const messages: string[] = [];
  for (const piece of pieces)
    deliver(parser, ring, piece, way, (each) =>
      messages.push(each.bytes.toString('latin1', each.start, each.end)),
    );
  return { messages, left: parser.unfinishedBytes };
}

function compare(stream: Buffer, delimiter: Buffer, splits: Iterable<Buffer[]>, ways: readonly Way[]): void {
  const ring = new ReceiveRing(256);
  const expected = split(stream, delimiter);
  const text = expected.messages.join('|');
  for (const pieces of splits) {
    for (const way of ways) {
      const got = parse(ring, delimiter, pieces, way);
      if (got.left !== expected.left || got.messages.join('|') !== text) {
        const sizes = pieces.map((each) => each.length).join(' ');
        assert.deepEqual(got, expected, `${way}, delimiter ${delimiter.toString('hex')}, pieces ${sizes}`);
      }
    }
  }
}

test('small streams: all 2^(n-1) splits, each delimiter', () => {
  for (const text of DELIMITERS) {
    const delimiter = delimiterBytes(text);
    // Starts of the delimiter, the delimiter, an empty message, and the start of another delimiter.
    const start = delimiter.subarray(0, delimiter.length - 1);
    const stream = Buffer.concat([
      start,
      delimiter,
      Buffer.from('b'),
      delimiter,
      delimiter.subarray(0, 1),
      delimiter,
    ]);
    const short = stream.subarray(0, 14);
    compare(short, delimiter, everySplit(short), ['kernel', 'feed']);
  }
});

test('medium streams: every place for one or two cuts, byte by byte', () => {
  for (const text of DELIMITERS) {
    const delimiter = delimiterBytes(text);
    const messages = [
      '{"type":"a"}',
      '',
      'ä€\u{1f600}',
      text.slice(0, 1).repeat(5),
      'x'.repeat(20),
      'unfinished',
    ];
    const stream = Buffer.from(messages.join(text));
    compare(stream, delimiter, everyCut(stream), ['kernel', 'misaligned']);
    compare(stream, delimiter, [evenly(stream, 1), [stream]], WAYS);
  }
});

test('random streams of few different bytes: 2,000 seeds', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = seeded(seed);
    const delimiter = Buffer.concat([
      random.bytes(random.below(4)).map((byte) => 10 + (byte & 1)),
      Buffer.from([10]),
    ]);
    const stream = random.bytes(1 + random.below(300)).map((byte) => 10 + (byte & 1)) as Buffer;
    const pieces = randomly(Buffer.from(stream), random, 1 + random.below(40));
    compare(Buffer.from(stream), delimiterBytes(delimiter.toString('latin1')), [pieces], [random.pick(WAYS)]);
  }
});

test('messages at the size limit pass in any pieces, larger ones are refused once', () => {
  for (const text of ['\f', '\r\n', '\na\n']) {
    const delimiter = delimiterBytes(text);
    for (const way of WAYS) {
      for (const size of [1, 7, 4095, 4096, 4097, 5000]) {
        const ring = new ReceiveRing(8192);
        const legal = Buffer.concat([Buffer.alloc(MAX, 0x61), delimiter, Buffer.from('next'), delimiter]);
        const got = parse(ring, delimiter, evenly(legal, size), way);
        assert.deepEqual(
          got.messages.map((each) => each.length),
          [MAX, 4],
        );
        refuse(Buffer.concat([Buffer.alloc(MAX + 1, 0x61), delimiter, Buffer.from('next'), delimiter]), way);
        // Without any delimiter it is refused too, at the latest when a delimiter would fit behind it.
        refuse(Buffer.alloc(MAX + delimiter.length + 1, 0x61), way);

        function refuse(stream: Buffer, through: Way): void {
          const parser = new DelimitedParser(ring, delimiter, MAX);
          let frames = 0;
          let thrown = 0;
          for (const piece of evenly(stream, size)) {
            try {
              deliver(parser, ring, piece, through, () => frames++);
            } catch (error) {
              assert.equal((error as { code?: string }).code, 'ERR_RINGWIRE_FRAME_TOO_LARGE');
              assert.equal((error as { closed?: boolean }).closed, true);
              thrown++;
            }
          }
          assert.equal(thrown, 1, `${through}, pieces of ${size}`);
          assert.equal(frames, 0);
          deliver(parser, ring, Buffer.from(`more${text}`), through, () => frames++);
          assert.equal(frames, 0, 'a dead parser finds nothing');
        }
      }
    }
  }
});

test('park: what has not been parsed survives the loss of the source', () => {
  const delimiter = delimiterBytes('\r\n');
  const stream = Buffer.from('one\r\ntwo\r\n\r\nthree\r\nrest\r');
  for (const way of ['kernel', 'feed'] as const) {
    for (let after = 0; after <= 4; after++) {
      const parser = new DelimitedParser(new ReceiveRing(64), delimiter, MAX);
      const room = way === 'kernel' ? parser.writable() : Buffer.alloc(stream.length);
      stream.copy(room);
      if (way === 'kernel') parser.advance(stream.length);
      else parser.feed(room);
      const messages: string[] = [];
      const take = (): boolean => {
        const next = parser.next();
        if (next !== undefined) messages.push(next.bytes.toString('utf8', next.start, next.end));
        return next !== undefined;
      };
      for (let count = 0; count < after; count++) take();
      parser.park();
      room.fill(0xee);
      while (take());
      assert.deepEqual(messages, ['one', 'two', '', 'three'], `${way}, parked behind ${after}`);
      assert.equal(parser.unfinishedBytes, 5);
    }
  }
});

test('poison: the bytes of a message are gone when the next one is asked for', () => {
  const parser = new DelimitedParser(new ReceiveRing(64, true), delimiterBytes('\f'), MAX);
  parser.advance(Buffer.from('first\fsecond\f').copy(parser.writable()));
  for (const text of ['first', 'second']) {
    const next = parser.next();
    assert.ok(next !== undefined);
    const view = next.bytes.subarray(next.start, next.end);
    assert.equal(view.toString(), text);
    next.start += 0;
    if (text === 'first') assert.equal(next.bytes.toString('utf8', next.end, next.end + 7), '\fsecond');
  }
  const view = parser.writable().subarray(0, 13);
  assert.ok(parser.next() === undefined);
  assert.equal(view.toString('latin1'), `${'\xdb'.repeat(5)}\f${'\xdb'.repeat(6)}\f`);
});

test('asked again when nothing is left, it finds nothing, keeps what it carries, and then lets the memory go', () => {
  for (const delimiter of ['\f', '\r\n']) {
    for (const carried of ['b', 'b'.repeat(10_000)]) {
      const ring = new ReceiveRing(64);
      const parser = new DelimitedParser(ring, delimiterBytes(delimiter), 20_000);
      parser.feed(Buffer.from(`a${delimiter}${carried}`));
      assert.equal(parser.next()?.end, 1);
      for (let tries = 0; tries < 3; tries++) assert.ok(parser.next() === undefined);
      parser.feed(Buffer.from(`c${delimiter}`));
      assert.ok(parser.next() !== undefined);
      assert.ok(parser.text() === `${carried}c`);
      assert.ok(ring.spareBlock === undefined, 'the message is lent');
      assert.ok(parser.next() === undefined);
      assert.equal(ring.spareBlock !== undefined, carried.length > 1_000);
    }
  }
});

test('the first byte shows where a message can begin, and the rest of the source can be taken away', () => {
  const parser = new DelimitedParser(new ReceiveRing(64), delimiterBytes('\f'), MAX);
  const first = (): string => String.fromCharCode(parser.firstByte ?? 0x3f);
  const take = (): string => {
    const { bytes, start, end } = parser.next() as Frame;
    return bytes.toString('latin1', start, end);
  };
  assert.equal(first(), '?', 'nothing has come');
  parser.feed(Buffer.from('one\ftwo\fthr'));
  assert.deepEqual([first(), take(), first()], ['o', 'one', 't']);
  assert.equal(parser.takeRest().toString(), 'two\fthr');
  assert.deepEqual([first(), parser.unfinishedBytes, parser.next()], ['?', 0, undefined]);
  parser.feed(Buffer.from('fo'));
  assert.ok(parser.next() === undefined);
  parser.feed(Buffer.from('ur\ffive'));
  assert.deepEqual([first(), take(), first()], ['?', 'four', 'f']);
});

test('a delimiter that JSON text could contain is refused', () => {
  for (const delimiter of ['', ',', '}', 'end', '€', ' ', '\u007f', undefined, null, 7, ['\n']]) {
    assert.throws(
      () => delimiterBytes(delimiter),
      { code: 'ERR_RINGWIRE_BAD_DELIMITER' },
      JSON.stringify(delimiter),
    );
  }
  for (let byte = 0; byte < 0x20; byte++)
    assert.equal(delimiterBytes(`a${String.fromCharCode(byte)}`)[1], byte, `byte ${byte}`);
});

test('cost per byte is flat: 1 MiB in pieces of 64 bytes and of 64 KiB, within 20 times', () => {
  for (const text of ['\f', '\na\n']) {
    const stream = Buffer.concat([Buffer.alloc(2 ** 20, 0x61), Buffer.from(text)]);
    const time = (size: number): number => {
      const pieces = evenly(stream, size);
      let best = Infinity;
      for (let round = 0; round < 3; round++) {
        const parser = new DelimitedParser(new ReceiveRing(64), delimiterBytes(text), 2 ** 20);
        let frames = 0;
        const start = process.cpuUsage();
        for (const piece of pieces) {
          parser.feed(piece);
          if (parser.next() !== undefined) frames++;
        }
        best = Math.min(best, process.cpuUsage(start).user / 1e3);
        assert.equal(frames, 1);
      }
      return best;
    };
    const large = Math.max(2, time(65_536));
    const small = time(64);
    assert.ok(small < 20 * large, `${small.toFixed(1)} ms in small pieces, ${large.toFixed(1)} ms in large`);
  }
});
