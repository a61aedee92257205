/**
 * UDP under attack: sources that cannot be, floods of forged sources, amplification, garbage. Each ends with a witness that still works.
 *
 * Sources are forged by calling the socket's own 'message' listener: what the kernel would hand over. Invariant: nothing throws.
 */
import assert from 'node:assert/strict';
import type dgram from 'node:dgram';
import { describe, test } from 'node:test';
import { seeded } from '../support/seeded.ts';
import { turn, udp, type UdpEnd, until } from './support/pair.ts';

const HELLO = Buffer.from('f54401000000000000000000ffff02000100650000000000', 'hex');
HELLO[8] = 8;

/** A datagram from a source that is not. */
function forge({ server }: UdpEnd, bytes: Buffer, address: string, port: number): void {
  (server.server as dgram.Socket).emit('message', Buffer.from(bytes), {
    address,
    port,
    family: 'IPv4',
    size: bytes.length,
  });
}

async function assertWitness(end: UdpEnd, witness: UdpEnd): Promise<void> {
  let answers = 0;
  end.server.on('witness', (data: unknown, source: never) => end.server.emit(source, 'here', data));
  witness.server.on('here', () => answers++);
  witness.server.emit(end.place, 'witness', 1);
  await until('the witness to be answered', () => answers === 1);
}

void describe('udp under attack', () => {
  void test('sources that no answer can reach are dropped and counted (T80)', async (context) => {
    const end = await udp(context, { codec: 'msgpack' });
    let heard = 0;
    end.server.on('e', (_data: unknown, source: never) => {
      heard++;
      end.server.emit(source, 'answer', 1);
    });
    const sources: [string, number][] = [
      ['127.0.0.1', 0],
      ['0.0.0.0', 9],
      ['224.0.0.1', 9],
      ['239.255.255.255', 9],
      ['255.255.255.255', 9],
      ['::', 9],
      ['ff02::1', 9],
      ['::ffff:0.0.0.0', 9],
    ];
    for (let round = 0; round < 100; round++)
      for (const [address, port] of sources) forge(end, HELLO, address, port);
    assert.equal(heard, 0);
    assert.equal(end.stats().faultsByCode['ERR_RINGWIRE_UDP_BAD_SOURCE'], 100 * sources.length);
    end.server.broadcast('e', 1);
    await assertWitness(end, await udp(context, { codec: 'msgpack' }));
  });

  void test('a flood of forged sources drives out no peer that talks, and costs bounded memory (T81)', async (context) => {
    const end = await udp(context, { codec: 'msgpack', udp: { peersMax: 64 } });
    const talker = await udp(context, { codec: 'msgpack' });
    let heard = 0;
    end.server.on('talk', () => heard++);
    let said = 0;
    const talk = async (): Promise<void> => {
      talker.server.emit(end.place, 'talk', ++said);
      await until('the talker', () => heard === said);
    };
    for (let n = 0; n < 10; n++) await talk();
    for (let source = 0; source < 20_000; source++) {
      forge(
        end,
        HELLO,
        `10.${source >> 16}.${(source >> 8) & 255}.${source & 255}`,
        1_024 + (source % 60_000),
      );
      if (source % 500 === 0) await talk();
    }
    const stats = end.stats();
    assert.ok(stats.peers.length <= 64);
    assert.ok(stats.forgottenPeers > 19_000);
    const talking = stats.peers.find(({ port }) => port === talker.port);
    assert.equal(talking?.receivedMessages, said, 'the talker was never forgotten');
    assert.equal(stats.received, 20_000 + said, 'totals keep what was counted for those who were forgotten');
  });

  void test('a datagram of no wire, damaged or forged, does not change the wire in which its source is spoken to', async (context) => {
    const end = await udp(context, { codec: 'msgpack' });
    const peer = await udp(context, { codec: 'msgpack' });
    end.server.on('ask', (data: unknown, source: never) => void end.server.emit(source, 'answer', data));
    const answers: unknown[] = [];
    peer.server.on('answer', (data: unknown) => answers.push(data));
    const bytes = Buffer.from('bytes are no text');
    peer.server.emit(end.place, 'ask', bytes);
    await until('an answer', () => answers.length === 1);
    const nothing = ['', 'f5', 'f564010700000000', '754401', '00', '5b5d', 'ff7b'];
    for (const each of nothing) forge(end, Buffer.from(each, 'hex'), '127.0.0.1', peer.port);
    end.server.emit({ address: '127.0.0.1', port: peer.port }, 'answer', bytes);
    await until('another one', () => answers.length === 2);
    assert.ok(answers.every((each) => Buffer.isBuffer(each) && each.equals(bytes)));
    const { faultsByCode } = end.stats();
    // Six are shorter than a header.
    const { ERR_RINGWIRE_TRUNCATED: short, ERR_RINGWIRE_BAD_MAGIC: other } = faultsByCode;
    assert.deepEqual([short, other], [6, 1]);
    forge(end, Buffer.from('{"type":"hello","data":1}\f'), '127.0.0.1', peer.port);
    end.server.emit({ address: '127.0.0.1', port: peer.port }, 'answer', 'text');
    await until('an answer in text', () => answers.length === 3);
    assert.equal(peer.stats().peers[0]?.faults, 0);
  });

  void test('an unproven source is sent at most three times its bytes, until it echoes the token (T82)', async (context) => {
    const end = await udp(context, { codec: 'msgpack' });
    end.server.on('e', (_data: unknown, source: never) => {
      for (let n = 0; n < 20; n++) end.server.emit(source, 'answer', 'x'.repeat(500));
    });
    for (let port = 40_000; port < 40_200; port++) forge(end, HELLO, '127.0.0.9', port);
    await turn();
    await turn();
    for (const { sentBytes, receivedBytes } of end.stats().peers)
      assert.ok(sentBytes <= 3 * receivedBytes, `${sentBytes} for ${receivedBytes}`);
    const limited = end.stats();
    assert.ok(limited.limited > 1_000);
    assert.equal(limited.faultsByCode['ERR_RINGWIRE_UDP_AMPLIFICATION'], limited.limited);
    // A peer of ringwire echoes by itself, and gets what waited.
    const real = await udp(context, { codec: 'msgpack' });
    let answers = 0;
    real.server.on('answer', () => answers++);
    real.server.emit(end.place, 'e', 1);
    await until('answers', () => answers >= 4);
    assert.equal(end.stats().peers.find(({ port }) => port === real.port)?.isProven, true);
    const before = answers;
    real.server.emit(end.place, 'e', 1);
    await until('all answers', () => answers === before + 20);
  });

  void test('the limit can be switched off', async (context) => {
    const end = await udp(context, { codec: 'msgpack', udp: { replyFactor: 0 } });
    end.server.on('e', (_data: unknown, source: never) =>
      end.server.emit(source, 'answer', 'x'.repeat(1_000)),
    );
    forge(end, HELLO, '127.0.0.9', 40_000);
    await turn();
    assert.ok(end.stats().sentBytes > 1_000);
    assert.equal(end.stats().limited, 0);
  });

  void test('garbage is counted by name and delivered to nobody', async (context) => {
    const end = await udp(context, {});
    let heard = 0;
    end.server.on('*', (type: string) => {
      if (type !== 'witness' && type !== 'here') heard++;
    });
    const random = seeded(3);
    for (let round = 0; round < 5_000; round++) {
      const bytes = random.bytes(random.below(200));
      if (round % 2 === 0) HELLO.copy(bytes, 0, 0, 8);
      forge(end, bytes, '127.0.0.1', 50_000);
    }
    for (const text of ['{"type":1}\f', 'null\f', '{"type":"a"', `${'['.repeat(500)}\f`, '\f'])
      forge(end, Buffer.from(text), '127.0.0.1', 50_000);
    assert.equal(heard, 0);
    const { faults, faultsByCode, received } = end.stats();
    assert.ok(faults > 2_000 && faults <= received, JSON.stringify(faultsByCode));
    assert.ok((faultsByCode['ERR_RINGWIRE_INVALID_ENVELOPE'] ?? 0) >= 2);
    await assertWitness(end, await udp(context, {}));
  });

  void test('a handler that throws loses no message behind it', async (context) => {
    const end = await udp(context, { codec: 'msgpack' });
    const peer = await udp(context, { codec: 'msgpack' });
    const thrown: unknown[] = [];
    const catcher = (error: unknown): void => void thrown.push(error);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', catcher);
    let heard = 0;
    end.server.on('e', () => {
      heard++;
      throw new Error('handler');
    });
    try {
      for (let n = 0; n < 5; n++) peer.server.emit(end.place, 'e', n);
      await until('all', () => heard === 5 && thrown.length === 5);
    } finally {
      process.removeListener('uncaughtException', catcher);
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });
});
