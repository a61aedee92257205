/**
 * BinaryWire and EventIds: two wires that talk through memory. Names become ids in order, travel inline when the table is full, and
 * a message that cannot be encoded leaves nothing between the others.
 *
 * What a hostile peer may send is tested over sockets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/bytes/byte-writer.ts';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import type { Codec } from '../../src/codecs/codec.ts';
import { JsonCodec } from '../../src/codecs/json.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import { RawCodec } from '../../src/codecs/raw.ts';
import { BinaryWire } from '../../src/connection/binary-wire.ts';
import { EventIds } from '../../src/connection/event-ids.ts';
import { SharedMessage } from '../../src/connection/shared-message.ts';
import { NO_LINK } from '../../src/connection/link.ts';
import type { Sink } from '../../src/connection/wire.ts';
import { Emitter } from '../../src/emitter.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { FrameKind } from '../../src/frames/header.ts';

const CODECS: readonly Codec[] = [new JsonCodec(), new MsgpackCodec(), new RawCodec()];
const MAX = 100_000;

class Side implements Sink {
  readonly emitter = new Emitter();
  readonly origin = undefined;
  readonly link = NO_LINK;
  readonly pool = new SlabPool();
  readonly received: [event: string, data: unknown][] = [];
  readonly refusals: string[] = [];
  readonly exchanges: object[] = [];
  readonly wire: BinaryWire;
  readonly out: ByteWriter;
  peerId = '';
  #sent: Uint8Array[] = [];

  constructor(codec: Codec, events: EventIds, followPeer: boolean) {
    this.out = new ByteWriter(this.pool, (segment) => {
      this.#sent.push(Buffer.from(segment.bytes));
      this.out.written(segment);
    });
    const codecs: Codec[] = [];
    for (const each of CODECS) codecs[each.id] = each;
    const options = { codecs, codec, followPeer, events, frameBytesMax: MAX, id: 'side' };
    this.wire = new BinaryWire(new ReceiveRing(), options, this);
  }

  value(slot: { name: string }, data: unknown): void {
    this.received.push([slot.name, data]);
  }
  bytes(slot: { name: string }, data: unknown): void {
    this.received.push([slot.name, (data as Buffer).toString()]);
  }
  exchanged(frame: Frame, slot: { name: string } | undefined, codec: Codec): void {
    const { kind, correlation, event } = frame;
    this.exchanges.push({ kind, correlation, event, name: slot?.name, data: codec.decode(frame) });
  }
  refused(error: Error): void {
    this.refusals.push((error as { code?: string }).code ?? '');
  }
  respond(bytes: Buffer): void {
    this.out.append(bytes);
  }
  established(peerId: string): void {
    this.peerId = peerId;
  }

  send(event: string, data: unknown): void {
    this.wire.encode(event, data, this.out);
  }

  /** Everything written since the last call goes to `peer`. @returns how many bytes that were */
  deliverTo(peer: Side): number {
    this.out.seal();
    const bytes = Buffer.concat(this.#sent);
    this.#sent = [];
    peer.wire.parser.feed(bytes);
    for (let frame = peer.wire.parser.next(); frame !== undefined; frame = peer.wire.parser.next())
      peer.wire.receive(frame);
    return bytes.length;
  }
}

function connect(codec: Codec, events = new EventIds()): [client: Side, server: Side] {
  const client = new Side(codec, events, false);
  const server = new Side(CODECS[0] as Codec, new EventIds(), true);
  client.wire.greet();
  client.deliverTo(server);
  server.deliverTo(client);
  assert.equal(client.peerId, 'side');
  return [client, server];
}

test('event ids: agreed names keep theirs, others get the next one, later ones travel inline', () => {
  const ids = new EventIds({ temperature: 1, last: 0x7fff });
  assert.equal(ids.idOf('temperature'), 1);
  assert.equal(ids.agreedNames.get(0x7fff), 'last');
  for (let count = 0; count < 1024; count++) assert.equal(ids.idOf(`name ${count}`), 0x8000 + count);
  assert.equal(ids.idOf('one too many'), 0xffff);
  assert.equal(ids.idOf('name 1023'), 0x83ff, 'an id that was given keeps its name');
  assert.equal(ids.idOf('temperature'), 1);
  assert.ok(ids.announce(7).includes('name 7'));
  for (const name of ['', 'x'.repeat(257)]) assert.throws(() => ids.idOf(name), { name: 'RingwireError' });
  for (const name of ['__proto__', 'constructor', 'toString'])
    assert.equal(new EventIds().idOf(name), 0x8000);
});

test('event ids: agreed ids out of range, or given twice, are refused', () => {
  for (const id of [0, -1, 0x8000, 1.5, Number.NaN, '1', undefined])
    assert.throws(() => new EventIds({ a: id as number }), { code: 'ERR_RINGWIRE_BAD_CONFIG' }, String(id));
  assert.throws(() => new EventIds({ a: 1, b: 1 }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
  assert.throws(() => new EventIds({ '': 1 }), { code: 'ERR_RINGWIRE_INVALID_EVENT' });
});

test('messages of every codec arrive in order under their names; the server answers in the codec of its peer', () => {
  for (const codec of CODECS) {
    const [client, server] = connect(codec);
    const values =
      codec.name === 'raw' ? ['', 'abc', 'x'.repeat(50_000)] : [undefined, { a: [1] }, 'x'.repeat(50_000)];
    const sent: [string, unknown][] = [];
    for (const event of ['one', 'two', 'one', 'ä€', '__proto__'])
      for (const value of values) sent.push([event, value]);
    for (const [event, value] of sent) client.send(event, value);
    client.deliverTo(server);
    assert.deepEqual(server.received, sent);
    server.send('answer', 'text');
    server.deliverTo(client);
    assert.deepEqual(client.received, [['answer', 'text']]);
    assert.equal(server.wire.sharingKey, codec.name);
    assert.deepEqual([client.pool.inUseCount, server.pool.inUseCount], [0, 0]);
  }
});

test('a name is announced once, an agreed one never', () => {
  const [client, server] = connect(CODECS[2] as Codec, new EventIds({ agreed: 5 }));
  client.send('event', '12345678');
  assert.equal(client.deliverTo(server), 24 + 16, 'announce (8 + 9 bytes, padded) and frame');
  client.send('event', '12345678');
  assert.equal(client.deliverTo(server), 16);
  client.send('agreed', '12345678');
  assert.equal(client.out.unsealedBytes, 16);
  assert.throws(() => client.deliverTo(server), { code: 'ERR_RINGWIRE_INVALID_EVENT', closed: false });
  assert.deepEqual(server.received, [
    ['event', '12345678'],
    ['event', '12345678'],
  ]);
});

test('more than 1,024 names: all arrive, in order', () => {
  const [client, server] = connect(CODECS[0] as Codec);
  const names = Array.from({ length: 1100 }, (_, index) => `name ${index} ${'ä'.repeat(index % 9)}`);
  for (const round of [1, 2]) for (const name of names) client.send(name, { round });
  client.deliverTo(server);
  assert.deepEqual(
    server.received.map(([name]) => name),
    [...names, ...names],
  );
});

test('a message that cannot be encoded leaves nothing between the others', () => {
  const circular: unknown[] = [];
  circular.push(circular);
  const bad: readonly (readonly [codec: Codec, event: string, data: unknown])[] = [
    [CODECS[0] as Codec, 'event', circular],
    [CODECS[0] as Codec, 'event', { toJSON: () => assert.fail('of the user') }],
    [CODECS[0] as Codec, '', 1],
    [CODECS[0] as Codec, 'x'.repeat(257), 1],
    [CODECS[0] as Codec, 'event', 'x'.repeat(MAX)],
    [CODECS[0] as Codec, 'new name', 'x'.repeat(MAX)],
    [CODECS[1] as Codec, 'event', 2n ** 70n],
    [CODECS[1] as Codec, 'event', 'x'.repeat(MAX)],
    [CODECS[2] as Codec, 'event', {}],
    [CODECS[2] as Codec, 'event', Buffer.alloc(MAX + 1)],
  ];
  for (const [codec, event, data] of bad) {
    const [client, server] = connect(codec);
    client.send('event', 'before');
    assert.throws(() => client.send(event, data));
    client.send('event', 'behind');
    client.deliverTo(server);
    assert.deepEqual(
      server.received.map(([, value]) => value),
      ['before', 'behind'],
      `${codec.name} ${event}`,
    );
    assert.equal(server.wire.parser.unfinishedBytes, 0);
  }
});

test('a shared message is encoded once and announced on each connection', () => {
  const events = new EventIds();
  const first = connect(CODECS[0] as Codec, events);
  const second = connect(CODECS[0] as Codec, events);
  for (const event of ['a', 'b', 'a']) {
    const message = SharedMessage.encode(first[0].wire, event, { from: event }, first[0].pool);
    for (const [client] of event === 'b' ? [second] : [first, second])
      message.writeTo(client.wire, client.out);
  }
  first[0].send('b', 'own');
  for (const [client, server] of [first, second]) client.deliverTo(server);
  assert.deepEqual(first[1].received.map(([name]) => name).join(''), 'aab');
  assert.deepEqual(second[1].received.map(([name]) => name).join(''), 'aba');
});

test('a ping is answered with its token', () => {
  const [client, server] = connect(CODECS[0] as Codec);
  client.respond(Buffer.from('08000000000000000300000004030201', 'hex'));
  client.deliverTo(server);
  server.out.seal();
  const before = client.received.length;
  assert.equal(server.deliverTo(client), 16);
  assert.equal(client.received.length, before, 'a pong is no message');
});

test('frames of requests: numbered by the asker, answered under its number, inline names too', () => {
  const [client, server] = connect(CODECS[1] as Codec);
  const ask = { correlation: 7, event: 'resize', eventId: 0, codec: undefined };
  client.wire.encodeExchange(FrameKind.request, ask, { width: 2 }, client.out);
  client.deliverTo(server);
  const request = {
    kind: FrameKind.request,
    correlation: 7,
    event: 0x8000,
    name: 'resize',
    data: { width: 2 },
  };
  assert.deepEqual(server.exchanges, [request]);
  const big = Buffer.alloc(100_000 - 1, 7);
  for (const [codec, data] of [
    [undefined, { height: 3 }],
    [CODECS[0] as Codec, undefined],
    [CODECS[2] as Codec, undefined],
    [CODECS[2] as Codec, big],
  ] as const) {
    for (const eventId of [0x8000, 0xffff]) {
      const answer = { correlation: 7, event: 'resize', eventId, codec };
      if (eventId === 0xffff && data === big) continue;
      server.wire.encodeExchange(FrameKind.response, answer, data, server.out);
      server.send('between', 1);
      server.deliverTo(client);
      const expected = codec === CODECS[2] && data === undefined ? Buffer.alloc(0) : data;
      assert.deepEqual(client.exchanges.splice(0), [
        { kind: FrameKind.response, correlation: 7, event: eventId, name: undefined, data: expected },
      ]);
    }
  }
  assert.equal(server.wire.parser.unfinishedBytes + client.wire.parser.unfinishedBytes, 0);
});

test('a frame of a request that cannot be encoded leaves nothing between the others', () => {
  const [client, server] = connect(CODECS[1] as Codec);
  const ask = (event: string, codec: Codec | undefined, data: unknown): void =>
    client.wire.encodeExchange(
      FrameKind.request,
      { correlation: 1, event, eventId: 0, codec },
      data,
      client.out,
    );
  client.send('event', 'before');
  assert.throws(() => ask('a', CODECS[2], {}), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ask('b', CODECS[2], Buffer.alloc(MAX + 1)), { code: 'ERR_RINGWIRE_FRAME_TOO_LARGE' });
  assert.throws(() => ask('c', CODECS[0], 'x'.repeat(MAX)), { code: 'ERR_RINGWIRE_FRAME_TOO_LARGE' });
  assert.throws(() => ask('', undefined, 1), { code: 'ERR_RINGWIRE_INVALID_EVENT' });
  client.send('event', 'behind');
  client.deliverTo(server);
  assert.deepEqual(server.received, [
    ['event', 'before'],
    ['event', 'behind'],
  ]);
  assert.deepEqual(server.exchanges, []);
});
