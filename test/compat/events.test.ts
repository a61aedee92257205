/**
 * Which events come, in which order, with which arguments: servers, clients, connections that end, attempts that fail.
 *
 * It does not test how handlers are kept (emitter.test.ts) nor what an event carries byte for byte (coercions.test.ts).
 * Invariant: what is asserted is the whole sequence, so an event too many fails as well.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { frame } from './support/raw.ts';
import { worldOf } from './support/stage.ts';
import type { Peer } from './support/subjects.ts';
import { both } from './support/suites.ts';
import { next, pause, record, Transcript } from './support/waiting.ts';

const LIFECYCLE = ['connect', 'disconnect', 'destroy', 'error'];

both('server: start carries nothing on streams, connect carries the accepted socket', async (stage) => {
  const seen = new Transcript();
  const { server, address } = await stage.serve({}, (made) => seen.listen(made, ['start', 'connect']));
  await stage.rawPeer(address);
  await seen.count('connect');
  assert.deepEqual(seen.names(), ['start', 'connect']);
  assert.equal(seen.entries[0]?.args[0], undefined);
  const socket = seen.entries[1]?.args[0];
  assert.ok(socket instanceof net.Socket);
  assert.equal(server.sockets[0], socket);
});

both('server: a message carries its data and the socket it came from', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'connect', 'm');
  const peers = [await stage.rawPeer(address), await stage.rawPeer(address)];
  await seen.count('connect', 2);
  peers[1]?.write(frame('m', { a: [1] }));
  await seen.count('m');
  peers[0]?.write(frame('m', 'second'));
  await seen.count('m', 2);
  const [first, second] = seen.of('connect').map((entry) => entry.args[0]);
  assert.deepEqual(seen.values('m'), [{ a: [1] }, 'second']);
  assert.deepEqual(
    seen.of('m').map((entry) => [entry.args.length, entry.args[1]]),
    [
      [2, second],
      [2, first],
    ],
  );
});

both('server: raw data carries a Buffer and the socket', async (stage) => {
  const { server, address } = await stage.serve({ rawBuffer: true, encoding: 'hex' });
  const arrived = next(server, 'data');
  const peer = await stage.rawPeer(address);
  peer.write(Buffer.from([0, 127, 128, 255]));
  const [data, socket] = await arrived;
  assert.ok(Buffer.isBuffer(data));
  assert.deepEqual([...data], [0, 127, 128, 255]);
  assert.equal(socket, server.sockets[0]);
});

both('server: socket.disconnected carries the socket and its id, or false', async (stage) => {
  const { server, address } = await stage.serve();
  for (const id of ['named', 17, undefined]) {
    const connected = next(server, 'connect');
    const peer = await stage.rawPeer(address);
    const [socket] = await connected;
    if (id !== undefined) {
      const told = next(server, 'hello');
      peer.write(frame('hello', { id }));
      await told;
    }
    const gone = next(server, 'socket.disconnected');
    peer.socket.destroy();
    assert.deepEqual(await gone, [socket, id ?? false]);
    assert.deepEqual(server.sockets, []);
  }
});

both(
  'server: when a socket closes, wildcards hear close, then socket.disconnected comes, then close',
  async (stage) => {
    const { server, address } = await stage.serve();
    const seen = new Transcript();
    const connected = next(server, 'connect');
    const peer = await stage.rawPeer(address);
    await connected;
    server.on('*', (type: string) => seen.add(`* ${type}`));
    seen.listen(server, ['socket.disconnected', 'close']);
    peer.socket.destroy();
    await seen.count('close');
    const expected = ['* close', '* socket.disconnected', 'socket.disconnected', 'close'];
    assert.deepEqual(seen.names(), expected);
  },
);

both('server: a path that cannot be listened on is an error event, and no start', async (stage) => {
  const ipc = stage.make();
  ipc.serve(`${stage.folder}/no/such/folder/s`);
  const seen = record(ipc.server, 'start', 'error');
  ipc.server.start();
  await seen.count('error');
  assert.deepEqual(seen.names(), ['error']);
  assert.equal(typeof (seen.values('error')[0] as NodeJS.ErrnoException).code, 'string');
});

both('client: connect comes without arguments, a message with its data alone', async (stage) => {
  const { server, address } = await stage.serve();
  server.on('connect', (socket: Peer) => server.emit(socket, 'm', { a: 1 }));
  const { client } = stage.dial(address);
  const seen = record(client, 'connect', 'm');
  await seen.count('m');
  assert.deepEqual(seen.entries, [
    { name: 'connect', args: [] },
    { name: 'm', args: [{ a: 1 }] },
  ]);
});

both('client: raw data carries a Buffer alone', async (stage) => {
  const { server, address } = await stage.serve({ rawBuffer: true, encoding: 'hex' });
  server.on('connect', (socket: Peer) => server.emit(socket, [1, 2]));
  const { client } = stage.dial(address, { rawBuffer: true, encoding: 'hex' });
  const args = await next(client, 'data');
  assert.deepEqual(args, [Buffer.from([1, 2])]);
});

both('client: each failed attempt is error, then disconnect; the last one destroy as well', async (stage) => {
  for (const [maxRetries, attempts] of [
    [0, 1],
    [1, 2],
    [3, 4],
  ] as const) {
    const { client } = stage.dial({ path: stage.path() }, { maxRetries, retry: 5 });
    const seen = record(client, ...LIFECYCLE);
    await seen.count('destroy');
    await pause(30); // nothing may follow
    const expected = Array.from({ length: attempts }, () => ['error', 'disconnect']).flat();
    assert.deepEqual(seen.names(), [...expected, 'destroy']);
    const { code } = seen.values('error')[0] as NodeJS.ErrnoException;
    assert.equal(code, 'ENOENT');
  }
});

both('client: after destroy the same id may be connected anew', async (stage) => {
  const ipc = stage.make({ maxRetries: 0 });
  const path = stage.path();
  ipc.connectTo('world', path);
  await next(worldOf(ipc), 'destroy');
  const server = stage.make();
  server.serve(path);
  await stage.start(server.server);
  ipc.connectTo('world', path);
  await next(worldOf(ipc), 'connect');
});

both('client: a lost connection is disconnect, and connect again once the server is back', async (stage) => {
  const { server, address } = await stage.serve();
  const { client } = await stage.connect(address);
  const seen = record(client, ...LIFECYCLE);
  server.sockets[0]?.destroy();
  await seen.count('connect');
  assert.deepEqual(seen.names(), ['disconnect', 'connect']);
});

both('client: the number of retries counts from the last time it was connected', async (stage) => {
  const { server, address } = await stage.serve();
  const { client } = await stage.connect(address, { maxRetries: 1, retry: 5 });
  const seen = record(client, ...LIFECYCLE);
  const accepted = record(server, 'connect');
  for (let round = 1; round <= 3; round++) {
    for (const socket of server.sockets.slice()) socket.destroy();
    await seen.count('connect', round);
    await accepted.count('connect', round);
  }
  assert.equal(seen.of('destroy').length, 0);
});

both('client: what is emitted before it is connected arrives, in order', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const { client } = stage.dial(address);
  client.emit('m', 1);
  client.emit('m', 2);
  client.on('connect', () => client.emit('m', 3));
  await seen.count('m', 3);
  assert.deepEqual(seen.values('m'), [1, 2, 3]);
});

both('client: what is emitted arrives although it disconnects in the same turn', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm', 'socket.disconnected');
  const { ipc, client } = await stage.connect(address);
  for (let i = 0; i < 3; i++) client.emit('m', i);
  ipc.disconnect('world');
  await seen.count('socket.disconnected');
  assert.deepEqual(seen.values('m'), [0, 1, 2]);
});

both('nobody has to listen for errors', async (stage) => {
  const { address, server } = await stage.serve();
  server.off('error');
  const { client } = stage.dial({ path: stage.path() }, { maxRetries: 0 });
  await next(client, 'destroy');
  const taken = stage.make({ unlink: false });
  assert.ok('path' in address);
  taken.serve(address.path);
  taken.server.start(); // fails, and says so to nobody
  await pause(30);
  assert.equal(server.server.listening, true);
});

both('a message in pieces is one message, several in one piece are several', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const peer = await stage.rawPeer(address);
  const bytes = Buffer.from(frame('m', 'žluť 😀'));
  for (const byte of bytes) await peer.push(Buffer.from([byte]));
  await seen.count('m');
  peer.write(frame('m', 1) + frame('m', 2) + frame('m', 3));
  await seen.count('m', 4);
  assert.deepEqual(seen.values('m'), ['žluť 😀', 1, 2, 3]);
});

both('broadcast reaches every client, emit the one it names', async (stage) => {
  const { server, address } = await stage.serve();
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const { client } = await stage.connect(address);
    clients.push(record(client, 'all', 'one'));
  }
  server.emit(server.sockets[1], 'one', 1);
  server.broadcast('all', 2);
  for (const seen of clients) await seen.count('all');
  const got = clients.map((seen) => seen.names().join(' ')).toSorted();
  assert.deepEqual(got, ['all', 'all', 'one all']);
});
