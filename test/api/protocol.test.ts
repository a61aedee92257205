/**
 * Protocols shared by both sides: ids, codecs, and checks by schemas, of a hand-made Standard Schema.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connect,
  defineProtocol,
  listen,
  type Protocol,
  type StandardSchema,
  typed,
} from '../../src/index.ts';
import { announceBytes, frame, greetingBytes, nextPeer, Stage, until } from './support.ts';

/** What libraries make, by hand: an object with a number `value`, text of digits is turned into one. */
interface Reading {
  readonly value: number;
}

let checks = 0;

const READING: StandardSchema<{ readonly value: number | string }, Reading> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (data) => {
      checks++;
      const { value } = (typeof data === 'object' && data !== null ? data : {}) as { value?: unknown };
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
      return typeof number === 'number'
        ? { value: { value: number } }
        : { issues: [{ message: `secret ${String(value)}`, path: ['value', { key: 'inner' }] }] };
    },
  },
};

const LATER: StandardSchema = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => Promise.resolve({ value }) },
};

const PROTOCOL = defineProtocol({
  events: { reading: { id: 1, schema: READING }, free: {}, later: { schema: LATER } },
  requests: {
    double: { id: 2, input: READING, output: READING },
    wrong: { output: READING },
    rows: { input: typed<number>(), items: READING },
  },
});

test('a protocol with impossible parts is refused', async (context) => {
  const stage = new Stage(context);
  for (const protocol of [
    { events: { a: { id: 0 } } },
    { events: { a: { id: 0x8000 } } },
    { events: { a: { id: 1.5 } } },
    { events: { a: { id: 1 }, b: { id: 1 } } },
    { events: { a: { id: 1 } }, requests: { b: { id: 1 } } },
    { events: { a: { codec: 'xml' } } },
  ] as unknown as Protocol[]) {
    assert.throws(() => defineProtocol(protocol), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
    await assert.rejects(listen(stage.address, { protocol }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
  }
  assert.equal(defineProtocol(PROTOCOL), PROTOCOL);
});

test('nothing is checked unless asked for', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL }));
  const client = stage.keep(await connect(stage.address, { protocol: PROTOCOL }));
  const before = checks;
  const heard: unknown[] = [];
  server.on('reading', (reading) => heard.push(reading));
  client.send('reading', 'nonsense' as never);
  client.send('reading', { value: '7' });
  await until('both', () => heard.length === 2);
  assert.deepEqual(heard, ['nonsense', { value: '7' }]);
  assert.equal(checks, before);
});

test('validate: what is sent and what is received is checked, and comes as the schema yields it', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL, validate: true }));
  const client = stage.keep(await connect(stage.address, { protocol: PROTOCOL, validate: true }));
  const [peer] = server.peers;
  assert.ok(peer);
  const heard: unknown[] = [];
  server.on('reading', (reading) => heard.push(reading));
  peer.on('reading', (reading) => heard.push(reading));
  const invalid = { code: 'ERR_RINGWIRE_INVALID_DATA' };
  for (const send of [
    () => client.send('reading', {} as never),
    () => server.broadcast('reading', {} as never),
    () => server.group('all').send('reading', {} as never),
    () => client.send('later', 1),
  ])
    assert.throws(send, invalid);
  assert.throws(
    () => client.send('reading', { value: 'secret text' }),
    (error: Error) => {
      assert.match(error.message, /reading .* at value\.inner/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
  client.send('reading', { value: '12' });
  client.send('free', { anything: 1 });
  await until('the reading', () => heard.length === 2);
  assert.deepEqual(heard, [{ value: 12 }, { value: 12 }]);

  server.handle('double', ({ value }) => ({ value: String(2 * value) }));
  server.handle('wrong', () => ({ value: 'x' }));
  server.handle('rows', async function* (count) {
    for (let n = 0; n < count; n++) yield { value: n === 3 ? 'x' : String(n) };
  });
  assert.deepEqual(await client.request('double', { value: '21' }), { value: 42 });
  await assert.rejects(client.request('double', { value: 'x' }), invalid);
  await assert.rejects(client.request('wrong'), invalid);
  const rows: unknown[] = [];
  await assert.rejects(async () => {
    for await (const row of client.stream('rows', 5)) rows.push(row);
  }, invalid);
  assert.deepEqual(rows, [{ value: 0 }, { value: 1 }, { value: 2 }]);
});

test('a peer that sends what the schema refuses costs its message; the next one arrives', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL, validate: true }));
  const plain = await stage.client();
  const heard: unknown[] = [];
  const refused: unknown[] = [];
  server.on('reading', (reading) => heard.push(reading.value));
  server.lifecycle.on('error', (error) => refused.push((error as { code?: unknown }).code));
  server.handle('double', ({ value }) => ({ value }));
  plain.send('reading', { value: 1 });
  plain.send('reading', { value: 'secret' });
  plain.send('reading', { value: 2 });
  await until('both', () => heard.length === 2);
  assert.deepEqual([heard, refused], [[1, 2], ['ERR_RINGWIRE_INVALID_DATA']]);
  assert.equal(server.stats().refused['ERR_RINGWIRE_INVALID_DATA'], 1);
  await assert.rejects(plain.request('double', {}), { code: 'ERR_RINGWIRE_INVALID_DATA' });
});

test('the asker checks the answer too', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL }));
  const client = stage.keep(await connect(stage.address, { protocol: PROTOCOL, validate: true }));
  server.handle('double', () => 'nonsense' as never);
  server.handle('rows', async function* () {
    yield 'nonsense' as never;
  });
  await assert.rejects(client.request('double', { value: 1 }), { code: 'ERR_RINGWIRE_INVALID_DATA' });
  await assert.rejects(client.stream('rows', 1).next(), { code: 'ERR_RINGWIRE_INVALID_DATA' });
  await until('the cancel', () => server.stats().requests.handled === 0);
});

test('agreed ids are on the wire, for events and for requests', async (context) => {
  const stage = new Stage(context);
  const server = stage.keep(await listen(stage.address, { protocol: PROTOCOL, codec: 'json' }));
  server.handle('double', ({ value }) => ({ value: 2 * value }));
  const heard: unknown[] = [];
  server.on('reading', (reading) => heard.push(reading));
  const socket = await stage.raw();
  const arrived = nextPeer(server as never);
  const json = Buffer.from('{"value":4}');
  socket.write(
    Buffer.concat([greetingBytes(1), frame(1, 1, json), frame(2, 1, json, { correlation: 9, kind: 1 })]),
  );
  await arrived;
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  const answer = frame(2, 1, Buffer.from('{"value":8}'), { correlation: 9, kind: 2 });
  await until('the answer', () => received.includes(answer));
  assert.deepEqual(heard, [{ value: 4 }]);
  assert.ok(!received.includes(announceBytes('double').subarray(12)), 'agreed names are not announced');
});
