/**
 * Rows T20, T22, T23, T24 and T25 of RELIABILITY.md: whose memory a byte lies in, before it is written, while it is lent and after it was given.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { POISON, ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { SLAB_BYTES } from '../../src/bytes/slab-pool.ts';
import { RawCodec, retain } from '../../src/codecs/raw.ts';
import { StreamServer } from '../../src/endpoints/server.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { FREE_SLABS_MAX } from '../../src/limits.ts';
import { within } from '../compat/support/waiting.ts';
import { frame, PREAMBLE } from '../frames/naive.ts';
import { type Random, seeded } from '../support/seeded.ts';
import { json } from './attacker.ts';
import { contextFor, Side, WIRES, type WireName } from './endpoint-parts.ts';
import { scaled } from './scale.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Twice: the memory of buffers is freed behind a collection, at the latest by the next one. */
function collect(): void {
  gc();
  gc();
}

const CANARY = 0xa5;
const HIT: Buffer = Buffer.alloc(8, CANARY);

/** Runs `body` while new memory is full of canaries instead of whatever lay there. */
function withCanaries(body: () => void): void {
  const { allocUnsafe, allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafe = (size) => allocUnsafeSlow(size).fill(CANARY);
  Buffer.allocUnsafeSlow = (size) => allocUnsafeSlow(size).fill(CANARY);
  try {
    body();
  } finally {
    Object.assign(Buffer, { allocUnsafe, allocUnsafeSlow });
  }
}

/** A value of about `size` bytes that holds no canary, for a codec. */
function valueFor(name: WireName, random: Random, size: number): unknown {
  if (name !== 'raw' && random.below(2) === 0) {
    const text = 'x'.repeat(size);
    return random.pick([text, { text, n: size }, [1, text, null, -size, 0.5], `\u20ac${text}`]);
  }
  const memory = new ArrayBuffer(size + 64);
  new Uint8Array(memory).fill(random.below(128));
  const offset = random.below(8);
  const words = (size >> 3) + 1;
  return random.pick([
    new Uint8Array(memory, offset, size),
    new Float32Array(memory, 8, words),
    new BigInt64Array(memory, 16, Math.min(words, 4)),
    new DataView(memory, offset, size),
    new Uint16Array(memory, 2, words),
    Buffer.from(memory, offset, size),
    new Uint8Array(new SharedArrayBuffer(size)),
  ]);
}

test('T20 uninitialised memory: no byte on the wire was not written by somebody', (t) => {
  const count = scaled(t, 40_000, 1_000_000);
  withCanaries(() => {
    for (const name of WIRES) {
      const side = new Side(name);
      const random = seeded(20);
      for (let n = 0; n < count / WIRES.length; n++) {
        const size = random.below(4) === 0 ? random.below(70_000) : n % 700;
        const value = valueFor(name, random, size);
        // JSON turns typed arrays into objects of digits: small ones will do.
        if (name !== 'raw' && name !== 'msgpack' && ArrayBuffer.isView(value) && value.byteLength > 500)
          continue;
        if (name === 'node-ipc' && value instanceof BigInt64Array) continue;
        try {
          side.wire.encode(`event ${n % 40}`, value, side.out);
        } catch (error) {
          assert.equal(side.out.unsealedBytes, 0, 'a value that is refused leaves nothing');
          assert.match(String(error), /BigInt/);
        }
        const bytes = side.take();
        assert.ok(!bytes.includes(HIT), `${name}, ${size} bytes: memory that nobody wrote was sent`);
      }
      assert.equal(side.pool.inUseCount, 0);
    }
  });
  const detached = new Uint8Array(64);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const name of ['raw', 'msgpack'] as const) {
    const side = new Side(name);
    // Also when it comes where the last one was as short as this.
    for (const data of [Buffer.alloc(8), Buffer.alloc(0)]) side.wire.encode('event', data, side.out);
    const before = side.out.unsealedBytes;
    assert.throws(() => side.wire.encode('event', detached, side.out), TypeError);
    assert.equal(side.out.unsealedBytes, before, 'nothing of it is written');
  }
});

/** Frames of 40 bytes, each filled with its number. */
function numbered(from: number, count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => frame(1, 3, Buffer.alloc(40, (from + index) % 251))),
  );
}

test('T22 a view used after its memory went on: copies never change, lent views show it in poison mode', (t) => {
  const count = scaled(t, 100_000, 1_000_000);
  const ring = new ReceiveRing(64 * 1024, true);
  const codecs = {
    copy: new RawCodec('copy', 'utf8', ring.bytes),
    view: new RawCodec('view', 'utf8', ring.bytes),
  };
  const kept: Buffer[] = [];
  const retained: Buffer[] = [];
  let lent: Buffer | undefined;
  const parser = new LengthPrefixedParser(ring, 1024);
  parser.feed(Buffer.from(PREAMBLE));
  parser.next();
  for (let n = 0; n < count; n += 100) {
    const bytes = numbered(n, 100);
    bytes.copy(parser.writable());
    parser.advance(bytes.length);
    for (let each = parser.next(); each !== undefined; each = parser.next()) {
      if (lent !== undefined)
        assert.ok(
          lent.every((byte) => byte === POISON),
          'a lent view is poisoned once it is over',
        );
      kept.push(codecs.copy.decode(each) as Buffer);
      lent = codecs.view.decode(each) as Buffer;
      retained.push(retain(lent));
    }
    lent = undefined;
  }
  assert.equal(kept.length, count);
  for (const [n, buffer] of [...kept.entries(), ...retained.entries()]) {
    if (buffer.length !== 40 || buffer.some((byte) => byte !== n % 251)) assert.fail(`copy ${n} has changed`);
  }
});

test('T23 slab exposure: what lies behind a delivered Buffer is its own, or a small block of other copies', () => {
  const ring = new ReceiveRing(128 * 1024);
  const raw = new RawCodec('copy', 'utf8', ring.bytes);
  // Not the canary of T20: what was free before may hold that.
  const secret = 0xc3;
  ring.bytes.fill(secret);
  for (let size = 0; size <= 70_000; size += size < 600 ? 1 : 997) {
    ring.bytes.fill(0x61, 8, 8 + size);
    const blank = { event: 1, codec: 3, flags: 0, correlation: 0, kind: 0, traceStart: 0 };
    const copy = raw.decode({ ...blank, bytes: ring.bytes, start: 8, end: 8 + size }) as Buffer;
    assert.ok(
      copy.buffer.byteLength <= Math.max(2 * size, 8 * 1024),
      `${copy.buffer.byteLength} bytes behind ${size}`,
    );
    assert.ok(
      !Buffer.from(copy.buffer).includes(Buffer.alloc(64, secret)),
      'no received byte but messages lies there',
    );
  }
  const sender = new Side('msgpack');
  for (const size of [0, 1, 100, 5000, 70_000]) {
    sender.wire.encodeShared('event', Buffer.alloc(size, 1), sender.out);
    const bytes = sender.take();
    const receiver = new Side('msgpack');
    const codec = contextFor().codecs.msgpack;
    const start = 8;
    const value = codec.decode({
      bytes,
      start,
      end: start + bytes.readUInt32LE(0),
      event: 1,
      codec: 2,
      flags: 0,
      correlation: 0,
      kind: 0,
      traceStart: 0,
    });
    assert.ok(Buffer.isBuffer(value) || value instanceof Uint8Array);
    assert.ok(
      value.buffer.byteLength <= Math.max(2 * size, 8 * 1024),
      `${value.buffer.byteLength} bytes behind ${size}`,
    );
    assert.equal(receiver.pool.inUseCount, 0);
  }
});

test('T24 pool: sends, broadcasts and peers that vanish in mid-write, and every slab comes back', async (t) => {
  const count = scaled(t, 40_000, 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-pool-'));
  const context = contextFor({ maxPendingBytes: 4 * 1024 * 1024 });
  const options = { wire: 'delimited', followPeer: true, maxConnections: 100, onread: true } as const;
  const server = new StreamServer(context, options, {
    connected: () => {},
    error: () => {},
    drained: () => {},
    disconnected: () => {},
    dropped: () => {},
  });
  const path = join(folder, 'socket');
  server.server.listen(path);
  await once(server.server, 'listening');
  const peers: net.Socket[] = [];
  const random = seeded(24);
  const bytes = Buffer.alloc(SLAB_BYTES + 1);
  const texts = [0, 10, 1000, 70_000].map((size) => 'x'.repeat(size));
  let free = 0;
  for (let n = 0; n < count; n++) {
    const kind = random.below(40);
    if (kind === 0 && peers.length < 20) {
      const peer = net.connect(path).on('error', () => {});
      if (random.below(3) > 0) peer.resume();
      if (random.below(2) === 0) peer.write(json('hello', bytes.subarray(0, 10)));
      peers.push(peer);
    } else if (kind === 1) peers.splice(random.below(peers.length), 1)[0]?.destroy();
    else if (kind === 2 && server.sockets.length > 0) random.pick(server.sockets).destroy();
    else if (kind < 6) server.broadcast('event', random.pick(texts));
    else if (kind === 6) await setImmediate();
    else if (server.sockets.length > 0) server.send(random.pick(server.sockets), 'event', random.pick(texts));
    free = Math.max(free, context.pool.freeCount);
  }
  server.broadcast('last', texts[3]);
  server.stop(false);
  for (const peer of peers) peer.destroy();
  await within('the server to close', once(server.server, 'close'));
  await setImmediate();
  assert.equal(server.sockets.length, 0);
  assert.equal(context.pool.inUseCount, 0, 'slabs that are still out');
  assert.equal(context.memory.bytes, 0, 'bytes that still count as pending');
  assert.ok(free <= FREE_SLABS_MAX, `${free} slabs are kept`);
  rmSync(folder, { recursive: true });
});

for (const name of ['raw', 'node-ipc'] as const) {
  test(`T25 small messages that are kept pin no large reads, ${name}`, (t) => {
    const count = scaled(t, name === 'raw' ? 100_000 : 10_000, 100_000);
    const side = new Side(name);
    const { parser } = side.wire;
    const small =
      name === 'raw' ? frame(0x8000, 3, Buffer.alloc(10)) : json('event', `kept ${'x'.repeat(20)}`);
    // The message stands at the end of a read of 64 KiB whose rest is gone.
    const reads = Buffer.concat([Buffer.alloc(0), small]);
    const codec = new RawCodec('copy', 'utf8', Buffer.alloc(8));
    const kept: unknown[] = [];
    collect();
    const before = process.memoryUsage();
    if (name === 'raw') {
      parser.feed(Buffer.from(PREAMBLE));
      parser.next();
    }
    for (let n = 0; n < count; n++) {
      const read = Buffer.allocUnsafeSlow(name === 'raw' ? 64 * 1024 : 16 * 1024);
      reads.copy(read);
      if (name === 'raw') {
        parser.feed(read.subarray(0, reads.length));
        kept.push(codec.decode(parser.next() as never));
        parser.next();
      } else {
        read.fill(0x20, reads.length);
        read[read.length - 1] = 0x0c;
        read.write('{"type":"a"}', reads.length);
        parser.feed(read);
        side.wire.receive(parser.next() as never);
        kept.push(side.received.pop()?.data);
        parser.next();
        parser.next();
      }
    }
    collect();
    const after = process.memoryUsage();
    const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
    assert.equal(kept.length, count);
    const most = Math.max(32 * 1024 * 1024 * (count / 100_000), 8 * 1024 * 1024);
    assert.ok(bytes < most, `${count} kept messages cost ${bytes} bytes, ${most} are allowed`);
  });
}
