/**
 * Structs between two endpoints on real sockets: both roles, every way to receive, growth in both directions, layouts that differ, events without
 * a struct, and what a getter may not do.
 *
 * Invariant: what a test opened is closed behind it, also after a failure.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Client,
  type Config,
  connect,
  defineProtocol,
  defineStruct,
  IPC,
  listen,
  type PeerSocket,
  type RingwireError,
  type Server,
  type StructView,
} from '../../../src/index.ts';
import { within } from '../../hostile/stage.ts';
import { Everything, MIDDLE, VALUES } from './support.ts';

const Old = defineStruct('imu', { seq: 'u32', x: 'f32' });
const Grown = defineStruct('imu', { seq: 'u32', x: 'f32', name: ['char', 8], t: 'u64' });

interface Heard {
  readonly event: string;
  readonly data: unknown;
}

/** One end, and what it hears. */
class End {
  readonly emitter: Client | Server;
  readonly heard: Heard[] = [];
  readonly errors: RingwireError[] = [];
  #check: () => void = () => {};

  constructor(emitter: Client | Server, events: readonly string[]) {
    this.emitter = emitter;
    for (const event of events) {
      emitter.on(event, (data: unknown) => {
        // A view is only lent: what it shows is looked at here.
        this.heard.push({ event, data: Everything.View === data?.constructor ? copied(data) : data });
        this.#check();
      });
    }
    emitter.on('error', (error: RingwireError) => {
      this.errors.push(error);
      this.#check();
    });
  }

  until(what: string, done: () => boolean): Promise<void> {
    return within(
      what,
      new Promise((resolve) => {
        this.#check = () => done() && resolve();
        this.#check();
      }),
    );
  }
}

function copied(view: unknown): unknown {
  return Everything.toObject(view as StructView<typeof Everything.definition>);
}

const EVENTS: readonly string[] = ['imu', 'everything', 'other', 'back'];

/** A server and a client of it, both connecting. */
async function pair(
  context: TestContext,
  serverConfig: Partial<Config>,
  clientConfig: Partial<Config>,
): Promise<{
  server: End;
  client: End;
  readonly socket: Promise<PeerSocket>;
  readonly connected: Promise<unknown>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-struct-'));
  const path = join(folder, 's');
  const [serving, connecting] = [new IPC(), new IPC()];
  Object.assign(serving.config, { silent: true, id: 'server', ...serverConfig });
  Object.assign(connecting.config, {
    silent: true,
    id: 'client',
    codec: 'struct',
    maxRetries: 0,
    ...clientConfig,
  });
  serving.serve(path);
  const server = new End(serving.server as Server, EVENTS);
  const accepted = new Promise<PeerSocket>((resolve) => server.emitter.on('connect', resolve));
  const started = new Promise((resolve) => server.emitter.on('start', resolve));
  (serving.server as Server).start();
  context.after(() => {
    connecting.disconnect('world');
    (serving.server as Server).stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await within('the server', started);
  connecting.connectTo('world', path);
  const client = new End(connecting.of['world'] as Client, EVENTS);
  const connected = new Promise((resolve) => client.emitter.on('connect', resolve));
  return { server, client, socket: accepted, connected };
}

for (const receive of ['copy', 'view', 'frame'] as const) {
  test(`values arrive in both directions, received as ${receive}`, async (context) => {
    const config = { structs: { everything: Everything, back: Everything }, receive };
    const { server, client, socket } = await pair(context, config, config);
    const peer = await within('a peer', socket);
    const many = Array.from({ length: 3_000 }, (_, at) => ({
      ...(VALUES[at % 3] as typeof MIDDLE),
      late: at,
    }));
    for (const value of many) (client.emitter as Client).emit('everything', value);
    await server.until('all of them', () => server.heard.length === many.length);
    assert.deepEqual(
      server.heard.map((each) => each.data),
      many,
    );
    for (const value of VALUES) (server.emitter as Server).emit(peer, 'back', value);
    (server.emitter as Server).broadcast('back', MIDDLE);
    await client.until('the answers', () => client.heard.length === 4);
    assert.deepEqual(
      client.heard.map((each) => each.data),
      [...VALUES, MIDDLE],
    );
    assert.deepEqual([...server.errors, ...client.errors], []);
  });
}

test('two events in turn, with ids agreed in advance and without', async (context) => {
  const structs = { imu: Old, everything: Everything };
  for (const events of [{}, { imu: 7, everything: 9 }]) {
    const { server, client } = await pair(context, { structs, events }, { structs, events });
    for (let seq = 0; seq < 5; seq++) {
      (client.emitter as Client).emit('imu', { seq, x: 1 });
      (client.emitter as Client).emit('everything', { ...MIDDLE, late: seq });
    }
    await server.until('all', () => server.heard.length === 10);
    assert.deepEqual(
      server.heard.map(({ event, data }) => [
        event,
        (data as { seq?: number; late: number }).seq ?? (data as { late: number }).late,
      ]),
      [0, 1, 2, 3, 4].flatMap((seq) => [
        ['imu', seq],
        ['everything', seq],
      ]),
    );
  }
});

test('an old program and a grown one understand each other, whoever connects', async (context) => {
  const old = { structs: { imu: Old, back: Old } };
  const grown = { structs: { imu: Grown, back: Grown } };
  const grownValue = { seq: 2, x: 0.25, name: 'imu', t: 9n };
  for (const [serverConfig, clientConfig] of [
    [old, grown],
    [grown, old],
  ] as const) {
    const { server, client, socket } = await pair(context, serverConfig, clientConfig);
    const peer = await within('a peer', socket);
    const isOld = clientConfig === old;
    (client.emitter as Client).emit('imu', isOld ? { seq: 1, x: 0.5 } : grownValue);
    await server.until('a message', () => server.heard.length === 1);
    const read = isOld ? { seq: 1, x: 0.5, name: '', t: 0n } : { seq: 2, x: 0.25 };
    assert.deepEqual(server.heard[0]?.data, read);
    (server.emitter as Server).emit(peer, 'back', isOld ? grownValue : { seq: 1, x: 0.5 });
    await client.until('an answer', () => client.heard.length === 1);
    const back = isOld ? { seq: 2, x: 0.25 } : { seq: 1, x: 0.5, name: '', t: 0n };
    assert.deepEqual(client.heard[0]?.data, back);
  }
});

test('layouts that differ are refused by the event name, by the side that knows more fields', async (context) => {
  const swapped = defineStruct('imu', { x: 'f32', seq: 'u32' });
  const longer = defineStruct('imu', { seq: 'u32', y: 'f32', more: 'u8' });
  const cases = [
    { server: Old, client: swapped },
    { server: Old, client: longer },
    { server: longer, client: Old },
  ];
  for (const structs of cases) {
    const { server, client } = await pair(
      context,
      { structs: { imu: structs.server } },
      { structs: { imu: structs.client } },
    );
    await client.until('a refusal', () => client.errors.length > 0);
    await server.until('a refusal', () => server.errors.length > 0);
    const codes = [...client.errors, ...server.errors].map((error) => error.code).toSorted();
    const both = ['ERR_RINGWIRE_PEER_GOODBYE', 'ERR_RINGWIRE_SCHEMA_MISMATCH'];
    // With as many fields both sides judge, and both may be first.
    for (const code of codes) assert.ok(both.includes(code), code);
    assert.ok(codes.includes('ERR_RINGWIRE_SCHEMA_MISMATCH'));
    for (const error of [...client.errors, ...server.errors]) {
      assert.match(error.message, /imu/);
      if (error.code === 'ERR_RINGWIRE_SCHEMA_MISMATCH') assert.equal(error.event, 'imu');
      else assert.match(error.message, /ERR_RINGWIRE_SCHEMA_MISMATCH: imu$/);
    }
    if (structs.server === longer) assert.equal(server.errors[0]?.code, 'ERR_RINGWIRE_SCHEMA_MISMATCH');
    if (structs.client === longer) assert.equal(client.errors[0]?.code, 'ERR_RINGWIRE_SCHEMA_MISMATCH');
  }
});

test('a server without structs refuses the codec; one with structs serves the other codecs as well', async (context) => {
  const without = await pair(context, {}, { structs: { imu: Old } });
  await without.client.until('a refusal', () => without.client.errors.length > 0);
  assert.match(String(without.client.errors[0]), /BAD_CODEC|codec struct/);
  for (const codec of ['json', 'msgpack', undefined] as const) {
    const { server, client, socket } = await pair(context, { structs: { imu: Old } }, { codec });
    const peer = await within('a peer', socket);
    (client.emitter as Client).emit('imu', { seq: 1, x: 2 });
    await server.until('a message', () => server.heard.length === 1);
    assert.deepEqual(server.heard, [{ event: 'imu', data: { seq: 1, x: 2 } }]);
    (server.emitter as Server).emit(peer, 'back', { any: 'thing' });
    await client.until('an answer', () => client.heard.length === 1);
    assert.deepEqual(client.heard, [{ event: 'back', data: { any: 'thing' } }]);
  }
});

test('an event without a struct is refused where it is sent, and as one message where it is received', async (context) => {
  const { server, client } = await pair(
    context,
    { structs: { imu: Old } },
    { structs: { imu: Old, other: Old } },
  );
  const { emitter } = client;
  assert.throws(() => (emitter as Client).emit('unknown', { seq: 1, x: 1 }), {
    code: 'ERR_RINGWIRE_NO_STRUCT',
    message: /"unknown"/,
  });
  (emitter as Client).emit('other', { seq: 1, x: 1 });
  (emitter as Client).emit('imu', { seq: 2, x: 1 });
  await server.until('the message behind it', () => server.heard.length === 1);
  assert.deepEqual(server.heard, [{ event: 'imu', data: { seq: 2, x: 1 } }]);
  assert.deepEqual(
    server.errors.map((error) => [error.code, error.closed]),
    [['ERR_RINGWIRE_NO_STRUCT', false]],
  );
});

test('a value that does not fit leaves nothing between the others', async (context) => {
  const structs = { imu: Old };
  const { server, client } = await pair(context, { structs }, { structs });
  const emitter = client.emitter as Client;
  const bad = { code: 'ERR_RINGWIRE_INVALID_STRUCT' };
  for (let seq = 0; seq < 100; seq++) {
    emitter.emit('imu', { seq, x: 0 });
    assert.throws(() => emitter.emit('imu', { seq: -1, x: 0 }), bad);
    assert.throws(() => emitter.emit('imu', { seq: 1, x: '0' }), bad);
    const sender = {
      seq,
      get x(): number {
        return emitter.emit('imu', { seq: 1000, x: 0 }) ? 1 : 2;
      },
    };
    assert.throws(() => emitter.emit('imu', sender), bad);
    emitter.emit('imu', {
      seq,
      get x(): number {
        emitter.flush();
        return 1;
      },
    });
  }
  await server.until('all', () => server.heard.length === 200);
  assert.deepEqual(
    server.heard.map(({ data }) => data),
    Array.from({ length: 200 }, (_, at) => ({ seq: at >> 1, x: at % 2 })),
  );
  assert.deepEqual(server.errors, []);
});

test('a struct that the peer has no room for is refused before anything is sent', async (context) => {
  const Large = defineStruct('large', { bytes: ['u8', 2_000] });
  const structs = { imu: Large };
  const { client, connected } = await pair(context, { structs, maxMessageSize: 1_024 }, { structs });
  await within('the hello', connected);
  const emit = (): boolean => (client.emitter as Client).emit('imu', { bytes: new Uint8Array(2_000) });
  const limits = { code: 'ERR_RINGWIRE_FRAME_TOO_LARGE', limit: 1_024, actual: 2_000 };
  // The first message of an event takes another way than the next ones.
  for (let count = 0; count < 3; count++) assert.equal(emit(), true);
  assert.deepEqual(
    client.errors.map(({ code, limit, actual }) => ({ code, limit, actual })),
    [limits, limits, limits],
  );
});

test('settings that cannot work are refused with their names', () => {
  const cases: readonly (readonly [config: object, message: RegExp])[] = [
    [{ codec: 'struct' }, /config\.structs/],
    [{ codec: 'struct', structs: { imu: {} } }, /config\.structs\.imu/],
    [{ structs: { '': Old } }, /event name/],
    [
      { structs: Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`e${at}`, Old])) },
      /more than 256 events/,
    ],
  ];
  for (const [config, message] of cases) {
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, ...config });
    assert.throws(() => ipc.connectTo('world', join(tmpdir(), 'ringwire-nobody')), { message });
  }
});

test('the modern face: an event whose codec is a struct, typed by it', async (context) => {
  const protocol = defineProtocol({ events: { imu: { id: 3, codec: Grown }, note: {} } });
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-struct-'));
  const address = `unix:${join(folder, 's')}`;
  const server = await listen(address, { protocol });
  const client = await connect(address, { protocol });
  context.after(async () => {
    await client.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const heard = new Promise<bigint>((resolve) => server.on('imu', ({ t }) => resolve(t)));
  const noted = new Promise((resolve) => server.on('note', resolve));
  client.send('imu', { seq: 1, x: 2, name: 'x', t: 3 });
  client.send('note', { plain: 'msgpack' });
  assert.equal(await within('the struct', heard), 3n);
  assert.deepEqual(await within('the note', noted), { plain: 'msgpack' });
  // @ts-expect-error the struct has no such field
  assert.throws(() => client.send('imu', { seq: 1 }), { code: 'ERR_RINGWIRE_INVALID_STRUCT' });
  const other = defineProtocol({ events: { imu: { id: 3, codec: defineStruct('imu', { x: 'u8' }) } } });
  const refused = new Promise<Error>((resolve) => {
    connect(address, { protocol: other, reconnect: false }).then(
      (made) => made.lifecycle.on('error', resolve),
      resolve,
    );
  });
  assert.match((await within('a refusal', refused)).message, /ERR_RINGWIRE_SCHEMA_MISMATCH: imu/);
});
