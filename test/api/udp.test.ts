/**
 * `listen` and `connect` on udp: addresses: typed messages both ways, rules of events, figures, lifecycle, what is refused.
 *
 * Invariant: real sockets on the loopback; nothing sleeps, and what a test opened is closed behind it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { mock, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  connect,
  type DatagramClient,
  type DatagramPeer,
  type DatagramServer,
  defineProtocol,
  defineStruct,
  listen,
  type StandardSchema,
  typed,
  type UdpOptions,
  type UdpTarget,
} from '../../src/index.ts';
import { projectRoot } from '../support/project.ts';
import { next, until } from './support.ts';

interface Pair {
  readonly server: DatagramServer;
  readonly client: DatagramClient;
}

async function server(
  context: TestContext,
  options: UdpOptions & { protocol?: object } = {},
  address: UdpTarget = 'udp://127.0.0.1:0',
): Promise<DatagramServer> {
  const opened: DatagramServer = await listen(address, options);
  context.after(() => opened.close());
  return opened;
}

async function client(
  context: TestContext,
  address: string,
  options: UdpOptions & { protocol?: object } = {},
): Promise<DatagramClient> {
  const opened: DatagramClient = await connect(address as UdpTarget, options);
  context.after(() => opened.close());
  return opened;
}

test('a peer whose codec cannot express a broadcast keeps it from nobody; what none can take throws', async (context) => {
  const listening = await server(context);
  const heard: string[] = [];
  const told: string[] = [];
  listening.lifecycle.on('error', (error) => told.push(error.message));
  for (const codec of ['raw', 'json', 'msgpack'] as const) {
    const each = await client(context, listening.address, { codec });
    each.on('news', (data) => heard.push(`${codec} ${JSON.stringify(data)}`));
    each.send('hello', Buffer.from(codec));
  }
  await until('all', () => listening.peers.size === 3);
  assert.equal(listening.broadcast('news', { n: 1 }), false);
  await until('both', () => heard.length === 2);
  assert.deepEqual(heard.toSorted(), ['json {"n":1}', 'msgpack {"n":1}']);
  assert.equal(told.length, 1);
  assert.match(told[0] as string, /ERR_INVALID_ARG_TYPE/);
  assert.throws(() => listening.broadcast('news', 'x'.repeat(2_000)), { code: 'ERR_RINGWIRE_UDP_TOO_LARGE' });
});

async function pair(
  context: TestContext,
  options: UdpOptions & { protocol?: object } = {},
  clientOptions: UdpOptions & { protocol?: object } = options,
): Promise<Pair> {
  const listening = await server(context, options);
  return { server: listening, client: await client(context, listening.address, clientOptions) };
}

function nextPeer(listening: DatagramServer): Promise<DatagramPeer> {
  return new Promise((resolve) => listening.lifecycle.once('connect', resolve));
}

test('messages both ways; a source is one peer, told before its first message', async (context) => {
  const { server: listening, client: sending } = await pair(context);
  assert.match(listening.address, /^udp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(sending.address, listening.address);
  assert.equal(listening.peers.size, 0);
  const told: unknown[] = [];
  listening.lifecycle.on('connect', (peer) => told.push(peer));
  listening.on('reading', (data, peer) => {
    told.push(data);
    peer.send('thanks', data);
    peer.once('more', (more) => told.push(more));
  });
  const answer = next(sending, 'thanks');
  assert.equal(sending.send('reading', { celsius: 21 }), true);
  assert.deepEqual(await answer, { celsius: 21 });
  const [peer] = [...listening.peers] as [DatagramPeer];
  assert.deepEqual(told, [peer, { celsius: 21 }]);
  assert.equal(peer.id, `127.0.0.1:${peer.port}`);
  assert.equal(peer.isConnected && sending.isConnected, true);
  sending.send('more', 1);
  sending.send('more', 2);
  await until('more', () => told.length === 3);
  const heard = next(sending, 'news');
  assert.equal(listening.broadcast('news', 'all'), true);
  assert.equal(await heard, 'all');
  listening.flush();
});

test('messages() of a client and of a peer; sendTo reaches who has said nothing', async (context) => {
  const { server: listening, client: sending } = await pair(context);
  const other = await server(context);
  const heard = next(other as never, 'unasked');
  assert.equal(
    listening.sendTo({ address: 'localhost', port: Number(other.address.split(':')[2]) }, 'unasked', 1),
    true,
  );
  assert.equal(await heard, 1);
  const arrived = nextPeer(listening);
  sending.send('hello');
  const peer = await arrived;
  const [mine, theirs] = [sending.messages('n'), peer.messages('n')];
  for (let n = 0; n < 3; n++) {
    sending.send('n', n);
    peer.send('n', 10 + n);
  }
  const seen: unknown[] = [];
  for await (const n of theirs) if (seen.push(n) === 3) break;
  for await (const n of mine) if (seen.push(n) === 6) break;
  assert.deepEqual(seen, [0, 1, 2, 10, 11, 12]);
  const reader = sending.messages('n');
  await sending.close();
  assert.deepEqual(await reader.next(), { done: true, value: undefined });
});

const POSES = defineProtocol({
  events: {
    pose: {
      id: 1,
      schema: typed<{ who: string; n: number }>(),
      udp: { mode: 'latest', key: ({ who }: { who: string }) => who },
    },
    log: { id: 2 },
  },
});

test('rules of events come from the protocol, and options win; messages of a tick share datagrams', async (context) => {
  const { server: listening, client: sending } = await pair(context, { protocol: POSES });
  const seen: string[] = [];
  listening.on('pose', (data) => {
    const { who, n } = data as { who: string; n: number };
    seen.push(`${who}${n}`);
  });
  for (let n = 0; n < 10; n++) for (const who of ['x', 'y']) sending.send('pose', { who, n });
  await until('both', () => seen.length === 2);
  assert.deepEqual(seen, ['x9', 'y9']);
  const { datagrams, sent } = sending.stats();
  assert.deepEqual([datagrams.replaced, sent.messages, datagrams.sent], [18, 2, 1]);
  const plain = await pair(context, { protocol: POSES, udp: { events: { pose: { mode: 'unordered' } } } });
  let count = 0;
  plain.server.on('pose', () => count++);
  for (let n = 0; n < 10; n++) plain.client.send('pose', { who: 'x', n });
  await until('all', () => count === 10);
  assert.equal(plain.client.stats().datagrams.sent, 1);
});

test('sequenced: what comes behind a newer one is dropped and counted; maxAgeMs gives up what waits too long', async (context) => {
  const udp = { events: { n: { mode: 'sequenced' } } } as const;
  const { server: listening, client: sending } = await pair(context, { udp, codec: 'raw' });
  const seen: number[] = [];
  listening.on('n', (data) => seen.push((data as Buffer)[0] as number));
  const kept: Buffer[] = [];
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  context.after(() => socket.close());
  socket.on('message', (bytes) => kept.push(bytes));
  await once(socket, 'listening');
  const aside = await client(context, `udp://127.0.0.1:${socket.address().port}`, { udp, codec: 'raw' });
  for (let n = 0; n < 3; n++) {
    aside.send('n', Buffer.from([n]));
    aside.flush();
  }
  await until('three datagrams', () => kept.length === 3);
  for (const at of [0, 2, 1])
    socket.send(kept[at] as Buffer, Number(listening.address.split(':')[2]), '127.0.0.1');
  await until('the stale one', () => listening.stats().datagrams.stale === 1);
  assert.deepEqual(seen, [0, 2]);
  assert.equal(listening.stats().datagrams.reordered, 1);
  sending.send('n', Buffer.from([9]));
  await until('another source', () => seen.length === 3);

  const slow = await client(context, listening.address, {
    codec: 'raw',
    udp: { burstBytesMax: 1, events: { old: { maxAgeMs: 5 } } },
  });
  for (let n = 0; n < 3; n++) slow.send('old', Buffer.alloc(1_000));
  slow.flush();
  const end = performance.now() + 15;
  while (performance.now() < end);
  await until('two to be given up', () => slow.stats().datagrams.expired === 2);
});

test('fragments when both want them; too large is thrown, and nothing is sent', async (context) => {
  const big = Buffer.alloc(100_000, 'abc');
  const { server: listening, client: sending } = await pair(context, { udp: { fragment: true } });
  const heard = next(listening as never, 'big');
  sending.send('big', big);
  assert.deepEqual(await heard, big);
  const strict = await client(context, listening.address);
  assert.throws(() => strict.send('big', big), { code: 'ERR_RINGWIRE_UDP_TOO_LARGE' });
  assert.equal(strict.stats().sent.messages, 0);
});

const Sample = defineStruct('Sample', { t: 'f64', values: ['i16', 3] });
const CODECS = defineProtocol({
  events: {
    sample: { id: 1, codec: Sample },
    bytes: { id: 2, codec: 'raw', schema: typed<Buffer>() },
    text: { id: 3, codec: 'json', schema: typed<string>() },
    any: {},
  },
});

test('a codec for each event; a peer is answered in its own codec, whatever its last event had', async (context) => {
  const listening = await server(context, { protocol: CODECS, codec: 'json' });
  const values = { sample: { t: 1.5, values: [1, -2, 3] }, bytes: Buffer.from('ff00', 'hex'), text: 'grüße' };
  for (const codec of ['json', 'msgpack'] as const) {
    const sending = await client(context, listening.address, { protocol: CODECS, codec });
    const arrived = nextPeer(listening);
    for (const [event, value] of Object.entries(values)) {
      const heard = next(listening as never, event);
      sending.send(event, value);
      assert.deepEqual(await heard, value, event);
    }
    sending.send('any', { a: [1] });
    const peer = await arrived;
    const back = next(sending, 'bytes');
    listening.once('bytes', () => peer.send('any', { b: 2 }));
    const any = next(sending, 'any');
    peer.send('bytes', values.bytes);
    assert.deepEqual(await back, values.bytes);
    sending.send('bytes', values.bytes);
    assert.deepEqual(await any, { b: 2 });
  }
  const { peers } = listening.stats().datagrams;
  assert.deepEqual(
    peers.map(({ faults }) => faults),
    [0, 0],
  );
});

/** Takes numbers, yields their doubles. */
const DOUBLE: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value: value * 2 } : { issues: [{ message: 'no number' }] },
  },
};

test('validate: thrown where it is sent, counted where it is received, and handed on as the schema yields it', async (context) => {
  const protocol = defineProtocol({ events: { n: { id: 1, schema: DOUBLE } } });
  const listening = await server(context, { protocol, validate: true });
  const checking = await client(context, listening.address, { protocol, validate: true });
  const careless = await client(context, listening.address, { protocol });
  assert.throws(() => checking.send('n', 'text'), { code: 'ERR_RINGWIRE_INVALID_DATA' });
  const seen: unknown[] = [];
  listening.on('n', (data) => seen.push(data));
  careless.send('n', 'text');
  careless.send('n', 4);
  await until('the good one', () => seen.length === 1);
  assert.deepEqual(seen, [8]);
  assert.equal(listening.stats().refused['ERR_RINGWIRE_INVALID_DATA'], 1);
});

test('stats: rates since an earlier look, figures of each peer, the event', async (context) => {
  const listening = await server(context, { udp: { statsMs: 5 } });
  const sending = await client(context, listening.address);
  const before = listening.stats();
  const arrived = nextPeer(listening);
  for (let n = 0; n < 50; n++) sending.send('n', n);
  const peer = await arrived;
  await until('all', () => listening.stats().received.messages === 50);
  const after = listening.stats(before);
  assert.equal(after.received.messages, 50);
  assert.ok(after.received.messagesPerSecond > 0 && after.received.bytesPerSecond > 50);
  assert.deepEqual([after.peers, after.peersTotal, after.pendingBytes], [1, 1, 0]);
  assert.equal(after.datagrams.lost, 0);
  assert.equal(after.sent.bytes, after.datagrams.sentBytes);
  const [figures] = after.datagrams.peers;
  assert.equal(figures?.port, peer.port);
  assert.equal(peer.stats().received.messages, 50);
  assert.equal(peer.stats().datagrams?.receivedMessages, 50);
  const told = await new Promise<{ received: { messages: number } }>((resolve) =>
    listening.lifecycle.once('stats', resolve),
  );
  assert.equal(told.received.messages, 50);
  assert.ok(Object.hasOwn(sending.stats(), 'roundTripUs'));
});

test('requests, streams and handlers are refused by name', async (context) => {
  const { server: listening, client: sending } = await pair(context);
  const arrived = nextPeer(listening);
  sending.send('hello');
  const peer = await arrived;
  const refusal = { code: 'ERR_RINGWIRE_UDP_UNSUPPORTED', message: /repeats what is lost/ };
  for (const party of [sending, peer]) {
    await assert.rejects(party.request('resize', 1), refusal);
    assert.throws(() => party.stream('rows'), refusal);
  }
  assert.throws(() => listening.handle('resize', () => 1), refusal);
  assert.throws(() => sending.handle('resize', () => 1), refusal);
});

test('what means nothing to datagrams is refused before a socket is opened', async () => {
  const code = 'ERR_RINGWIRE_BAD_CONFIG';
  for (const options of [
    { tls: {} },
    { reconnect: false },
    { limits: {} },
    { maxConnections: 5 },
    { codec: 'xml' },
    { udp: { connect: { address: '127.0.0.1', port: 1 } } },
    { udp: { datagramBytesMax: 5 } },
    { udp: { events: { e: { mode: 'newest' } } } },
    { timeout: -1 },
  ] as unknown as UdpOptions[]) {
    await assert.rejects(listen('udp://127.0.0.1:0', options), { code }, JSON.stringify(options));
    await assert.rejects(connect('udp://127.0.0.1:9', options), { code }, JSON.stringify(options));
  }
});

test('opening fails with the reason: the port is taken, no such host, a signal, the time', async (context) => {
  const listening = await server(context);
  await assert.rejects(listen(listening.address as UdpTarget), { code: 'EADDRINUSE' });
  const reason = new Error('changed my mind');
  await assert.rejects(connect('udp://127.0.0.1:9', { signal: AbortSignal.abort(reason) }), reason);
  const lookup = mock.method(dns, 'lookup', () => new Promise(() => {}));
  try {
    await assert.rejects(connect('udp://slow.example:9', { timeout: 10 }), {
      code: 'ERR_RINGWIRE_CONNECT_TIMEOUT',
      limit: 10,
    });
    await assert.rejects(listen('udp://slow.example:9', { timeout: 10 }), {
      code: 'ERR_RINGWIRE_LISTEN_TIMEOUT',
    });
    const controller = new AbortController();
    const opening = connect('udp://slow.example:9', { signal: controller.signal });
    await until('the third look-up', () => lookup.mock.callCount() === 3);
    controller.abort(reason);
    await assert.rejects(opening, reason);
  } finally {
    lookup.mock.restore();
  }
});

test('signals and disposal close; afterwards send says false and nothing waits for ever', async (context) => {
  const controller = new AbortController();
  const listening = await server(context, { signal: controller.signal });
  const sending = await client(context, listening.address);
  const closed = new Promise<void>((resolve) => listening.lifecycle.once('close', resolve));
  controller.abort();
  await closed;
  assert.equal(sending.send('n', 1), true);
  await sending[Symbol.asyncDispose]();
  await sending.close();
  assert.equal(sending.isConnected, false);
  assert.equal(sending.send('n', 1), false);
  assert.equal(sending.stats().refused['ERR_RINGWIRE_NOT_CONNECTED'], 1);
  await assert.rejects(sending.drained(), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
  assert.throws(() => listening.join('239.1.2.3'), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
});

test('a full queue: false, then drained; a signal, the time and the close end the waiting', async (context) => {
  const listening = await server(context);
  const udp = { queueBytesSoft: 8_000, queueBytesMax: 20_000, burstBytesMax: 1_000 };
  const sending = await client(context, listening.address, { udp, codec: 'raw' });
  const fill = (): void => {
    while (sending.send('e', Buffer.alloc(1_000)));
  };
  fill();
  const drains = new Promise<void>((resolve) => sending.lifecycle.once('drain', resolve));
  assert.ok(sending.stats().pendingBytes >= 8_000);
  await sending.drained();
  await drains;
  fill();
  const reason = new Error('no time');
  await assert.rejects(sending.drained({ signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const aborted = sending.drained({ signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  const lost = sending.drained({ timeout: 60_000 });
  void sending.close();
  await assert.rejects(lost, { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
});

test('a peer that was silent for too long is forgotten: told, its readers end, and it may come again', async (context) => {
  const listening = await server(context, { udp: { peerTtlMs: 40 } });
  const sending = await client(context, listening.address);
  let peers = 0;
  listening.lifecycle.on('connect', () => peers++);
  const arrived = nextPeer(listening);
  sending.send('n', 1);
  const peer = await arrived;
  const reader = peer.messages('n');
  const gone = await new Promise((resolve) => listening.lifecycle.once('disconnect', resolve));
  assert.equal(gone, peer);
  assert.equal(peer.isConnected, false);
  assert.equal(listening.peers.size, 0);
  assert.equal(peer.stats().datagrams, undefined);
  // The message that made it a peer may have been read before it was forgotten.
  for await (const n of reader) assert.equal(n, 1);
  sending.send('n', 2);
  await until('it to come again', () => peers === 2);
  assert.equal(listening.stats().peersTotal, 2);
});

test('nobody there: the system says so, and the error names the reason', async (context) => {
  const listening = await server(context);
  const { address } = listening;
  await listening.close();
  const sending = await client(context, address);
  const told = new Promise<{ code?: string; cause?: { code?: string } }>((resolve) =>
    sending.lifecycle.once('error', resolve as never),
  );
  sending.send('n', 1);
  const { code, cause } = await told;
  assert.deepEqual([code, cause?.code], ['ERR_RINGWIRE_SEND_FAILED', 'ECONNREFUSED']);
});

test('datagrams of other wires are counted, never answered', async (context) => {
  const listening = await server(context);
  listening.on('*' as string, () => assert.fail('no message'));
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  context.after(() => socket.close());
  socket.send('{"type":"hello","data":1}\f', Number(listening.address.split(':')[2]), '127.0.0.1');
  await until('the refusal', () => listening.stats().refused['ERR_RINGWIRE_BAD_MAGIC'] === 1);
  assert.equal(listening.peers.size, 0);
});

test('IPv6, and an address as an object', async (context) => {
  const listening = await server(context, {}, { host: '::1', port: 0, udp: true });
  assert.match(listening.address, /^udp:\/\/\[::1\]:\d+$/);
  const heard = next(listening as never, 'e');
  const arrived = nextPeer(listening);
  (await client(context, listening.address)).send('e', 6);
  assert.equal(await heard, 6);
  assert.match((await arrived).id, /^\[::1\]:\d+$/);
});

test('multicast: a group hears a client, and answers reach it', async (context) => {
  const group = '239.1.2.4';
  const udp = { multicastInterface: '127.0.0.1', multicastLoopback: true, multicastTtl: 0 };
  let listening: DatagramServer;
  try {
    listening = await server(context, { udp: { ...udp, groups: [group] } }, 'udp://0.0.0.0:0');
  } catch (error) {
    context.skip(`no multicast here: ${(error as Error).message}`);
    return;
  }
  listening.on('who', (_data, peer) => peer.send('me', 1));
  const sending = await client(context, `udp://${group}:${listening.address.split(':')[2]}`, { udp });
  const answer = next(sending, 'me');
  sending.send('who');
  assert.equal(await answer, 1);
  listening.leave(group).join(group);
});

const PROGRAM = `
const { connect, listen } = await import(process.argv[1]);
const address = process.argv[2];
const client = await connect(address);
if (process.argv[3] === 'exit') { client.send('last', 'words'); process.exit(0); }
const server = (await listen('udp://127.0.0.1:0')).unref();
client.unref();
process.on('exit', () => process.stdout.write(' exit'));
if (process.argv[3] === 'unref') setTimeout(() => process.stdout.write('too late'), 20_000).unref();
else { client.ref(); setTimeout(() => { process.stdout.write('alive'); client.unref(); }, 50).unref(); }
`;

test('unref lets the process end, ref keeps it; what was sent before process.exit leaves', async (context) => {
  const index = pathToFileURL(join(projectRoot(), 'build', 'src', 'index.js')).href;
  const listening = await server(context);
  const last = next(listening as never, 'last');
  for (const [mode, expected] of [
    ['unref', ' exit'],
    ['ref', 'alive exit'],
    ['exit', ''],
  ] as const) {
    const args = ['--input-type=module', '-e', PROGRAM, index, listening.address, mode];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 15_000,
    });
    assert.equal(stdout, expected, stderr);
    assert.equal(status, 0, stderr);
  }
  assert.equal(await last, 'words');
});
