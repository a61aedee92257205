/**
 * A server whose accepted sockets cannot be re-wrapped gets 'data' events instead of reading into its own memory: the same messages arrive,
 * on both wires, in whatever pieces the system delivers.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, type Config, IPC, type PeerSocket, type Server } from '../../src/index.ts';
import { seeded } from '../support/seeded.ts';

const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-fallback-'));

before(() => {
  process.env['RINGWIRE_ONREAD'] = '0';
});
after(() => {
  delete process.env['RINGWIRE_ONREAD'];
  fs.rmSync(folder, { recursive: true, force: true });
});

function makeIpc(codec?: 'raw' | 'msgpack'): IPC {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, retry: 20 });
  if (codec !== undefined) ipc.config.codec = codec;
  return ipc;
}

function listen(address: string, settings: Partial<Config> = {}): Promise<Server> {
  const ipc = makeIpc();
  Object.assign(ipc.config, settings);
  return new Promise((resolve) => {
    ipc.serve(address, () => resolve(ipc.server as Server));
    (ipc.server as Server).start();
  });
}

function connect(address: string, codec?: 'raw' | 'msgpack'): Promise<Client> {
  const ipc = makeIpc(codec);
  return new Promise((resolve) => {
    ipc.connectTo('server', address, () => {
      const client = ipc.of['server'] as Client;
      client.on('connect', () => resolve(client));
    });
  });
}

for (const codec of [undefined, 'msgpack', 'raw'] as const) {
  test(`messages of every size, ${codec ?? 'JSON on the wire of node-ipc'}`, async () => {
    const server = await listen(path.join(folder, codec ?? 'json'));
    const onreadSockets: boolean[] = [];
    server.on('connect', (socket: PeerSocket) => onreadSockets.push(socket.listenerCount('data') === 0));
    const received: unknown[] = [];
    const random = seeded(11);
    const sent = [0, 1, 64, 1_000, 70_000, 300_000, 64, 8].map((size) =>
      codec === 'raw' ? random.bytes(size) : { text: 'ä'.repeat(size) },
    );
    const client = await connect(path.join(folder, codec ?? 'json'), codec);
    const all = new Promise<void>((resolve) => {
      server.on('message', (data: unknown, socket: PeerSocket) => {
        received.push(data);
        server.emit(socket, 'answer', data);
      });
      let answers = 0;
      client.on('answer', () => ++answers === sent.length && resolve());
    });
    for (const data of sent) client.emit('message', data);
    await all;
    assert.deepEqual(received, sent);
    assert.deepEqual(onreadSockets, [false], 'the switch takes effect');
    client.close();
    server.stop();
  });
}

test('a peer that ends while its messages wait for their turn has cut none of them off', async () => {
  const address = path.join(folder, 'turns');
  const server = await listen(address, { maxTurnMessages: 1 });
  const errors: unknown[] = [];
  const received: unknown[] = [];
  server.on('error', (error: unknown) => errors.push(error));
  server.on('message', (data: unknown) => received.push(data));
  const gone = new Promise((resolve) => void server.on('socket.disconnected', resolve));
  const socket = net.connect(address);
  socket.end(
    Array.from({ length: 200 }, (_, data) => `${JSON.stringify({ type: 'message', data })}\f`).join(''),
  );
  await gone;
  server.stop();
  assert.deepEqual(errors, []);
  assert.deepEqual(
    received,
    Array.from({ length: 200 }, (_, data) => data),
  );
});
