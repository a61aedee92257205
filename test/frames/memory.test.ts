/**
 * What a parser keeps when everything that came has been taken: neither chunks that were lent to it nor memory in which a large message gathered,
 * so that a connection that has nothing to say costs next to nothing, whatever it has said before.
 *
 * Memory is watched with weak references, and collected by V8 when the test says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedParser, delimiterBytes } from '../../src/frames/delimited.ts';
import type { FrameParser } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { UnframedParser } from '../../src/frames/unframed.ts';
import { frame, PREAMBLE } from './naive.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MESSAGE_BYTES = 2 * 1024 * 1024;

interface Kind {
  readonly name: string;
  readonly make: (ring: ReceiveRing) => FrameParser;
  readonly beginning: Buffer;
  readonly message: (bytes: number) => Buffer;
}

const KINDS: readonly Kind[] = [
  {
    name: 'length-prefixed',
    make: (ring) => new LengthPrefixedParser(ring, MESSAGE_BYTES),
    beginning: PREAMBLE,
    message: (bytes) => frame(1, 3, Buffer.alloc(bytes)),
  },
  {
    name: 'delimited',
    make: (ring) => new DelimitedParser(ring, delimiterBytes('\f'), MESSAGE_BYTES),
    beginning: Buffer.alloc(0),
    message: (bytes) => Buffer.from(`${'x'.repeat(bytes)}\f`),
  },
  {
    name: 'unframed',
    make: (ring) => new UnframedParser(ring),
    beginning: Buffer.alloc(0),
    message: (bytes) => Buffer.alloc(bytes),
  },
];

/** The memory of each frame that comes, unless it is the ring's. */
class Watch {
  readonly memories: WeakRef<ArrayBufferLike>[] = [];
  count = 0;
  readonly #ring: ReceiveRing;

  constructor(ring: ReceiveRing) {
    this.#ring = ring;
  }

  receive({ bytes }: { readonly bytes: Buffer }): void {
    this.count++;
    if (bytes.buffer !== this.#ring.bytes.buffer) this.memories.push(new WeakRef(bytes.buffer));
  }

  /** How many of them are still there, but for the block that the ring keeps for all. */
  async left(): Promise<number> {
    // A weak reference keeps its object until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const isLeft = (memory: ArrayBufferLike | undefined): boolean =>
      memory !== undefined && memory !== this.#ring.spareBlock?.buffer;
    return this.memories.filter((each) => isLeft(each.deref())).length;
  }
}

/** The kernel reads a stream into what the parser names. */
function read(parser: FrameParser, stream: Buffer, watch: Watch): void {
  for (let at = 0; at < stream.length;) {
    const room = parser.writable();
    const bytes = stream.copy(room, 0, at);
    parser.advance(bytes);
    at += bytes;
    while (parser.deliver(watch, 10) === 10);
  }
}

/** A chunk of its own is lent. */
function lend(parser: FrameParser, stream: Buffer, watch: Watch, shift = 0): void {
  const chunk = Buffer.allocUnsafeSlow(stream.length + shift).subarray(shift);
  stream.copy(chunk);
  watch.memories.push(new WeakRef(chunk.buffer));
  parser.feed(chunk);
  while (parser.deliver(watch, 10) === 10);
}

for (const { name, make, beginning, message } of KINDS) {
  test(`${name}: of a large message that the kernel has read nothing is left when it has been taken`, async () => {
    const ring = new ReceiveRing(64 * 1024);
    const parser = make(ring);
    const watch = new Watch(ring);
    read(parser, Buffer.concat([beginning, message(MESSAGE_BYTES)]), watch);
    assert.ok(watch.count > 0);
    assert.equal(await watch.left(), 0);
    read(parser, message(10), watch);
    assert.equal(parser.unfinishedBytes, 0);
  });

  for (const shift of [0, 3]) {
    test(`${name}: of chunks that were lent${shift === 0 ? '' : ', unaligned,'} nothing is left, in the middle of a message neither`, async () => {
      const ring = new ReceiveRing(64 * 1024);
      const parser = make(ring);
      const watch = new Watch(ring);
      lend(parser, Buffer.concat([beginning, message(5_000), message(9_000)]), watch, shift);
      assert.ok(watch.count > 0 && watch.memories.length >= 1);
      assert.equal(await watch.left(), 0, 'between two messages');
      const large = message(10_000);
      lend(parser, large.subarray(0, 4_000), watch, shift);
      assert.equal(await watch.left(), 0, 'in the middle of one');
      lend(parser, large.subarray(4_000), watch, shift);
      assert.equal(parser.unfinishedBytes, 0);
      assert.equal(await watch.left(), 0);
    });
  }
}

for (const { name, make, beginning, message } of KINDS) {
  test(`${name}: abandoned in the middle of a message or of a chunk it keeps nothing and returns nothing more`, async () => {
    const ring = new ReceiveRing(64 * 1024);
    const watch = new Watch(ring);
    const [inMessage, inChunk] = [make(ring), make(ring)];
    const large = message(MESSAGE_BYTES);
    for (const parser of [inMessage, inChunk]) lend(parser, Buffer.concat([beginning, message(10)]), watch);
    read(inMessage, large.subarray(0, MESSAGE_BYTES / 2), watch);
    if (name !== 'unframed') assert.equal(inMessage.unfinishedBytes, MESSAGE_BYTES / 2);
    inChunk.feed(Buffer.concat([message(5_000), message(6_000)]));
    if (name !== 'unframed') assert.equal(inChunk.deliver({ receive: () => {} }, 1), 1);
    inChunk.park();
    const { count } = watch;
    for (const parser of [inMessage, inChunk]) {
      parser.abandon();
      assert.equal(parser.unfinishedBytes, 0);
      parser.feed(Buffer.concat([large.subarray(MESSAGE_BYTES / 2), message(10)]));
      assert.equal(parser.deliver(watch, 10), 0);
      assert.ok(parser.writable().buffer === ring.bytes.buffer, 'a read costs no memory of its own');
    }
    assert.equal(watch.count, count);
    assert.equal(await watch.left(), 0);
  });
}

test('memory that is lent for a read goes to nobody else when its parser is abandoned', () => {
  const ring = new ReceiveRing(64 * 1024);
  const unfinished = (): LengthPrefixedParser => {
    const parser = new LengthPrefixedParser(ring, MESSAGE_BYTES);
    parser.feed(Buffer.concat([PREAMBLE, frame(1, 3, Buffer.alloc(60_000)).subarray(0, 5_000)]));
    assert.ok(parser.next() === undefined);
    return parser;
  };
  const cut = unfinished();
  const lent = cut.writable();
  assert.ok(lent.buffer !== ring.bytes.buffer, 'it is the block of its message');
  cut.abandon();
  const room = unfinished().writable();
  assert.ok(room.buffer !== ring.bytes.buffer);
  assert.ok(
    room.buffer !== lent.buffer,
    'what the peer still sends would be read into the message of another',
  );
});

test('a block that lies ready is for whoever needs one, also for a promise', () => {
  const ring = new ReceiveRing(64 * 1024);
  const block = (ring.spareBlock = Buffer.allocUnsafeSlow(68 * 1024));
  const parser = new LengthPrefixedParser(ring, MESSAGE_BYTES);
  parser.feed(Buffer.concat([PREAMBLE, frame(1, 3, Buffer.alloc(60_000)).subarray(0, 10)]));
  assert.ok(parser.next() === undefined);
  assert.ok(parser.writable().buffer === block.buffer);
});

/** Bytes of Buffers that are in use. */
async function used(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('delimited: memory for an unfinished message grows no further than a message may', async () => {
  const ring = new ReceiveRing(64);
  const before = await used();
  const bytes = 600_000;
  const parsers = Array.from({ length: 50 }, () => {
    const parser = new DelimitedParser(ring, delimiterBytes('\f'), bytes + 50_000);
    for (const length of [bytes, 10]) {
      parser.feed(Buffer.alloc(length, 'x'));
      assert.ok(parser.next() === undefined);
    }
    assert.equal(parser.carriedBytes, bytes + 10);
    return parser;
  });
  const grown = ((await used()) - before) / parsers.length;
  assert.ok(grown < bytes + 100_000, `${grown} bytes for each`);
});

test('a message that is refused leaves nothing either', async () => {
  for (const { make, beginning, message } of KINDS.slice(0, 2)) {
    const ring = new ReceiveRing(64 * 1024);
    const parser = make(ring);
    const watch = new Watch(ring);
    lend(parser, beginning, watch);
    assert.throws(() => lend(parser, message(MESSAGE_BYTES + 1), watch), {
      code: 'ERR_RINGWIRE_FRAME_TOO_LARGE',
    });
    assert.equal(await watch.left(), 0);
  }
});
