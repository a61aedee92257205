/**
 * The ringwire wire over UDP between two servers: coalescing, modes, ages, fragments, bounds, figures.
 *
 * Invariant: real sockets on this machine; nothing sleeps.
 */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { describe, test } from 'node:test';
import type { Config } from '../../src/ipc/config.ts';
import { record, udp, until } from './support/pair.ts';

type Settings = Partial<Config>;
const MSGPACK: Settings = { codec: 'msgpack' };

/** Keeps this thread busy, so that datagrams pile up in the kernel. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

void describe('udp on the ringwire wire', () => {
  void test('messages of one tick share datagrams; those of each size arrive in order', async (context) => {
    for (const [datagramBytesMax, datagrams] of [
      [1_200, 7],
      [16_000, 1],
    ] as const) {
      const a = await udp(context, { codec: 'raw', events: { e: 1 }, udp: { datagramBytesMax } });
      const b = await udp(context, { codec: 'raw', events: { e: 1 }, udp: { datagramBytesMax } });
      const values: number[] = [];
      b.server.on('e', (bytes: Buffer) => values.push(bytes.readUInt32LE()));
      for (let n = 0; n < 100; n++) {
        const payload = Buffer.alloc(64);
        payload.writeUInt32LE(n);
        assert.equal(a.server.emit(b.place, 'e', payload), true);
      }
      await until('all messages', () => values.length === 100);
      assert.deepEqual(
        values,
        Array.from({ length: 100 }, (_, n) => n),
      );
      assert.equal(a.stats().sent, datagrams);
      assert.deepEqual([b.stats().received, b.stats().receivedMessages, b.stats().lost], [datagrams, 100, 0]);
      assert.equal(a.stats().sentBytes, b.stats().receivedBytes);
    }
  });

  void test('coalesceMs joins the messages of several ticks; coalesce: false joins none', async (context) => {
    const b = await udp(context, MSGPACK);
    const joining = await udp(context, { ...MSGPACK, udp: { coalesceMs: 100 } });
    const single = await udp(context, { ...MSGPACK, udp: { coalesce: false } });
    const told = record(b.server, 'j', 's');
    for (let n = 0; n < 5; n++) {
      joining.server.emit(b.place, 'j', n);
      single.server.emit(b.place, 's', n);
      single.server.emit(b.place, 's', n);
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    await told.count('j', 5);
    await told.count('s', 10);
    assert.equal(joining.stats().sent, 1);
    assert.equal(single.stats().sent, 10);
  });

  void test('each codec, and answers in the codec of the question', async (context) => {
    const value = { id: 7, text: 'grüße', bytes: [1, 2, 3], nested: { a: null, b: true } };
    const b = await udp(context, { codec: 'json' });
    b.server.on('ask', (data: unknown, source: never) => b.server.emit(source, 'answer', data));
    for (const codec of ['json', 'msgpack', 'raw'] as const) {
      const a = await udp(context, { codec });
      const sent = codec === 'raw' ? Buffer.from('00ff0c', 'hex') : value;
      const told = record(a.server, 'answer');
      a.server.emit(b.place, 'ask', sent);
      await told.count('answer');
      assert.deepEqual(told.values('answer')[0], sent);
    }
  });

  void test('one socket hears node-ipc and ringwire datagrams, and answers each in its own wire', async (context) => {
    const b = await udp(context, {});
    b.server.on('ask', (data: unknown, source: never) => b.server.emit(source, 'answer', data));
    const [plain, ringwire] = [await udp(context, {}), await udp(context, MSGPACK)];
    for (const a of [plain, ringwire]) {
      const told = record(a.server, 'answer');
      a.server.emit(b.place, 'ask', { n: 1 });
      await told.count('answer');
      assert.deepEqual(told.values('answer'), [{ n: 1 }]);
    }
    assert.equal(ringwire.stats().lost, 0);
  });

  void test('latest: only the newest value of each key leaves, and a slow reader sees only newest values', async (context) => {
    const rules = { pose: { mode: 'latest', key: (data: { who: string }) => data.who } } as const;
    const settings: Settings = { ...MSGPACK, udp: { events: rules } };
    const a = await udp(context, settings);
    const b = await udp(context, settings);
    const seen: string[] = [];
    b.server.on('pose', (data: { who: string; n: number }) => seen.push(`${data.who}${data.n}`));
    for (let n = 0; n < 10; n++) for (const who of ['x', 'y']) a.server.emit(b.place, 'pose', { who, n });
    await until('both', () => seen.length === 2);
    assert.deepEqual(seen, ['x9', 'y9']);
    assert.equal(a.stats().replaced, 18);
    assert.equal(a.stats().sentMessages, 2);
    seen.length = 0;
    // Ten datagrams wait when the reader comes round.
    for (let n = 10; n < 20; n++) {
      a.server.emit(b.place, 'pose', { who: 'x', n });
      a.server.flush();
    }
    stall(5);
    await until('the newest', () => seen.includes('x19'));
    assert.deepEqual(seen, ['x19']);
    assert.equal(b.stats().replaced, 9);
  });

  void test('what waits too long for the socket is given up: maxAgeMs, and the rest is sent', async (context) => {
    const settings: Settings = {
      codec: 'raw',
      udp: { burstBytesMax: 1, events: { old: { maxAgeMs: 10 } } },
    };
    const a = await udp(context, settings);
    const b = await udp(context, settings);
    const told = record(b.server, 'old', 'kept');
    const bytes = Buffer.alloc(900);
    for (let n = 0; n < 4; n++) {
      a.server.emit(b.place, 'old', bytes);
      a.server.emit(b.place, 'kept', bytes);
    }
    stall(15);
    await told.count('kept', 4);
    // The first one leaves at once: the budget of a turn is spent only then.
    assert.equal(told.of('old').length, 1);
    assert.equal(a.stats().expired, 3);
    assert.equal(b.stats().lost, 0, 'what was given up is not loss');
  });

  void test('a full queue says so: false, then drain; beyond the bound messages are dropped and counted', async (context) => {
    const settings = { queueBytesSoft: 8_000, queueBytesMax: 20_000, burstBytesMax: 1_000 };
    const a = await udp(context, { codec: 'raw', udp: settings });
    const b = await udp(context, { codec: 'raw' });
    const told = record(a.server, 'drain');
    const arrived = record(b.server, 'e');
    const bytes = Buffer.alloc(1_000);
    const answers = Array.from({ length: 40 }, () => a.server.emit(b.place, 'e', bytes));
    assert.ok(answers.indexOf(false) > 4 && answers.indexOf(false) < 12);
    const { refused } = a.stats();
    assert.ok(refused > 10, String(refused));
    await told.count('drain');
    await arrived.count('e', 40 - refused);
    assert.equal(b.stats().lost, 0);
  });

  void test('fragments: large messages arrive whole, with loss not at all, and are refused where they are not wanted', async (context) => {
    const a = await udp(context, { codec: 'raw', udp: { fragment: true } });
    const b = await udp(context, { codec: 'raw', udp: { fragment: true } });
    const strict = await udp(context, { codec: 'raw' });
    const big = Buffer.alloc(200_000, 'abc');
    const told = record(b.server, 'big', 'small');
    a.server.emit(b.place, 'big', big);
    a.server.emit(b.place, 'small', Buffer.from('x'));
    await told.count('big');
    assert.deepEqual(told.values('big')[0], big);
    await told.count('small');
    assert.throws(() => strict.server.emit(b.place, 'big', big), { code: 'ERR_RINGWIRE_UDP_TOO_LARGE' });
    a.server.emit(strict.place, 'big', Buffer.alloc(2_000));
    await until('the refusal', () => strict.stats().faultsByCode['ERR_RINGWIRE_FRAME_TOO_LARGE'] === 2);
  });

  void test('a sender that starts again is counted anew', async (context) => {
    const b = await udp(context, MSGPACK);
    const told = record(b.server, 'e');
    const socket = dgram.createSocket('udp4');
    context.after(() => socket.close());
    const send = (session: number, sequence: number): void => {
      const bytes = Buffer.from('f544010100000000000000000000000001000000ffff02000100650000000000', 'hex');
      bytes[16] = 9;
      bytes.writeUInt32LE(sequence, 4);
      bytes.writeUInt32LE(session, 8);
      socket.send(Buffer.concat([bytes, Buffer.from('0700000000000000', 'hex')]), b.port, '127.0.0.1');
    };
    for (const sequence of [0, 1, 4]) send(1, sequence);
    for (const sequence of [0, 1, 2, 3]) send(2, sequence);
    for (const sequence of [5_000, 5_001, 5_001]) send(3, sequence);
    await told.count('e', 9);
    await until('the doubled one', () => b.stats().received === 10);
    assert.deepEqual([b.stats().lost, b.stats().duplicated], [2, 1]);
  });

  void test('a connected socket, IPv6, sizes of buffers, the stats event', async (context) => {
    const b = await udp(context, MSGPACK, 'udp6');
    assert.equal(b.place.address, '::1');
    b.server.on('e', (_data: unknown, source: never) => b.server.emit(source, 'back', 1));
    const a = await udp(context, { ...MSGPACK, udp: { connect: b.place, statsMs: 5 } }, 'udp6');
    const told = record(a.server, 'back', 'stats');
    a.server.emit({ address: '0:0:0:0:0:0:0:1', port: b.port }, 'e', 1);
    await told.count('back');
    await told.count('stats', 2);
    assert.ok(a.stats().recvBufferBytes > 100_000);
    assert.equal(a.stats().peers.length, 1, 'one address in two spellings is one peer');
  });

  void test('multicast on the loopback, where there is one', async (context) => {
    const group = '239.1.2.3';
    const settings: Settings = {
      ...MSGPACK,
      networkHost: '0.0.0.0',
      udp: { multicastInterface: '127.0.0.1', multicastLoopback: true, multicastTtl: 0 },
    };
    const b = await udp(context, settings);
    const a = await udp(context, settings);
    try {
      b.server.join(group);
    } catch (error) {
      context.skip(`no multicast here: ${(error as Error).message}`);
      return;
    }
    const told = record(b.server, 'e');
    a.server.emit({ address: group, port: b.port }, 'e', 'to the group');
    await told.count('e');
    b.server.leave(group);
    assert.throws(() => b.server.leave(group));
  });

  void test('settings out of bounds are refused by name', async (context) => {
    const cases: [object, RegExp][] = [
      [{ datagramBytesMax: 1_000 }, /udp\.datagramBytesMax must be a number from 1200 to 65507/],
      [{ datagramBytesMax: 70_000 }, /datagramBytesMax/],
      [{ peersMax: 0 }, /peersMax/],
      [{ events: { e: { mode: 'newest' } } }, /events\.e\.mode/],
      [{ events: { e: { key: () => 1 } } }, /events\.e\.key/],
    ];
    for (const [settings, message] of cases)
      await assert.rejects(udp(context, { udp: settings }), { code: 'ERR_RINGWIRE_BAD_CONFIG', message });
  });
});
