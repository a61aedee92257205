/**
 * Messages over real sockets: sending, hearing, codecs per event, agreed ids, groups, readers, and what `send` and `drained` promise.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Codec } from '../../src/codecs/codec.ts';
import { defineProtocol, connect, listen, retain, type RingwireError, typed } from '../../src/index.ts';
import { next, nextPeer, Stage, until } from './support.ts';

test('messages in both directions, with the peer for a server, whatever they are named', async (context) => {
  const { server, client, peer } = await new Stage(context).pair({ id: 'server' }, { id: 'client' });
  assert.deepEqual([client.id, peer.id], ['server', 'client']);
  for (const name of ['error', 'connect', 'close', '__proto__', 'constructor', 'message', 'ä€']) {
    const heard = new Promise((resolve) =>
      server.once(name, (data, from) => {
        assert.equal(from, peer);
        resolve(data);
      }),
    );
    assert.equal(client.send(name, { name }), true);
    assert.deepEqual(await heard, { name });
    const answered = next(client, name);
    peer.send(name, name);
    assert.equal(await answered, name);
  }
});

test('a message named like a lifecycle event reaches no lifecycle handler', async (context) => {
  const { server, client, peer } = await new Stage(context).pair();
  const told: string[] = [];
  for (const name of ['error', 'connect', 'disconnect', 'close', 'drain'] as const) {
    client.lifecycle.on(name, () => told.push(name));
    server.lifecycle.on(name, () => told.push(name));
    client.send(name, 1);
    peer.send(name, 1);
  }
  const last = [next(server, 'last'), next(client, 'last')];
  client.send('last', 1);
  peer.send('last', 1);
  await Promise.all(last);
  assert.deepEqual(told, []);
});

function gone(): void {
  assert.fail('was taken away');
}

test('on, once, off; a peer has handlers of its own, before those of the server', async (context) => {
  const stage = new Stage(context);
  const { server, client, peer } = await stage.pair();
  const [other, otherPeer] = await Promise.all([stage.client(), nextPeer(server)]);
  const heard: string[] = [];
  server.on('a', (data, from) => heard.push(`server ${String(data)} ${from === peer}`));
  client.send('a', 0);
  await until('the first', () => heard.length === 1);
  peer.on('a', (data) => heard.push(`peer ${String(data)}`));
  peer.once('a', (data) => heard.push(`once ${String(data)}`));
  otherPeer.on('a', gone).off('a', gone);
  client.send('a', 1);
  client.send('a', 2);
  other.send('a', 3);
  await until('all', () => heard.length === 7);
  assert.deepEqual(heard.slice(0, 6), [
    'server 0 true',
    'peer 1',
    'once 1',
    'server 1 true',
    'peer 2',
    'server 2 true',
  ]);
  assert.equal(heard[6], 'server 3 false');
});

test('codec per event, agreed ids, data left out', async (context) => {
  const stage = new Stage(context);
  const protocol = defineProtocol({
    events: {
      reading: { id: 1, codec: 'msgpack', schema: typed<{ at: Date; bytes: Uint8Array }>() },
      text: { codec: 'json', schema: typed<{ at: string }>() },
      sample: { id: 2, codec: 'raw', schema: typed<Uint8Array>() },
      other: { schema: typed<number>() },
      tick: { id: 3, schema: typed<undefined>() },
    },
  });
  for (const codec of ['msgpack', 'json', 'raw'] as const) {
    const server = stage.keep(await listen(stage.address, { protocol, codec: 'json' }));
    const client = stage.keep(await connect(stage.address, { protocol, codec }));
    const [peer] = server.peers;
    assert.ok(peer);
    const at = new Date(1_700_000_000_000);
    for (const [from, to] of [
      [client, server],
      [peer, client],
    ] as const) {
      const heard: unknown[] = [];
      to.on('reading', (data) => heard.push(data.at.getTime(), data.bytes[1]));
      to.on('text', (data) => heard.push(data.at));
      to.on('sample', (data) => heard.push(data.length));
      to.on('tick', (data) => heard.push(data));
      for (let round = 0; round < 3; round++) {
        from.send('reading', { at, bytes: Buffer.from([1, 2]) });
        from.send('text', { at: 'now' });
        from.send('sample', Buffer.alloc(70_000));
        from.send('sample', Buffer.alloc(9));
        if (codec !== 'raw') from.send('tick');
      }
      const one =
        codec === 'raw'
          ? [at.getTime(), 2, 'now', 70_000, 9]
          : [at.getTime(), 2, 'now', 70_000, 9, undefined];
      await until('all', () => heard.length === one.length * 3);
      assert.deepEqual(heard, [...one, ...one, ...one]);
    }
    await client.close();
    await server.close();
  }
});

test('a broadcast and a group reach their members once, encoded once', async (context) => {
  const stage = new Stage(context);
  let encoded = 0;
  const counted = { toJSON: () => (encoded++, 'data') };
  const server = await stage.server({ codec: 'json' });
  const clients = [];
  for (let index = 0; index < 3; index++) clients.push(await stage.client({ codec: 'json' }));
  const heard: string[] = [];
  clients.forEach((client, index) => client.on('news', (data) => heard.push(`${index} ${String(data)}`)));
  const room = server.group('room');
  const [first, second] = [...server.peers];
  assert.ok(first && second);
  assert.equal(room.add(first).add(second).add(second).size, 2);
  assert.equal(server.group('room').size, 2);
  assert.deepEqual([...room], [first, second]);
  assert.equal(room.send('news', counted), true);
  await until('two', () => heard.length === 2);
  assert.equal(encoded, 1);
  assert.equal(server.broadcast('news', counted), true);
  await until('five', () => heard.length === 5);
  assert.equal(encoded, 2);
  assert.equal(room.delete(second), true);
  assert.deepEqual([room.has(first), room.has(second)], [true, false]);
  await clients[0]?.close();
  await until('nobody', () => room.size === 0);
  assert.equal(room.add(first).size, 0, 'a peer that has gone is not added');
  assert.equal(server.group('room').send('news', 1), true);
});

/** What a struct codec is: one number on the wire, and a layout that only its event knows. */
function layout(bytes: number): Codec {
  let value = 0;
  return {
    name: 'raw',
    id: 4,
    attachment: undefined,
    prepare: (data) => ((value = data as number), bytes),
    write: (out, at) => out.bytes.writeUIntLE(value, at, bytes),
    decode: (frame) => frame.bytes.readUIntLE(frame.start, bytes),
  };
}

test('a codec object belongs to its event, on both sides', async (context) => {
  const stage = new Stage(context);
  const protocol = defineProtocol({
    events: { small: { codec: layout(2) }, large: { codec: layout(6), id: 7 }, plain: {} },
  });
  const server = stage.keep(await listen(stage.address, { protocol }));
  const client = stage.keep(await connect(stage.address, { protocol }));
  const heard: unknown[] = [];
  for (const name of ['small', 'large', 'plain'] as const) server.on(name, (data) => heard.push(name, data));
  for (let round = 0; round < 2; round++) {
    client.send('small', 0xffff);
    client.send('large', 2 ** 40);
    client.send('plain', 'text');
  }
  await until('all', () => heard.length === 12);
  const once = ['small', 0xffff, 'large', 2 ** 40, 'plain', 'text'];
  assert.deepEqual(heard, [...once, ...once]);
  const other = await stage.client();
  const [, peer] = [...server.peers];
  assert.ok(other.isConnected && peer);
  const told: unknown[] = [];
  server.lifecycle.on('error', (error) => told.push((error as RingwireError).code));
  assert.equal(peer.send('small', 1), true);
  assert.deepEqual(told, ['ERR_RINGWIRE_BAD_CODEC'], 'it did not offer the codec');
  const first = next(other, 'plain');
  peer.send('plain', 1);
  assert.equal(await first, 1);
  assert.equal(server.broadcast('small', 1), false);
});

test('a broadcast reaches whoever accepts it, also behind a peer that accepts less; what is above the own limit throws', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  const refused: unknown[] = [];
  server.lifecycle.on('error', (error, peer) => refused.push([(error as RingwireError).code, peer?.id]));
  const lengths: Record<string, number[]> = { narrow: [], wide: [] };
  for (const [id, frameBytesMax] of [
    ['narrow', 10_000],
    ['wide', 20_000],
  ] as const) {
    const client = await stage.client({ id, codec: 'raw', limits: { frameBytesMax } });
    client.on('n', (data) => void lengths[id]?.push((data as Buffer).length));
  }
  await until('both', () => server.peers.size === 2);
  assert.throws(() => server.broadcast('n', Buffer.alloc(17_000_000)), {
    code: 'ERR_RINGWIRE_FRAME_TOO_LARGE',
  });
  assert.equal(server.broadcast('n', Buffer.alloc(20_001)), false);
  // One byte more than the peer accepts would cost it its connection.
  for (const length of [10_001, 20_000, 10_000]) server.broadcast('n', Buffer.alloc(length));
  await until('the last', () => lengths['wide']?.length === 3 && lengths['narrow']?.length === 1);
  assert.deepEqual(lengths, { narrow: [10_000], wide: [10_001, 20_000, 10_000] });
  assert.deepEqual(
    refused,
    ['narrow', 'wide', 'narrow', 'narrow'].map((id) => ['ERR_RINGWIRE_FRAME_TOO_LARGE', id]),
  );
});

test('a broadcast reaches those whose codec can express it; what the own codec cannot throws', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server();
  const heard: string[] = [];
  const told: unknown[] = [];
  server.lifecycle.on('error', (error, peer) => told.push([(error as RingwireError).code, peer?.id]));
  for (const codec of ['raw', 'msgpack'] as const) {
    const client = await stage.client({ codec, id: codec });
    client.on('a', () => heard.push(`${codec} a`)).on('end', () => heard.push(`${codec} end`));
  }
  await until('both', () => server.peers.size === 2);
  assert.throws(() => server.broadcast('a', Symbol('neither')), { message: /symbol/ });
  assert.equal(server.broadcast('a', {}), false);
  server.broadcast('end', Buffer.alloc(1));
  await until('the ends', () => heard.length === 3);
  assert.deepEqual(heard.toSorted(), ['msgpack a', 'msgpack end', 'raw end']);
  assert.deepEqual(told, [['ERR_INVALID_ARG_TYPE', 'raw']]);
});

test('send says false above the soft mark, drained settles below it, and nothing was lost', async (context) => {
  const limits = { pendingBytesSoft: 100_000, pendingBytesMax: 200_000 };
  const { server, client } = await new Stage(context).pair({ limits }, { limits, codec: 'raw' });
  let received = 0;
  let drains = 0;
  server.on('block', () => received++);
  client.lifecycle.on('drain', () => drains++);
  const block = Buffer.alloc(20_000);
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    for (let more = true; more; sent++) more = client.send('block', block);
    assert.ok(client.stats().pendingBytes >= 100_000);
    await client.drained();
    assert.ok(client.stats().pendingBytes <= 50_000);
  }
  const controller = new AbortController();
  for (let more = true; more; sent++) more = client.send('block', block);
  const given = client.drained({ signal: controller.signal });
  controller.abort(new Error('not so long'));
  await assert.rejects(given, { message: 'not so long' });
  await assert.rejects(client.drained({ signal: controller.signal }), { message: 'not so long' });
  await until('all', () => received === sent);
  assert.ok(drains >= 3);
  await client.drained({ signal: new AbortController().signal });
});

test('above the hard mark messages are refused, counted, and told once', async (context) => {
  const limits = { pendingBytesSoft: 10_000, pendingBytesMax: 50_000 };
  const { client } = await new Stage(context).pair({}, { limits, codec: 'raw' });
  const errors: unknown[] = [];
  client.lifecycle.on('error', (error) => errors.push((error as { code?: unknown }).code));
  for (let index = 0; index < 20; index++) client.send('block', Buffer.alloc(5_000));
  assert.deepEqual(errors, ['ERR_RINGWIRE_BACKPRESSURE']);
  await assert.rejects(client.request('any'), { code: 'ERR_RINGWIRE_BACKPRESSURE' });
});

test('lent frames and views reach handlers, readers keep copies', async (context) => {
  for (const receive of ['view', 'frame'] as const) {
    const stage = new Stage(context);
    const { server, client, peer } = await stage.pair({ receive }, { codec: 'raw' });
    const reader = peer.messages('sample');
    const kept: unknown[] = [];
    server.on('sample', (lent) => kept.push(retain(lent as Buffer)[0]));
    for (let value = 1; value <= 3; value++) client.send('sample', Buffer.alloc(64, value));
    const read: unknown[] = [];
    await until('all', () => kept.length === 3);
    for await (const data of reader) {
      read.push((data as Buffer)[63]);
      if (read.length === 3) break;
    }
    assert.deepEqual(
      [kept, read],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
    await server.close();
  }
});

test('messages(): every overflow policy', async (context) => {
  const { client, peer } = await new Stage(context).pair();
  const readers = {
    oldest: peer.messages('n', { limit: 3, overflow: 'drop-oldest' }),
    newest: peer.messages('n', { limit: 3, overflow: 'drop-newest' }),
    latest: peer.messages('n', { overflow: 'latest' }),
    error: peer.messages('n', { limit: 3 }),
  };
  const last = next(peer, 'last');
  for (let n = 1; n <= 5; n++) client.send('n', n);
  client.send('last', 1);
  await last;
  const { oldest, newest, latest, error } = readers;
  const take = async (reader: typeof oldest, count: number): Promise<unknown[]> => {
    const taken: unknown[] = [];
    while (taken.length < count) taken.push((await reader.next()).value);
    return taken;
  };
  assert.deepEqual(
    [await take(oldest, 3), await take(newest, 3), await take(latest, 1), await take(error, 3)],
    [[3, 4, 5], [1, 2, 3], [5], [1, 2, 3]],
  );
  await assert.rejects(error.next(), { code: 'ERR_RINGWIRE_QUEUE_OVERFLOW' });
  assert.deepEqual(await error.next(), { done: true, value: undefined });
  assert.deepEqual([oldest.dropped, newest.dropped, latest.dropped, error.dropped], [2, 2, 4, 1]);
  for (const options of [{ limit: 0 }, { limit: 1.5 }, { overflow: 'no' as 'error' }])
    assert.throws(() => peer.messages('n', options), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

test('messages(): ends when the next one takes longer than its timeout', async (context) => {
  const { client, peer } = await new Stage(context).pair();
  const reader = peer.messages('n', { timeout: 40 });
  const first = reader.next();
  client.send('n', 1);
  assert.deepEqual(await first, { done: false, value: 1 });
  // Nobody waits: no time runs. What has come is there at once.
  client.send('n', 2);
  await until('the second', () => reader.queued === 1);
  assert.deepEqual(await reader.next(), { done: false, value: 2 });
  const start = performance.now();
  await assert.rejects(reader.next(), { code: 'ERR_RINGWIRE_MESSAGE_TIMEOUT', message: /n came in 40 ms/ });
  assert.ok(performance.now() - start > 38);
  assert.deepEqual(await reader.next(), { done: true, value: undefined });
  assert.throws(() => peer.messages('n', { timeout: -1 }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

test('messages(): ends with the signal, with the loop and with the peer', async (context) => {
  const { client, peer } = await new Stage(context).pair();
  const controller = new AbortController();
  const aborted = peer.messages('n', { signal: controller.signal });
  const waiting = aborted.next();
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, { message: 'enough' });
  assert.deepEqual(await aborted.next(), { done: true, value: undefined });
  await assert.rejects(peer.messages('n', { signal: controller.signal }).next(), { message: 'enough' });
  const left = peer.messages('n');
  const ended = peer.messages('n');
  const seen: unknown[] = [];
  for (let n = 1; n <= 3; n++) client.send('n', n);
  for await (const n of left) {
    seen.push(n);
    break;
  }
  assert.equal(left.queued, 0);
  void client.close();
  for await (const n of ended) seen.push(n);
  assert.deepEqual(seen, [1, 1, 2, 3]);
  assert.deepEqual(await peer.messages('n').next(), { done: true, value: undefined });
});

test('several callers of next are served in order', async (context) => {
  const { client, peer } = await new Stage(context).pair();
  const reader = peer.messages('n');
  const three = Promise.all([reader.next(), reader.next(), reader.next()]);
  for (let n = 1; n <= 3; n++) client.send('n', n);
  assert.deepEqual(
    (await three).map((each) => each.value),
    [1, 2, 3],
  );
});

test('stats count both ways, and rates since an earlier look', async (context) => {
  const { server, client, peer } = await new Stage(context).pair();
  server.handle('echo', (input) => input);
  const before = client.stats();
  const last = next(server, 'last');
  for (let index = 0; index < 9; index++) client.send('a', index);
  client.send('last', 1);
  await last;
  for (let index = 0; index < 5; index++) await client.request('echo', index);
  const after = client.stats(before);
  assert.deepEqual([after.sent.messages, after.received.messages], [15, 5]);
  assert.equal(after.sent.bytes, server.stats().received.bytes);
  assert.equal(after.received.bytes, peer.stats().sent.bytes);
  const seconds = (after.atMs - before.atMs) / 1_000;
  assert.ok(Math.abs(after.sent.messagesPerSecond * seconds - 15) < 1e-6);
  assert.equal(after.roundTripUs.count, 5);
  assert.ok(after.roundTripUs.p50 > 0 && after.roundTripUs.p50 <= after.roundTripUs.max);
  assert.deepEqual([server.stats().peers, server.stats().peersTotal], [1, 1]);
  await client.close();
  await until('the end', () => server.stats().peers === 0);
  assert.deepEqual([server.stats().received.messages, server.stats().peersTotal], [15, 1]);
  assert.equal(client.stats().sent.messages, 15);
  assert.equal(client.send('late', 1), false);
  assert.equal(client.stats().refused['ERR_RINGWIRE_NOT_CONNECTED'], 1);
});
