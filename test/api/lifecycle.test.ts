/**
 * Connecting, losing, reconnecting, closing: promises that settle when it is really so, signals, timeouts, what keeps a process alive.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import dns from 'node:dns';
import net from 'node:net';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connect, type ConnectOptions, listen, type ServerPeer } from '../../src/index.ts';
import { makeCertificates } from '../support/certificates.ts';
import { projectRoot } from '../support/project.ts';
import { greetingBytes, next, nextPeer, Stage, until } from './support.ts';

const QUICK: ConnectOptions = { reconnect: { delayMs: 10, delayMsMax: 20 } };

test('tcp, with the port that was really taken', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({}, 'tcp://127.0.0.1:0');
  assert.match(server.address, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  server.handle('echo', (input) => input);
  const client = await stage.client({}, server.address);
  assert.equal(await client.request('echo', 5), 5);
  assert.equal(client.address, server.address);
  await assert.rejects(listen(server.address), { code: 'EADDRINUSE' });
});

test('ipc: node-ipc’s path, a socket file that is gone afterwards', async (context) => {
  const stage = new Stage(context);
  const address = { ipc: 'world', socketRoot: `${stage.folder}/`, appspace: 'my.' };
  const server = stage.keep(await listen(address));
  assert.ok(existsSync(join(stage.folder, 'my.world')));
  assert.equal(stage.keep(await connect(address)).isConnected, true);
  await assert.rejects(listen(address), { code: 'ERR_RINGWIRE_PATH_IN_USE' });
  await server.close();
  assert.equal(existsSync(join(stage.folder, 'my.world')), false);
  writeFileSync(join(stage.folder, 'my.world'), 'a file');
  await assert.rejects(listen(address), { code: 'ERR_RINGWIRE_PATH_NOT_SOCKET' });
  assert.equal(readFileSync(join(stage.folder, 'my.world'), 'utf8'), 'a file');
});

test('tls verifies by default', async (context) => {
  const stage = new Stage(context);
  const { ca, server: identity, otherServer } = await makeCertificates(stage.folder);
  const tls = { private: identity.key, public: identity.cert };
  const server = await stage.server({ tls }, 'tls://127.0.0.1:0');
  server.handle('echo', (input) => input);
  const client = await stage.client({ tls: { trustedConnections: ca } }, server.address);
  assert.equal(await client.request('echo', 5), 5);
  await assert.rejects(connect(server.address), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  const other = await stage.server(
    { tls: { private: otherServer.key, public: otherServer.cert } },
    'tls://127.0.0.1:0',
  );
  await assert.rejects(connect(other.address, { tls: { trustedConnections: ca } }), (error: Error) =>
    /certificate|signature/i.test(error.message),
  );
  await assert.rejects(listen('tls://127.0.0.1:0'), { code: 'ERR_RINGWIRE_TLS_CONFIG' });
});

test('a TLS server that closes lets what was sent leave, in both directions, and waits for no handshake', async (context) => {
  const stage = new Stage(context);
  const { ca, server: identity } = await makeCertificates(stage.folder);
  const server = await stage.server(
    { tls: { private: identity.key, public: identity.cert } },
    'tls://127.0.0.1:0',
  );
  const silent = net.connect(Number(new URL(server.address).port), '127.0.0.1');
  const silentClosed = new Promise((resolve) => silent.once('close', resolve));
  silent.on('error', () => {}); // 'close' follows
  const options = { codec: 'raw', reconnect: false, tls: { trustedConnections: ca } } as const;
  const [client, peer] = await Promise.all([stage.client(options, server.address), nextPeer(server)]);
  let [up, down] = [0, 0];
  server.on('n', () => up++);
  client.on('n', () => down++);
  for (let count = 0; count < 100; count++) {
    peer.send('n', Buffer.alloc(50_000));
    client.send('n', Buffer.alloc(50_000));
  }
  await server.close();
  await client.close();
  await silentClosed;
  assert.deepEqual([up, down], [100, 100]);
});

test('connect fails with the reason: nobody there, a server that says nothing, a signal, the time', async (context) => {
  const stage = new Stage(context);
  await assert.rejects(connect(stage.address), { code: 'ENOENT' });
  await assert.rejects(connect('tcp://127.0.0.1:1'), { code: 'ECONNREFUSED' });
  const silent = net.createServer(() => {}).listen(stage.path);
  context.after(() => silent.close());
  await assert.rejects(connect(stage.address, { limits: { handshakeTimeoutMs: 20 } }), {
    code: 'ERR_RINGWIRE_HANDSHAKE_TIMEOUT',
  });
  await assert.rejects(connect(stage.address, { timeout: 20 }), {
    code: 'ERR_RINGWIRE_CONNECT_TIMEOUT',
    limit: 20,
  });
  const reason = new Error('changed my mind');
  const controller = new AbortController();
  const aborted = connect(stage.address, { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  await assert.rejects(connect(stage.address, { signal: controller.signal }), reason);
  await assert.rejects(listen(stage.address, { signal: controller.signal }), reason);
});

test('options with impossible values are refused before anything is opened', async (context) => {
  const stage = new Stage(context);
  for (const options of [
    { codec: 'xml' },
    { receive: 'lend' },
    { limits: { noSuchLimit: 1 } },
    { limits: { frameBytesMax: 1 } },
    { limits: { pendingBytesSoft: -1 } },
    { timeout: -1 },
    { reconnect: { delayMs: -1 } },
  ] as unknown as ConnectOptions[])
    await assert.rejects(
      connect(stage.address, options),
      { code: 'ERR_RINGWIRE_BAD_CONFIG' },
      JSON.stringify(options),
    );
  await assert.rejects(listen(stage.address, { maxConnections: 0 }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

test('wait: the server may come later', async (context) => {
  const stage = new Stage(context);
  const connecting = connect(stage.address, { ...QUICK, wait: true });
  const server = await stage.server();
  const [client] = await Promise.all([connecting, nextPeer(server)]);
  assert.equal(stage.keep(client).isConnected, true);
  await assert.rejects(connect(`unix:${stage.path}-none`, { ...QUICK, wait: true, timeout: 60 }), {
    code: 'ERR_RINGWIRE_CONNECT_TIMEOUT',
  });
});

test('a lost connection is restored: told in order, requests and messages go on', async (context) => {
  const stage = new Stage(context);
  const { server, client, peer } = await stage.pair({}, QUICK);
  const told: string[] = [];
  client.lifecycle.on('disconnect', () => told.push('disconnect'));
  client.lifecycle.on('connect', () => told.push('connect'));
  client.lifecycle.on('close', () => told.push('close'));
  server.lifecycle.on('disconnect', (gone) => told.push(`gone ${gone === peer}`));
  server.handle('echo', (input) => input);
  client.on('news', (data) => told.push(String(data)));
  assert.equal(await client.request('echo', 1), 1);
  const again = nextPeer(server);
  peer.socket.destroy();
  await until('the loss', () => !client.isConnected);
  assert.equal(client.send('lost', 1), false);
  await assert.rejects(client.request('echo', 1), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
  await client.drained();
  assert.equal(client.isConnected, true);
  const second = await again;
  assert.equal(await client.request('echo', 2), 2);
  second.send('news', 'news');
  await until('the news', () => told.includes('news'));
  assert.deepEqual(told.toSorted(), ['connect', 'disconnect', 'gone true', 'news']);
  assert.equal(client.stats().sent.messages, 2);
  await client.close();
  assert.deepEqual(told.slice(-2), ['disconnect', 'close']);
  await assert.rejects(client.drained(), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
});

test('reconnect: false, and an end of the tries', async (context) => {
  for (const reconnect of [false, { delayMs: 1, attemptsMax: 2 }] as const) {
    const stage = new Stage(context);
    const { server, client } = await stage.pair({}, { reconnect });
    const closed = new Promise<void>((resolve) => client.lifecycle.once('close', resolve));
    const drained = assert.rejects(
      until('nobody', () => !client.isConnected).then(() => client.drained()),
      {
        code: 'ERR_RINGWIRE_NOT_CONNECTED',
      },
    );
    await server.close();
    await closed;
    await drained;
    await client.close();
  }
});

test('close lets what was sent arrive, on both sides; closing twice is one close', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  let received = 0;
  server.on('n', () => received++);
  const client = await stage.client();
  for (let n = 0; n < 5_000; n++) client.send('n', { n, text: 'x'.repeat(200) });
  await Promise.all([client.close(), client.close()]);
  await until('all', () => received === 5_000);
  assert.equal(client.isConnected, false);

  const other = await stage.client();
  let heard = 0;
  other.on('n', () => heard++);
  for (let n = 0; n < 5_000; n++) server.broadcast('n', { n, text: 'x'.repeat(200) });
  await Promise.all([server.close(), server.close()]);
  await until('all', () => heard === 5_000);
  assert.equal(existsSync(stage.path), false);
});

test('a peer that does not read is cut when the time of the close is over', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({ limits: { closeTimeoutMs: 30 }, codec: 'raw' });
  const socket = await stage.raw();
  const arrived = nextPeer(server);
  socket.write(greetingBytes(3));
  const peer = await arrived;
  for (let n = 0; n < 20; n++) peer.send('n', Buffer.alloc(1_000_000));
  await server.close();
  assert.equal(peer.isConnected, false);
});

test('drained and close have an end of their own: a time, a signal', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({ codec: 'raw', limits: { pendingBytesSoft: 1_000 } });
  const openPeer = async (): Promise<ServerPeer> => {
    const socket = await stage.raw();
    socket.pause();
    const arrived = nextPeer(server);
    socket.write(greetingBytes(3));
    const peer = await arrived;
    for (let n = 0; n < 20; n++) peer.send('n', Buffer.alloc(1_000_000));
    return peer;
  };
  const peer = await openPeer();
  await assert.rejects(peer.drained({ timeout: 10 }), { code: 'ERR_RINGWIRE_DRAIN_TIMEOUT', limit: 10 });
  await assert.rejects(peer.drained({ timeout: -1 }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = peer.drained({ signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await peer.close({ timeout: 10 });
  assert.equal(peer.isConnected, false);
  const other = await openPeer();
  const closing = server.close();
  await server.close({ signal: AbortSignal.abort() });
  await closing;
  assert.equal(other.isConnected, false);
});

test('drained waits for no room where there will be none: a connection that ends, one that is cut', async (context) => {
  for (const ack of [false, true]) {
    const { peer } = await new Stage(context).pair({ ack }, { ack });
    const closing = peer.close();
    assert.equal(peer.send('n'), ack, 'what is acknowledged waits for another connection');
    await assert.rejects(peer.drained(), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
    await closing;
  }
  const limits = { totalPendingBytesMax: 2_000_000 };
  const { server, peer } = await new Stage(context).pair({ limits }, { codec: 'raw' });
  const cut = new Promise((resolve) => server.lifecycle.once('error', resolve));
  // In one tick: nobody reads meanwhile.
  for (let count = 0; count < 20; count++) peer.send('n', Buffer.alloc(500_000));
  await assert.rejects(peer.drained(), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
  assert.equal(((await cut) as { code?: unknown }).code, 'ERR_RINGWIRE_MEMORY_LIMIT');
});

test('listen has a deadline, and nothing listens after it', async () => {
  const lookup = mock.method(dns, 'lookup', () => {});
  try {
    const late = listen('tcp://slow.example:9', { timeout: 10 });
    await assert.rejects(late, { code: 'ERR_RINGWIRE_LISTEN_TIMEOUT', limit: 10 });
    assert.equal(lookup.mock.callCount(), 1);
  } finally {
    lookup.mock.restore();
  }
});

test('signals close what they were given to, and disposal closes too', async (context) => {
  const stage = new Stage(context);
  const controller = new AbortController();
  const server = await stage.server({ signal: controller.signal });
  const clientController = new AbortController();
  const client = await stage.client({ signal: clientController.signal, ...QUICK });
  const closed = new Promise<void>((resolve) => client.lifecycle.once('close', resolve));
  clientController.abort();
  await closed;
  const serverClosed = new Promise<void>((resolve) => server.lifecycle.once('close', resolve));
  controller.abort();
  await serverClosed;
  assert.equal(existsSync(stage.path), false);
  const again = await listen(stage.address);
  const one = await connect(stage.address);
  await one[Symbol.asyncDispose]();
  assert.equal(one.isConnected, false);
  await again[Symbol.asyncDispose]();
  assert.equal(existsSync(stage.path), false);
});

test('maxConnections: the one too many is refused and told', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({ maxConnections: 1 });
  const told = new Promise<Error>((resolve) => server.lifecycle.once('error', resolve));
  await stage.client();
  await assert.rejects(connect(stage.address));
  assert.equal(((await told) as { code?: unknown }).code, 'ERR_RINGWIRE_TOO_MANY_CONNECTIONS');
  assert.equal(server.stats().refused['ERR_RINGWIRE_TOO_MANY_CONNECTIONS'], 1);
});

test('a client of the other face is served too, and the other way round', async (context) => {
  const stage = new Stage(context);
  const { IPC } = await import('../../src/index.ts');
  const server = await stage.server();
  server.on('hello', (data, peer) => peer.send('hello', `${String(data)} world`));
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, codec: 'json', id: 'old' });
  ipc.connectTo('server', stage.path);
  context.after(() => ipc.disconnect('server'));
  const heard = next(ipc.of['server'] as never, 'hello');
  ipc.of['server']?.emit('hello', 'hello');
  assert.equal(await heard, 'hello world');
});

const PROGRAM = `
const { listen, connect } = await import(process.argv[1]);
const address = process.argv[2];
const server = (await listen(address)).unref();
const client = await connect(address, { reconnect: { delayMs: 5 } });
client.unref();
server.on('last', (data) => process.stdout.write(data));
client.send('a', 1);
process.on('exit', () => process.stdout.write(' exit'));
if (process.argv[3] === 'unref') setTimeout(() => process.stdout.write('too late'), 20_000).unref();
else if (process.argv[3] === 'again') {
  const waiting = setInterval(() => {}, 1_000);
  client.lifecycle.once('connect', () => { process.stdout.write('again'); clearInterval(waiting); });
  for (const peer of server.peers) peer.socket.destroy();
}
else { client.ref(); setTimeout(() => { process.stdout.write('alive'); client.unref(); }, 50).unref(); }
`;

test('unref lets the process end, ref keeps it', (context) => {
  const stage = new Stage(context);
  const index = pathToFileURL(join(projectRoot(), 'build', 'src', 'index.js')).href;
  for (const [mode, expected] of [
    ['unref', ' exit'],
    ['ref', 'alive exit'],
    ['again', 'again exit'],
  ] as const) {
    const args = ['--input-type=module', '-e', PROGRAM, index, stage.address, mode];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 15_000 });
    assert.equal(stdout, expected, stderr);
  }
});

test('a request above the hard mark: with the policy disconnect the peer goes, with the others only the request', async (context) => {
  for (const slowConsumer of ['disconnect', 'drop-newest'] as const) {
    const stage = new Stage(context);
    const limits = { pendingBytesSoft: 16_384, pendingBytesMax: 65_536 };
    const server = await stage.server({ limits, slowConsumer, codec: 'raw' });
    const socket = await stage.raw();
    const arrived = nextPeer(server);
    socket.write(greetingBytes(3));
    const peer = await arrived;
    socket.pause();
    const codes = new Set<string>();
    const isFull = (error: { code: string }): void => void codes.add(error.code);
    for (let n = 0; n < 60; n++)
      peer.request('n', Buffer.alloc(100_000), { timeout: Infinity }).catch(isFull);
    const expected =
      slowConsumer === 'disconnect' ? 'ERR_RINGWIRE_SLOW_CONSUMER_BYTES' : 'ERR_RINGWIRE_BACKPRESSURE';
    await until('a refusal', () => codes.has(expected));
    if (slowConsumer === 'disconnect') await until('the peer to be cut', () => !peer.isConnected);
    else assert.equal(peer.isConnected, true);
    socket.destroy();
  }
});

test('disconnect says how many accepted bytes may not have arrived, on both sides', async (context) => {
  const stage = new Stage(context);
  const { server, client, peer } = await stage.pair({ codec: 'raw' }, { codec: 'raw' });
  const told: number[] = [];
  const both = [
    new Promise<void>((resolve) =>
      client.lifecycle.once('disconnect', (_error, bytes) => resolve(void told.push(bytes))),
    ),
    new Promise<void>((resolve) =>
      server.lifecycle.once('disconnect', (_peer, _error, bytes) => resolve(void told.push(bytes))),
    ),
  ];
  // More than any socket buffer holds, and nobody gets to read it.
  for (const end of [client, peer]) for (let n = 0; n < 8; n++) end.send('n', Buffer.alloc(1024 * 1024));
  await Promise.all([client.close({ signal: AbortSignal.abort() }), ...both]);
  assert.equal(told.length, 2);
  for (const bytes of told) assert.ok(bytes > 1024 * 1024 && bytes < 9 * 1024 * 1024, `${bytes}`);
});

test('close: what was sent before arrives, what is sent while it closes is refused', async (context) => {
  const stage = new Stage(context);
  const { server, client, peer } = await stage.pair();
  const errors: unknown[] = [];
  server.lifecycle.on('error', (error) => errors.push(error));
  const received: unknown[] = [];
  client.on('part', (data) => received.push((data as Uint8Array).length));
  const lost = new Promise((resolve) => void client.lifecycle.once('disconnect', resolve));
  const part = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 8; count++) peer.send('part', part);
  const closed = peer.close();
  assert.equal(peer.send('late', 1), false);
  server.broadcast('late', 2);
  assert.equal(
    await peer.request('late').catch((error: Error & { code: string }) => error.code),
    'ERR_RINGWIRE_NOT_CONNECTED',
  );
  await closed;
  await lost;
  assert.deepEqual(
    received,
    Array.from({ length: 8 }, () => part.length),
  );
  assert.deepEqual(errors, []);
});
