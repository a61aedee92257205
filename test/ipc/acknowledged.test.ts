/**
 * `config.ack` of the node-ipc face: a connection that is cut in the middle costs no message in either direction, and peers that do not
 * acknowledge are refused. Connections go through a gate that the test shuts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import {
  type Client,
  type Config,
  IPC,
  type PeerSocket,
  type RingwireError,
  type Server,
} from '../../src/index.ts';
import type { Stats } from '../../src/connection/counters.ts';
import { Gate, range } from '../api/gate.ts';
import { Stage, until } from '../api/support.ts';

const PEER = 'peer';

function makeIpc(settings: Partial<Config>): IPC {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, retry: 5, ...settings });
  return ipc;
}

async function serve(t: TestContext, stage: Stage, settings: Partial<Config>): Promise<Server> {
  const ipc = makeIpc(settings);
  ipc.serve(stage.path);
  const server = ipc.server as Server;
  t.after(() => server.stop());
  const started = new Promise((resolve) => server.on('start', resolve));
  server.start();
  await started;
  return server;
}

function connectTo(t: TestContext, path: string, settings: Partial<Config>): Client {
  const ipc = makeIpc(settings);
  ipc.connectTo(PEER, path);
  t.after(() => ipc.disconnect(PEER));
  return ipc.of[PEER] as Client;
}

/** What is told of messages and peers; what the system says of a cut connection does not count. */
function codesOf(emitter: Client | Server): string[] {
  const codes: string[] = [];
  emitter.on('error', ({ code }: RingwireError) => {
    if (code.startsWith('ERR_RINGWIRE')) codes.push(code);
  });
  return codes;
}

test('a connection that is cut in the middle: every message once and in order, both ways, also what was sent without one', async (t) => {
  const stage = new Stage(t);
  const server = await serve(t, stage, { ack: true });
  const gate = await Gate.before(stage);
  const sockets: PeerSocket[] = [];
  server.on('connect', (socket: PeerSocket) => void sockets.push(socket));
  const client = connectTo(t, gate.path, { ack: true });
  const [up, down]: [number[], number[]] = [[], []];
  server.on('n', (n: number) => void up.push(n));
  client.on('n', (n: number) => void down.push(n));
  // Before there is a connection.
  client.emit('n', 0);
  await until('the first', () => up.length === 1);
  const [first] = sockets as [PeerSocket];
  let sent = 1;
  const send = (count: number): void => {
    for (const n of range(sent, sent + count)) {
      client.emit('n', n);
      if (n % 2 === 0) server.broadcast('n', n - 1);
      else server.emit(first, 'n', n - 1);
    }
    sent += count;
  };
  for (let cut = 0; cut < 5; cut++) {
    const connects = sockets.length;
    send(200);
    // In the middle: what was sent is under way.
    await until('some of it', () => up.length > sent - 200);
    gate.shut();
    send(50);
    await until('the connection gone', () => server.sockets.length === 0);
    send(50);
    gate.open();
    await until('the next connection', () => sockets.length > connects);
    send(50);
  }
  await until('all', () => up.length === sent && down.length === sent - 1);
  assert.deepEqual(up, range(0, sent));
  assert.deepEqual(down, range(0, sent - 1));
});

test('more than maxAckMessages: an error says so, and sessionTimeout ends what waits', async (t) => {
  const stage = new Stage(t);
  const server = await serve(t, stage, { ack: true, maxAckMessages: 3, sessionTimeout: 30 });
  const gate = await Gate.before(stage);
  const codes = codesOf(server);
  const sockets: PeerSocket[] = [];
  server.on('connect', (socket: PeerSocket) => void sockets.push(socket));
  connectTo(t, gate.path, { ack: true });
  await until('the client', () => sockets.length === 1);
  gate.shut();
  await until('it gone', () => server.sockets.length === 0);
  const [socket] = sockets as [PeerSocket];
  for (const n of range(0, 3)) server.emit(socket, 'n', n);
  assert.equal(server.emit(socket, 'n', 3), false);
  assert.deepEqual(codes.splice(0), ['ERR_RINGWIRE_ACK_OVERFLOW']);
  await until('the end of its session', () => codes.length > 0);
  assert.deepEqual(codes, ['ERR_RINGWIRE_UNACKNOWLEDGED']);
  assert.equal(server.emit(socket, 'n', 4), false);
});

for (const [name, settings, own, expected] of [
  ['a server, and a client of node-ipc’s wire', { ack: true }, {}, ['ERR_RINGWIRE_BAD_MAGIC', undefined]],
  [
    'a server, and a client of the ringwire wire',
    { ack: true },
    { codec: 'msgpack' },
    ['ERR_RINGWIRE_ACK_UNSUPPORTED', 'ERR_RINGWIRE_PEER_GOODBYE'],
  ],
  [
    'a client, and a server that does not',
    {},
    { ack: true },
    ['ERR_RINGWIRE_PEER_GOODBYE', 'ERR_RINGWIRE_ACK_UNSUPPORTED'],
  ],
] as const) {
  test(`only one side asks for it: ${name}`, async (t) => {
    const stage = new Stage(t);
    const server = await serve(t, stage, settings);
    let heard = 0;
    server.on('n', () => heard++);
    const client = connectTo(t, stage.path, { ...own, maxRetries: 0 });
    const [told, clientTold] = [codesOf(server), codesOf(client)];
    client.emit('n', 1);
    await new Promise((resolve) => client.on('destroy', resolve));
    await until('the server’s word', () => told.length > 0);
    assert.deepEqual(told, [expected[0]]);
    // A reader of node-ipc’s wire cannot read the reason.
    if (expected[1] !== undefined) assert.equal(clientTold[0], expected[1]);
    assert.equal(heard, 0);
  });
}

test('a broadcast while somebody is still greeting reaches the others and is no failure', async (t) => {
  const stage = new Stage(t);
  const server = await serve(t, stage, { ack: true });
  const silent = net.connect(stage.path);
  t.after(() => silent.destroy());
  await once(silent, 'connect');
  const client = connectTo(t, stage.path, { ack: true });
  const heard: unknown[] = [];
  client.on('all', (data: unknown) => void heard.push(data));
  await new Promise((resolve) => server.on('connect', resolve));
  await until('both sockets', () => server.sockets.length === 2);
  assert.equal(server.broadcast('all', 1), true);
  await until('the message', () => heard.length === 1);
  const { refusals } = server.stats() as Stats;
  assert.deepEqual({ ...refusals }, {});
});
