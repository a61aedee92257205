/**
 * What the compiler has to accept and to refuse. The lines that must not compile are marked, and the build fails when one of them does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connect,
  type DatagramClient,
  type DatagramServer,
  defineProtocol,
  type EventContract,
  listen,
  type PeerClient,
  type PeerServer,
  type ProtocolContract,
  typed,
} from '../../src/index.ts';
import { Stage } from './support.ts';

interface Reading {
  readonly value: number;
}
interface Alarm {
  readonly text: string;
}
// An interface has no index signature: it has to do as a map of events all the same.
interface Events {
  reading: Reading;
  alarm: Alarm;
  tick: undefined;
}

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const PROTOCOL = defineProtocol({
  events: {
    reading: { id: 1, codec: 'msgpack', schema: typed<Reading>() },
    sample: { codec: 'raw', schema: typed<Uint8Array>() },
    free: {},
  },
  requests: {
    resize: { id: 2, input: typed<{ width: number }>(), output: typed<Buffer>() },
    ping: {},
    rows: { input: typed<string>(), items: typed<Reading>() },
  },
});

function eventsOfAMap(client: PeerClient, typedClient: PeerClient<EventContract<Events>>): void {
  client.send('anything', { any: 'data' });
  client.on('anything', (data) => same<typeof data, unknown>(true));
  client.on('anything', (text: string) => text.length);
  client.handle('any', (input: string) => input.length);
  client.handle('any', (input) => same<typeof input, unknown>(true));
  typedClient.send('reading', { value: 1 });
  typedClient.send('tick');
  typedClient.on('reading', (reading) => same<typeof reading, Reading>(true));
  typedClient.once('alarm', ({ text }) => text.length);
  const reader = typedClient.messages('reading', { overflow: 'latest' });
  same<Awaited<ReturnType<typeof reader.next>>, IteratorResult<Reading, undefined>>(true);
  void typedClient.request('any', 1);
  // @ts-expect-error: no such event
  typedClient.send('redaing', { value: 1 });
  // @ts-expect-error: data of another event
  typedClient.send('reading', { text: 'a' });
  // @ts-expect-error: data is missing
  typedClient.send('reading');
  // @ts-expect-error: no such event
  typedClient.on('redaing', () => {});
  // @ts-expect-error: a handler of other data
  typedClient.on('reading', (text: string) => text);
  // @ts-expect-error: no such policy
  typedClient.messages('reading', { overflow: 'newest' });
}

function protocolOfBoth(
  server: PeerServer<ProtocolContract<typeof PROTOCOL>>,
  client: PeerClient<ProtocolContract<typeof PROTOCOL>>,
): void {
  client.send('reading', { value: 1 });
  client.send('free', 'anything');
  server.on('sample', (bytes, peer) => {
    same<typeof bytes, Uint8Array>(true);
    peer.send('reading', { value: bytes.length });
    // @ts-expect-error: data of another event
    peer.send('reading', bytes);
  });
  server.handle('resize', async ({ width }, { peer, signal }) => {
    same<typeof width, number>(true);
    signal.throwIfAborted();
    peer.send('sample', Buffer.alloc(width));
    return Buffer.alloc(width);
  });
  server.handle('rows', async function* (query) {
    same<typeof query, string>(true);
    yield { value: query.length };
  });
  server.handle('ping', () => {});
  const asked = client.request('resize', { width: 1 }, { timeout: 5 });
  same<typeof asked, Promise<Buffer>>(true);
  const rows = client.stream('rows', 'all');
  same<Awaited<ReturnType<typeof rows.next>>, IteratorResult<Reading, undefined>>(true);
  server.group('a').send('reading', { value: 1 });
  server.broadcast('sample', Buffer.alloc(1));
  server.lifecycle.on('connect', (peer) => peer.send('free'));
  // @ts-expect-error: no such request
  void client.request('resise', { width: 1 });
  // @ts-expect-error: another input
  void client.request('resize', { height: 1 });
  // @ts-expect-error: a stream is no request
  void client.request('rows', 'all');
  // @ts-expect-error: a request is no stream
  client.stream('resize', { width: 1 });
  // @ts-expect-error: a handler that returns something else
  server.handle('resize', () => 'text');
  // @ts-expect-error: a handler that yields something else
  server.handle('rows', async function* () {
    yield 'text';
  });
  // @ts-expect-error: no such request
  server.handle('resise', () => {});
  // @ts-expect-error: a lifecycle event that does not exist
  server.lifecycle.on('open', () => {});
  // @ts-expect-error: data of another event
  server.group('a').send('reading', 5);
}

const POSES = defineProtocol({
  events: {
    pose: {
      id: 1,
      schema: typed<{ who: string }>(),
      udp: { mode: 'latest', key: (pose: { who: string }) => pose.who, maxAgeMs: 50 },
    },
  },
});

async function datagrams(text: string): Promise<void> {
  const server = await listen('udp://127.0.0.1:0', { protocol: POSES });
  const client = await connect({ port: 1, udp: true }, { protocol: POSES });
  const events = await connect<Events>('udp://127.0.0.1:1', { udp: { events: { alarm: { maxAgeMs: 5 } } } });
  same<typeof server, DatagramServer<ProtocolContract<typeof POSES>>>(true);
  same<typeof client, DatagramClient<ProtocolContract<typeof POSES>>>(true);
  same<typeof events, DatagramClient<EventContract<Events>>>(true);
  same<Awaited<ReturnType<typeof untyped>>, PeerServer>(true);
  server.on('pose', ({ who }, peer) => {
    same<typeof who, string>(true);
    peer.send('pose', { who });
  });
  client.on('pose', (pose, source) => same<typeof source.port, number>(true));
  events.send('tick');
  server.sendTo({ address: '239.1.2.3', port: 5 }, 'pose', { who: 'a' });
  server.lifecycle.on('stats', ({ datagrams: { peers } }) => same<typeof peers.length, number>(true));
  // @ts-expect-error: no such event
  client.send('pos', { who: 'a' });
  // @ts-expect-error: other data
  server.broadcast('pose', { name: 'a' });
  // @ts-expect-error: clients over UDP have no connection that could be lost
  client.lifecycle.on('disconnect', () => {});
  // @ts-expect-error: no such mode
  defineProtocol({ events: { a: { udp: { mode: 'newest' } } } });
  function untyped(): Promise<PeerServer> {
    return listen(text);
  }
}

function faultyProtocol(): void {
  // @ts-expect-error: no such codec
  defineProtocol({ events: { a: { codec: 'xml' } } });
}

test('what listen and connect return has the types that were checked', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL }));
  const client = stage.keep(await connect(stage.address, { protocol: PROTOCOL }));
  const plain: PeerClient = await stage.client();
  const events = stage.keep(await connect<Events>(stage.address));
  const untyped: PeerServer = await stage.server({}, 'tcp://127.0.0.1:0');
  same<typeof server, PeerServer<ProtocolContract<typeof PROTOCOL>>>(true);
  same<typeof client, PeerClient<ProtocolContract<typeof PROTOCOL>>>(true);
  same<typeof events, PeerClient<EventContract<Events>>>(true);
  assert.equal(plain.isConnected, true);
  assert.equal(untyped.peers.size, 0);
  // They only have to compile.
  for (const program of [eventsOfAMap, protocolOfBoth, datagrams]) assert.equal(typeof program, 'function');
  assert.throws(faultyProtocol, { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});
