/**
 * Acknowledged delivery to peers that are away and come back, `close` that waits for acknowledgement, and peers that do not acknowledge.
 * Connections go through a gate that the test shuts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { away, gated, heardBy, range, RECONNECT, toldBy } from './gate.ts';
import { greetingBytes, next, nextPeer, Stage, until } from './support.ts';

test('sends and broadcasts to a peer that is away, also one with which nothing was exchanged before', async (t) => {
  const pair = await gated(t);
  const { server, client, peer, gate } = pair;
  const heard = heardBy(client);
  await away(pair);
  assert.equal(peer.isConnected, false);
  assert.equal(peer.send('n', 0), true);
  assert.equal(server.broadcast('n', 1), true);
  peer.send('n', 2);
  assert.equal(server.stats().unacknowledged.messages, 3);
  assert.ok(server.stats().unacknowledged.bytes > 0);
  const again = nextPeer(server);
  gate.open();
  assert.notEqual(await again, peer);
  // The peer object of the connection that is gone still leads there.
  peer.send('n', 3);
  server.broadcast('n', 4);
  await until('all', () => heard.length === 5);
  await until('their acknowledgement', () => server.stats().unacknowledged.messages === 0);
  assert.deepEqual(heard, range(0, 5));
  assert.equal(server.stats().peersAway, 0);
});

test('a broadcast reaches a session once while its old connection is still being closed', async (t) => {
  const stage = new Stage(t);
  const server = await stage.server({ ack: true });
  // The server does not see that this half of the connection is gone: the client’s next one takes the session over.
  const held: net.Socket[] = [];
  const path = join(stage.folder, 'holding');
  const proxy = net.createServer((near) => {
    const far = net.connect(stage.path);
    held.push(far, near);
    near.on('error', () => {});
    far.on('error', () => {});
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => near.write(data));
  });
  proxy.listen(path);
  await once(proxy, 'listening');
  stage.keep({
    close: async () => {
      for (const each of held) each.destroy();
      proxy.close();
    },
  });
  const client = await stage.client({ ack: true, reconnect: RECONNECT }, `unix:${path}`);
  const heard = heardBy(client);
  const told = toldBy(server);
  let peers = 0;
  const again = new Promise<void>((resolve) => {
    server.lifecycle.on('connect', () => {
      peers = server.peers.size;
      server.broadcast('n', 0);
      resolve();
    });
  });
  held[1]?.destroy();
  await again;
  server.broadcast('n', 1);
  await until('both', () => heard.length >= 2);
  await until('acknowledgement', () => server.stats().unacknowledged.messages === 0);
  assert.equal(peers, 2, 'the old connection was still there');
  assert.deepEqual(heard, [0, 1]);
  assert.deepEqual(told, [['ERR_RINGWIRE_SESSION_TAKEN', undefined]]);
});

test('close waits for acknowledgement across a reconnect', async (t) => {
  const pair = await gated(t);
  const { server, client, gate } = pair;
  const [heard, told] = [heardBy(server), toldBy(client)];
  await away(pair);
  for (const n of range(0, 3)) client.send('n', n);
  let isClosed = false;
  const closing = client.close().then(() => (isClosed = true));
  await new Promise((resolve) => client.lifecycle.once('disconnect', resolve));
  assert.equal(isClosed, false);
  gate.open();
  await closing;
  assert.deepEqual(heard, range(0, 3));
  assert.deepEqual(told, []);
  await until('the session gone', () => server.stats().peersAway === 0 && server.peers.size === 0);
});

test('close gives up after its time, and tells what was not acknowledged', async (t) => {
  const pair = await gated(t);
  const { server, client, peer } = pair;
  const told = toldBy(client);
  await away(pair);
  for (const n of range(0, 3)) client.send('n', n);
  await client.close({ timeout: 20 });
  assert.deepEqual(told, [['ERR_RINGWIRE_UNACKNOWLEDGED', 3]]);
  assert.deepEqual(client.stats().unacknowledged, { messages: 0, bytes: 0 });
  assert.equal(client.send('n', 3), false);
  const given = toldBy(server);
  peer.send('n', 0);
  await server.close();
  assert.deepEqual(given, [['ERR_RINGWIRE_UNACKNOWLEDGED', 1]]);
  assert.deepEqual([server.stats().peersAway, server.stats().unacknowledged.messages], [0, 0]);
});

test('close of a server waits for peers that are there, for its time', async (t) => {
  const { server, client, peer } = await gated(t, { limits: { closeTimeoutMs: 5_000 } });
  const heard = heardBy(client);
  for (const n of range(0, 100)) peer.send('n', n);
  const told = toldBy(server);
  await server.close();
  assert.deepEqual(heard, range(0, 100));
  assert.deepEqual(told, []);
});

for (const side of ['server', 'client'] as const) {
  test(`a ${side} that asks for acknowledgement and a peer that does not: both hear why`, async (t) => {
    const stage = new Stage(t);
    const server = await stage.server({ ack: side === 'server' });
    const told = toldBy(server);
    let connects = 0;
    server.lifecycle.on('connect', () => connects++);
    const codes = ['ERR_RINGWIRE_ACK_UNSUPPORTED', 'ERR_RINGWIRE_PEER_GOODBYE'];
    if (side === 'server') codes.reverse();
    const [code, serverCode] = codes;
    await assert.rejects(stage.client({ ack: side === 'client' }), { code, message: /not acknowledge/ });
    await until('the server’s word', () => told.length > 0);
    assert.deepEqual(
      told.map(([each]) => each),
      [serverCode],
    );
    if (side === 'server') assert.equal(connects, 0, 'it was never a peer');
    assert.equal(server.stats().peersAway, 0);
  });
}

test('raw peers: one that offers no sessions, and one of node-ipc’s wire', async (t) => {
  const stage = new Stage(t);
  const server = await stage.server({ ack: true });
  const told = toldBy(server);
  for (const [bytes, code] of [
    [greetingBytes(1, 2), 'ERR_RINGWIRE_ACK_UNSUPPORTED'],
    [Buffer.from('{"type":"n","data":1}\f'), 'ERR_RINGWIRE_BAD_MAGIC'],
  ] as const) {
    const socket = await stage.raw();
    const ended = once(socket.resume(), 'close');
    socket.write(bytes);
    await ended;
    await until('the word', () => told.length > 0);
    assert.equal(told.splice(0)[0]?.[0], code);
  }
  const client = await stage.client({ ack: true });
  const heard = next(server, 'n');
  client.send('n', 1);
  assert.equal(await heard, 1);
});
