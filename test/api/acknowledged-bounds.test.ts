/**
 * Where acknowledged delivery is bounded: overflow in both directions and of all sessions together, clients that come back too late, more clients away
 * than are remembered. What was accepted before arrives, what was not is told.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConnectOptions,
  defineProtocol,
  defineStruct,
  type ListenOptions,
  type ServerPeer,
} from '../../src/index.ts';
import { away, Gate, gated, heardBy, range, RECONNECT, toldBy } from './gate.ts';
import { next, nextPeer, Stage, until } from './support.ts';

const OVERFLOW = 'ERR_RINGWIRE_ACK_OVERFLOW';

const message = (n: number): Buffer => Buffer.alloc(32, n);

for (const [what, limits, fits] of [
  ['messages', { ackCountMax: 5 }, 5],
  // Frames of 48 bytes: the fourth begins below the bound.
  ['bytes', { ackBytesMax: 180 }, 4],
] as const) {
  for (const side of ['client', 'server'] as const) {
    test(`${side}: more ${what} than may be kept are refused, nothing of them is queued, and later ones go`, async (t) => {
      const own = side === 'client' ? { limits } : {};
      const pair = await gated(t, side === 'server' ? { limits } : {}, own);
      const { server, client, peer, gate } = pair;
      const [sender, heard] = side === 'client' ? [client, heardBy(server)] : [peer, heardBy(client)];
      await away(pair);
      for (const n of range(0, fits)) sender.send('n', message(n));
      const told = toldBy(pair[side]);
      for (const n of [90, 91]) assert.equal(sender.send('n', message(n)), false);
      assert.deepEqual(
        told.map(([code]) => code),
        [OVERFLOW, OVERFLOW],
      );
      assert.equal(pair[side].stats().unacknowledged.messages, fits);
      gate.open();
      await until('what was accepted', () => heard.length === fits);
      await until('room', () => pair[side].stats().unacknowledged.messages === 0);
      sender.send('n', message(fits));
      await until('the next one', () => heard.length > fits);
      assert.deepEqual(
        heard.map((data) => (data as Buffer)[0]),
        range(0, fits + 1),
      );
      await until('its acknowledgement', () => pair[side].stats().unacknowledged.messages === 0);
      assert.equal(pair[side].stats().unacknowledged.bytes, 0);
    });
  }
}

test('a broadcast that one peer has no room for reaches the others, and is told', async (t) => {
  const pair = await gated(t, { limits: { ackCountMax: 2 } });
  const { stage, server, client, gate } = pair;
  const near = await stage.client({ ack: true });
  const [here, there] = [heardBy(near), heardBy(client)];
  const told = toldBy(server);
  await away(pair);
  for (const n of range(0, 3)) {
    server.broadcast('n', n);
    await until('it at the peer that is there', () => here.length === n + 1);
    await until('its acknowledgement', () => server.stats().unacknowledged.messages === Math.min(n + 1, 2));
  }
  assert.deepEqual(told, [['ERR_RINGWIRE_ACK_OVERFLOW', 2]]);
  gate.open();
  await until('what was kept', () => there.length === 2);
  assert.deepEqual([here, there], [range(0, 3), range(0, 2)]);
});

test('all sessions together: the oldest that waits is given up, never the one that is sent to', async (t) => {
  const limits = { totalPendingBytesMax: 64 * 1024 };
  const pair = await gated(t, { limits });
  const { server, peer } = pair;
  const told = toldBy(server);
  await away(pair);
  let kept = 0;
  for (; kept < 20 && told.length === 0; kept++) peer.send('n', Buffer.alloc(8_000, kept));
  kept--;
  assert.ok(kept > 0);
  assert.deepEqual(
    told.map(([code]) => code),
    [OVERFLOW],
    'nothing was given up',
  );
  assert.deepEqual([server.stats().peersAway, server.stats().unacknowledged.messages], [1, kept]);
  const heard = heardBy(pair.client);
  pair.gate.open();
  await until('all that was kept', () => heard.length === kept);
});

test('all sessions together: who was refused for it is told to wait, and when there is room again', async (t) => {
  const pair = await gated(t, {}, { limits: { totalPendingBytesMax: 64 * 1024 } });
  const { server, client, gate } = pair;
  const [heard, told] = [heardBy(server), toldBy(client)];
  await away(pair);
  let sent = 0;
  while (client.send('n', Buffer.alloc(8_000)) && sent < 100) sent++;
  assert.ok(sent < 100, 'send never said false');
  assert.deepEqual(
    told.map(([code]) => code),
    [OVERFLOW],
  );
  let isDrained = false;
  const drained = client.drained().then(() => (isDrained = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isDrained, false, 'there is no room yet');
  gate.open();
  await drained;
  assert.equal(client.send('n', Buffer.alloc(8_000)), true);
  await until('all that was kept', () => heard.length === sent + 1);
});

test('all sessions together: room that is made when a connection comes back is told', async (t) => {
  const pair = await gated(t, {}, { limits: { totalPendingBytesMax: 64 * 1024 } });
  const { server, client, gate } = pair;
  let sent = 0;
  let heard = 0;
  const told = toldBy(client);
  // Its acknowledgement is lost with the connection: the next one begins with it, and nothing is left to be acknowledged.
  const all = new Promise<void>((resolve) => {
    server.on('n', () => {
      if (++heard !== sent) return;
      gate.shut();
      resolve();
    });
  });
  while (client.send('n', Buffer.alloc(8_000)) && sent < 100) sent++;
  assert.equal(told.length, 1);
  const drained = client.drained({ timeout: 4_000 });
  await all;
  gate.open();
  await drained;
  assert.equal(client.send('n', Buffer.alloc(8_000)), true);
});

test('a client that does not come back in time: what was kept for it is given up and told', async (t) => {
  const pair = await gated(t, { limits: { sessionTtlMs: 20 } });
  const { server, client, peer, gate } = pair;
  const [told, lost, heard] = [toldBy(server), toldBy(client), heardBy(client)];
  client.send('n', 0);
  await until('its acknowledgement', () => client.stats().unacknowledged.messages === 0);
  gate.shut();
  await until('the peer gone', () => !peer.isConnected);
  for (const n of range(0, 3)) peer.send('n', n);
  client.send('n', 1);
  await until('the end of its session', () => told.length > 0);
  assert.deepEqual(told, [['ERR_RINGWIRE_UNACKNOWLEDGED', 3]]);
  assert.deepEqual([server.stats().peersAway, server.stats().unacknowledged], [0, { messages: 0, bytes: 0 }]);
  assert.equal(peer.send('n', 4), false);
  assert.equal(peer.stats().refused['ERR_RINGWIRE_NOT_CONNECTED'], 1);
  const second = next(server, 'n');
  gate.open();
  assert.equal(await second, 1);
  assert.deepEqual(lost, [['ERR_RINGWIRE_SESSION_LOST', 1]]);
  server.broadcast('n', 5);
  await until('the new session', () => heard.length > 0);
  assert.deepEqual(heard, [5]);
});

test('more clients away than sessionsMax: the one that went first is given up', async (t) => {
  const stage = new Stage(t);
  const server = await stage.server({ ack: true, limits: { sessionsMax: 2 } });
  const told = toldBy(server);
  const all: { gate: Gate; peer: ServerPeer; heard: unknown[] }[] = [];
  for (const name of ['a', 'b', 'c']) {
    const gate = await Gate.before(stage, name);
    const [client, peer] = await Promise.all([
      stage.client({ ack: true, reconnect: RECONNECT }, gate.address),
      nextPeer(server),
    ]);
    all.push({ gate, peer, heard: heardBy(client) });
  }
  for (const [n, { gate, peer }] of all.entries()) {
    gate.shut();
    await until('the peer gone', () => !peer.isConnected);
    peer.send('n', n);
    assert.equal(server.stats().peersAway, Math.min(n + 1, 2));
  }
  assert.deepEqual(told, [['ERR_RINGWIRE_UNACKNOWLEDGED', 1]]);
  for (const { gate } of all) gate.open();
  await until('what was kept', () => all.filter(({ heard }) => heard.length > 0).length === 2);
  await until('all three', () => server.peers.size === 3);
  assert.deepEqual(
    all.map(({ heard }) => heard),
    [[], [1], [2]],
  );
});

test('a client whose connection is taken over while as many are away as may be: nobody is given up', async (t) => {
  const pair = await gated(t, { limits: { sessionsMax: 1 } });
  const { stage, server, client, gate } = pair;
  const heard = heardBy(client);
  const other = await Gate.before(stage, 'other');
  const again = await stage.client({ ack: true, reconnect: RECONNECT }, other.address);
  await until('both', () => server.peers.size === 2);
  await away(pair);
  server.broadcast('n', 1);
  const told = toldBy(server);
  const back = nextPeer(server);
  other.letNearGo();
  await back;
  assert.deepEqual(told, [['ERR_RINGWIRE_SESSION_TAKEN', undefined]]);
  assert.equal(server.stats().peersAway, 1);
  gate.open();
  await until('what was kept', () => heard.length === 1);
  assert.equal(again.isConnected, true);
});

test('what a peer does not take is refused while it is away too, and it comes back', async (t) => {
  const events = { tick: { codec: defineStruct('tick', { n: 'u32' }) } };
  const options = { ack: true, protocol: defineProtocol({ events }) } as ListenOptions & ConnectOptions;
  const pair = await gated(t, options, { limits: { frameBytesMax: 10_000 } });
  const { stage, server, client, peer, gate } = pair;
  const wide = await stage.client(options);
  await until('both', () => server.peers.size === 2);
  const heard = heardBy(client);
  const [ticks, texts] = [heardBy(wide, 'tick'), heardBy(wide)];
  const told = toldBy(server);
  await away(pair);
  const codes = { large: 'ERR_RINGWIRE_FRAME_TOO_LARGE', struct: 'ERR_RINGWIRE_BAD_CODEC' };
  peer.send('n', 0);
  peer.send('n', 'x'.repeat(10_000));
  peer.send('tick', { n: 1 });
  server.broadcast('n', 'x'.repeat(10_000));
  server.broadcast('tick', { n: 1 });
  server.broadcast('n', 1);
  assert.deepEqual(
    told.map(([code]) => code),
    [codes.large, codes.struct, codes.large, codes.struct],
  );
  gate.open();
  await until('what it takes', () => heard.length === 2);
  assert.deepEqual(heard, [0, 1]);
  await until('all at the other one', () => ticks.length === 1 && texts.length === 2);
});
