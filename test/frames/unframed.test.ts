/**
 * UnframedParser: every chunk comes out once, as it went in, and nothing is held back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { UnframedParser } from '../../src/frames/unframed.ts';
import { seeded } from '../support/seeded.ts';
import { deliver, everySplit, randomly, WAYS } from './pieces.ts';

test('each piece is a frame, in order, whatever its bytes', () => {
  const ring = new ReceiveRing(256);
  for (const way of WAYS) {
    const parser = new UnframedParser(ring);
    for (const pieces of everySplit(Buffer.from('fffe0080f50c7b00', 'hex'))) {
      const got: string[] = [];
      for (const piece of pieces)
        deliver(parser, ring, piece, way, (each) =>
          got.push(each.bytes.toString('hex', each.start, each.end)),
        );
      assert.deepEqual(
        got,
        pieces.map((each) => each.toString('hex')),
      );
      assert.equal(parser.unfinishedBytes, 0);
    }
  }
});

test('pieces larger than the ring arrive as several reads, and whole', () => {
  const ring = new ReceiveRing(64, true);
  const random = seeded(3);
  const stream = random.bytes(5000);
  const parser = new UnframedParser(ring);
  const got: Buffer[] = [];
  for (const piece of randomly(stream, random, 500))
    deliver(parser, ring, piece, 'kernel', (each) =>
      got.push(Buffer.from(each.bytes.subarray(each.start, each.end))),
    );
  assert.deepEqual(Buffer.concat(got), stream);
});

test('an empty read is no frame; a frame that waits survives park; poison shows a kept view', () => {
  const parser = new UnframedParser(new ReceiveRing(64, true));
  parser.advance(0);
  assert.equal(parser.next(), undefined);
  const room = parser.writable();
  parser.advance(Buffer.from('parked').copy(room));
  parser.park();
  room.fill(0);
  const frame = parser.next();
  assert.ok(frame !== undefined);
  const view = frame.bytes.subarray(frame.start, frame.end);
  assert.equal(view.toString(), 'parked');
  parser.park();
  assert.equal(view.toString(), 'parked', 'a frame that was handed out stays lent');
  assert.equal(parser.next(), undefined);
  assert.deepEqual(view, Buffer.alloc(6, 0xdb));
});

test('deliver: at most so many as asked for; without poison a chunk is left as it came', () => {
  const parser = new UnframedParser(new ReceiveRing(64));
  const got: string[] = [];
  const receiver = {
    receive: ({ bytes, start, end }: Frame) => got.push(bytes.toString('latin1', start, end)),
  };
  assert.equal(parser.next(), undefined, 'nothing has come');
  const chunk = Buffer.from('chunk');
  parser.feed(chunk);
  assert.equal(parser.deliver(receiver, 0), 0);
  assert.equal(parser.deliver(receiver, 9), 1);
  assert.equal(parser.deliver(receiver, 9), 0);
  assert.deepEqual(got, ['chunk']);
  assert.equal(chunk.toString(), 'chunk');
});
