/**
 * Peers that break the rules of requests and streams, byte by byte: each costs itself something, and nobody else.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { connect } from '../../src/index.ts';
import { announceBytes, frame, greetingBytes, nextPeer, Stage, until } from './support.ts';

const JSON_CODEC = 1;
const Kind = { request: 1, response: 2, error: 3, cancel: 4, item: 5, end: 6, credit: 7 } as const;

function credit(items: number, correlation: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(items, 0);
  return frame(0x8000, 3, payload, { correlation, kind: Kind.credit });
}

test('requests of a raw peer: bad numbers, unknown ids, bad payloads, stray answers', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  let asked = 0;
  server.handle('wait', () => {
    asked++;
    return new Promise(() => {});
  });
  server.handle('echo', (input) => input);
  const errors: unknown[] = [];
  server.lifecycle.on('error', (error) => errors.push((error as { code?: unknown }).code));
  const socket = await stage.raw();
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  const request = (correlation: number, event = 0x8000, payload = '1'): Buffer =>
    frame(event, JSON_CODEC, Buffer.from(payload), { correlation, kind: Kind.request });
  const stray = [Kind.response, Kind.error, Kind.cancel, Kind.item, Kind.end].map((kind) =>
    frame(0x8000, JSON_CODEC, Buffer.alloc(0), { correlation: 99, kind }),
  );
  socket.write(
    Buffer.concat([
      greetingBytes(JSON_CODEC),
      announceBytes('wait'),
      announceBytes('echo', 0x8001),
      ...stray,
      credit(5, 99),
      request(0),
      request(7),
      request(7),
      request(8, 0x8005),
      frame(0x8000, 3, Buffer.alloc(7), { correlation: 7, kind: Kind.credit }),
      request(9, 0x8001, '{"not json'),
      request(10, 0x8001, '"fine"'),
    ]),
  );
  const fine = frame(0x8001, JSON_CODEC, Buffer.from('"fine"'), { correlation: 10, kind: Kind.response });
  await until('the answer', () => received.includes(fine));
  assert.equal(asked, 1);
  assert.deepEqual(errors, [
    'ERR_RINGWIRE_BAD_CONTROL',
    'ERR_RINGWIRE_BAD_CONTROL',
    'ERR_RINGWIRE_INVALID_EVENT',
    'ERR_RINGWIRE_BAD_CONTROL',
  ]);
  assert.match(received.toString('latin1'), /ERR_RINGWIRE_INVALID_JSON|characters that are not JSON/);
  assert.equal(server.stats().requests.handled, 1);
  socket.destroy();
  await until('the end', () => server.stats().peers === 0);
});

test('a peer that never said that it answers is asked nothing', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  const socket = await stage.raw();
  const arrived = nextPeer(server);
  socket.write(greetingBytes(JSON_CODEC, 0));
  const peer = await arrived;
  await assert.rejects(peer.request('a'), { code: 'ERR_RINGWIRE_NO_HANDLER' });
  await assert.rejects(peer.stream('a').next(), { code: 'ERR_RINGWIRE_NO_HANDLER' });
});

/** A server of plain bytes: greets, and answers the first request with what it is told. */
async function rogue(
  stage: Stage,
  answer: (correlation: number) => Buffer[],
): Promise<{ received: () => Buffer }> {
  let received = Buffer.alloc(0);
  let answered = false;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(greetingBytes(JSON_CODEC));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const at = received.indexOf(frame(0x8000, 2, Buffer.alloc(0), { correlation: 1, kind: Kind.request }));
      if (at < 0 || answered) return;
      answered = true;
      socket.write(Buffer.concat(answer(1)));
    });
  });
  await new Promise<void>((resolve) => server.listen(stage.path, resolve));
  stage.keep({ close: () => new Promise<void>((resolve) => server.close(() => resolve())) });
  return { received: () => received };
}

function item(n: number): Buffer {
  return frame(0x8000, JSON_CODEC, Buffer.from(String(n)), { correlation: 1, kind: Kind.item });
}

test('items beyond the window end the stream, and the sender is told to stop', async (context) => {
  const stage = new Stage(context);
  const { received } = await rogue(stage, () => Array.from({ length: 18 }, (_, n) => item(n)));
  const client = stage.keep(await connect(stage.address));
  const stream = client.stream('rows');
  const seen: unknown[] = [];
  await stream.next();
  await until('all', () => client.stats().received.messages === 18);
  await assert.rejects(
    async () => {
      for await (const each of stream) seen.push(each);
    },
    { code: 'ERR_RINGWIRE_REQUEST_FAILED', message: /granted/ },
  );
  assert.equal(seen.length, 15);
  await until('the cancel', () =>
    received().includes(frame(0x8000, 2, Buffer.alloc(0), { correlation: 1, kind: Kind.cancel })),
  );
  assert.equal(client.stats().requests.open, 0);
});

test('answers that cannot be read fail their request, and the connection stays', async (context) => {
  for (const [kind, payload, code] of [
    [Kind.response, '{', 'ERR_RINGWIRE_INVALID_JSON'],
    [Kind.item, '{', 'ERR_RINGWIRE_INVALID_JSON'],
    [Kind.error, '{', 'ERR_RINGWIRE_INVALID_JSON'],
    [Kind.error, '7', 'ERR_RINGWIRE_REQUEST_FAILED'],
    [Kind.error, 'null', 'ERR_RINGWIRE_REQUEST_FAILED'],
    [Kind.error, '{"code":5,"message":{},"stack":[]}', 'ERR_RINGWIRE_REQUEST_FAILED'],
    [Kind.error, '{"code":"ERR_RINGWIRE_TLS_CONFIG","message":"m"}', 'ERR_RINGWIRE_REQUEST_FAILED'],
  ] as const) {
    const stage = new Stage(context);
    await rogue(stage, (correlation) => [
      frame(0x8000, JSON_CODEC, Buffer.from(payload), { correlation, kind }),
    ]);
    const client = stage.keep(await connect(stage.address));
    await assert.rejects(client.request('any'), { code }, payload);
    assert.equal(client.isConnected, true);
    assert.equal(client.stats().requests.open, 0);
    await client.close();
  }
});

test('a flood of requests that are refused, from a peer that reads nothing, stays within the bounds', async (context) => {
  const stage = new Stage(context);
  const limits = { pendingBytesSoft: 10_000, pendingBytesMax: 50_000 };
  const server = await stage.server({ limits });
  const socket = await stage.raw();
  const arrived = nextPeer(server);
  socket.write(Buffer.concat([greetingBytes(JSON_CODEC), announceBytes('nobody')]));
  const peer = await arrived;
  socket.pause();
  const flood = Buffer.concat(
    Array.from({ length: 20_000 }, (_, index) =>
      frame(0x8000, JSON_CODEC, Buffer.alloc(0), { correlation: index + 1, kind: Kind.request }),
    ),
  );
  socket.write(flood);
  await until('all', () => peer.stats().received.messages === 20_000);
  assert.ok(peer.stats().pendingBytes < 60_000, `${peer.stats().pendingBytes}`);
  assert.ok((peer.stats().refused['ERR_RINGWIRE_BACKPRESSURE'] ?? 0) > 0);
});

test('a peer of node-ipc’s wire is cut: this server speaks the ringwire wire', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  const told = new Promise<Error>((resolve) => server.lifecycle.once('error', (error) => resolve(error)));
  const socket = await stage.raw();
  socket.write('{"type":"message","data":1}\f');
  const ended = new Promise((resolve) => socket.once('close', resolve));
  assert.equal(((await told) as { code?: unknown }).code, 'ERR_RINGWIRE_BAD_MAGIC');
  socket.resume();
  await ended;
  assert.equal(server.stats().peersTotal, 0);
});

test('a server says nothing before its peer has', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  const socket = await stage.raw();
  server.broadcast('early', 1);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  await stage.client();
  server.broadcast('again', 1);
  assert.equal(received.length, 0);
  const arrived = nextPeer(server);
  socket.write(greetingBytes(3));
  const peer = await arrived;
  await until('the greeting', () => received.length >= 24);
  assert.equal(received[17], 3, 'it answers in the codec of its peer');
  assert.equal(peer.id, 'raw');
});
