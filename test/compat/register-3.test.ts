/**
 * The bug register, B13 to B20: TLS as configured, events about the right socket, what disconnecting leaves, what a peer
 * may call itself and its events.
 *
 * Certificates are made anew for each test. Invariant: rows to keep hold for both packages, rows to fix are planted.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { makeCertificates, type Certificates } from '../support/certificates.ts';
import { frame, freePort } from './support/raw.ts';
import type { Stage } from './support/stage.ts';
import type { Config, Peer } from './support/subjects.ts';
import { both, fixed, ours } from './support/suites.ts';
import { next, pause, record, within } from './support/waiting.ts';

fixed(
  'B13: a TLS client has connected when the handshake is done, and failures count',
  /AssertionError|in vain/,
  async (stage) => {
    const address = { host: '127.0.0.1', port: await freePort() };
    const { raw } = await stage.rawServer(address);
    raw.server.on('connection', (socket) => socket.end('this is no TLS'));
    const { client } = stage.dial(address, { tls: { rejectUnauthorized: true }, maxRetries: 1, retry: 5 });
    const seen = record(client, 'connect', 'error', 'disconnect', 'destroy');
    await seen.count('destroy');
    assert.deepEqual(seen.names(), ['error', 'disconnect', 'error', 'disconnect', 'destroy']);
  },
);

/** The option names that node-ipc has for files. */
function paths(made: Certificates, role: 'server' | 'client'): object {
  return { private: made[role].key, public: made[role].cert, trustedConnections: made.ca };
}

async function roundTrip(stage: Stage, serverTls: object, clientTls: object): Promise<void> {
  const { server, address } = await stage.serveNet({ tls: serverTls });
  server.on('m', (data: string, socket: Peer) => server.emit(socket, 'm', `${data}!`));
  const { client } = stage.dial(address, { tls: clientTls });
  const answer = next(client, 'm');
  client.on('connect', () => client.emit('m', 'hi'));
  assert.deepEqual(await answer, ['hi!']);
}

both('B14: private, public and trustedConnections name files', async (stage) => {
  const made = await makeCertificates(stage.folder);
  const strict = { requestCert: true, rejectUnauthorized: true };
  await roundTrip(stage, { ...paths(made, 'server'), ...strict }, paths(made, 'client'));
  const several = { ...paths(made, 'client'), trustedConnections: [made.otherCa, made.ca] };
  await roundTrip(stage, { ...paths(made, 'server'), ...strict }, several);
});

fixed('B14: a key and a certificate given as such are used', /__dirname/, async (stage) => {
  const made = await makeCertificates(stage.folder);
  const identity = { key: readFileSync(made.server.key), cert: readFileSync(made.server.cert) };
  await roundTrip(stage, identity, { ca: readFileSync(made.ca) });
  await roundTrip(stage, { ...identity, cert: identity.cert.toString() }, { trustedConnections: made.ca });
});

fixed('B14: a TLS server without a certificate is an error with a code', /__dirname/, async (stage) => {
  const ipc = stage.make({ tls: {} });
  ipc.serveNet('127.0.0.1', await freePort());
  const seen = record(ipc.server, 'error', 'start');
  try {
    ipc.server.start();
  } catch (error) {
    seen.add('error', error);
  }
  await seen.until('an outcome', () => seen.entries.length > 0);
  assert.deepEqual(seen.names(), ['error']);
  assert.equal((seen.values('error')[0] as NodeJS.ErrnoException).code, 'ERR_RINGWIRE_TLS_CONFIG');
});

fixed('B14: config.tls is left as it was', /AssertionError/, async (stage) => {
  const made = await makeCertificates(stage.folder);
  const [serverTls, clientTls] = [paths(made, 'server'), paths(made, 'client')];
  await roundTrip(stage, serverTls, clientTls);
  assert.deepEqual([serverTls, clientTls], [paths(made, 'server'), paths(made, 'client')]);
});

both('B14: a server that the client does not trust is an error, and gets no message', async (stage) => {
  const made = await makeCertificates(stage.folder);
  const { server, address } = await stage.serveNet({ tls: paths(made, 'server') });
  const got = record(server, 'm');
  const tls = { trustedConnections: made.otherCa };
  const { client } = stage.dial(address, { tls, stopRetrying: true });
  const seen = record(client, 'error', 'destroy');
  client.emit('m', 'secret');
  await seen.count('destroy');
  assert.deepEqual(seen.names(), ['error', 'destroy']);
  const { code } = seen.values('error')[0] as NodeJS.ErrnoException;
  assert.match(String(code), /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/);
  assert.deepEqual(got.entries, []);
});

ours('B14: a server with trustedConnections turns away clients without a certificate', async (stage) => {
  const made = await makeCertificates(stage.folder);
  const { server, address } = await stage.serveNet({ tls: paths(made, 'server') });
  const seen = record(server, 'connect', 'm');
  const tls = { trustedConnections: made.ca };
  const { client } = stage.dial(address, { tls, stopRetrying: true });
  client.emit('m', 1);
  await next(client, 'destroy');
  assert.deepEqual(seen.entries, []);
});

fixed('B15: close carries the socket', /AssertionError/, async (stage) => {
  const { server, address } = await stage.serve();
  const connected = next(server, 'connect');
  const peer = await stage.rawPeer(address);
  const [socket] = await connected;
  const closed = next(server, 'close');
  peer.socket.destroy();
  assert.equal((await closed)[0], socket);
});

fixed('B16: socket.disconnected names the socket that closed', /AssertionError/, async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'hello', 'socket.disconnected');
  const slow = await stage.rawPeer(address, true);
  slow.write(frame('hello', { id: 'slow' }));
  await seen.count('hello');
  const slowSocket = seen.of('hello')[0]?.args[1] as Peer;
  slow.socket.pause();
  server.emit(slowSocket, 'big', 'x'.repeat(8 * 1024 * 1024));
  const heard = within('its end to be heard', new Promise((resolve) => slowSocket.on('end', resolve)));
  slow.socket.end(); // half closed: it still waits for what the server wrote
  await heard;
  const other = await stage.rawPeer(address);
  other.write(frame('hello', { id: 'other' }));
  await seen.count('hello', 2);
  const otherSocket = seen.of('hello')[1]?.args[1];
  other.socket.destroy();
  await seen.count('socket.disconnected');
  assert.deepEqual(seen.of('socket.disconnected')[0]?.args, [otherSocket, 'other']);
});

both('B17: disconnect and destroy are heard after ipc.disconnect', async (stage) => {
  const { address } = await stage.serve();
  const { ipc, client } = await stage.connect(address);
  const seen = record(client, 'error', 'disconnect', 'destroy');
  ipc.disconnect('world');
  assert.equal('world' in ipc.of, false);
  assert.equal(client.socket.destroyed, true);
  await seen.count('destroy');
  assert.deepEqual(seen.names(), ['disconnect', 'destroy']);
});

both('B17: neither is heard when it was waiting to retry', async (stage) => {
  const { ipc, client } = stage.dial({ path: stage.path() }, { retry: 40 });
  await next(client, 'disconnect');
  const seen = record(client, 'error', 'disconnect', 'destroy');
  ipc.disconnect('world');
  ipc.disconnect('world'); // gone already: nothing happens
  await pause(120);
  assert.deepEqual(seen.entries, []);
});

both('B18: wildcard handlers are gone after ipc.disconnect', async (stage) => {
  const { address } = await stage.serve();
  const { ipc, client } = await stage.connect(address);
  const seen = record(client, '*', 'destroy');
  client.publish('before');
  ipc.disconnect('world');
  await seen.count('destroy');
  assert.deepEqual(seen.names(), ['*', 'destroy']);
  assert.deepEqual(seen.entries[0]?.args, ['before']);
});

both('B19: data.id names the socket', async (stage) => {
  const { server, address } = await stage.serve();
  for (const id of ['a name', 42]) {
    const { ipc, client } = await stage.connect(address);
    const hello = next(server, 'hello');
    client.emit('hello', { id, message: 'hi' });
    const [, socket] = (await hello) as [unknown, Peer];
    assert.equal(socket.id, id);
    const gone = next(server, 'socket.disconnected');
    ipc.disconnect('world');
    assert.deepEqual(await gone, [socket, id]);
  }
});

fixed('B19: an id that is neither string nor number names nothing', /AssertionError/, async (stage) => {
  const { server, address } = await stage.serve();
  const peer = await stage.rawPeer(address);
  for (const id of [true, ['a'], { toString: 1 }]) {
    const hello = next(server, 'hello');
    peer.write(frame('hello', { id }));
    const [data, socket] = (await hello) as [unknown, Peer];
    assert.deepEqual(data, { id });
    assert.equal(socket.id, undefined);
  }
  const gone = next(server, 'socket.disconnected');
  peer.socket.destroy();
  assert.equal((await gone)[1], false);
});

const SERVER_NAMES = [
  'start',
  'connect',
  'data',
  'error',
  'disconnect',
  'destroy',
  'socket.disconnected',
  'close',
];
const CLIENT_NAMES = ['connect', 'disconnect', 'destroy', 'data', 'error', 'start', 'close'];

both('B20: peers may use the names of the events that the package itself publishes', async (stage) => {
  const { server, address } = await stage.serve();
  const { client } = await stage.connect(address);
  const atServer = record(server, ...SERVER_NAMES, 'end');
  for (const name of SERVER_NAMES) client.emit(name, { name });
  client.emit('end');
  await atServer.count('end');
  assert.deepEqual(atServer.names(), [...SERVER_NAMES, 'end']);
  for (const { name, args } of atServer.entries.slice(0, -1)) {
    assert.deepEqual(args, [{ name }, server.sockets[0]], name);
  }
  const atClient = record(client, ...CLIENT_NAMES, 'end');
  for (const name of CLIENT_NAMES) server.broadcast(name, { name });
  server.broadcast('end');
  await atClient.count('end');
  assert.deepEqual(atClient.names(), [...CLIENT_NAMES, 'end']);
  for (const { name, args } of atClient.entries.slice(0, -1)) assert.deepEqual(args, [{ name }], name);
});

ours("B20: reservedEvents 'reject' refuses them", async (stage) => {
  const config: Partial<Config> = { reservedEvents: 'reject' };
  const { server, address } = await stage.serve(config);
  const seen = record(server, 'socket.disconnected', 'error');
  const peer = await stage.rawPeer(address);
  peer.write(frame('socket.disconnected', { forged: true }));
  await seen.count('error');
  assert.deepEqual(seen.names(), ['error']);
  assert.equal((seen.values('error')[0] as NodeJS.ErrnoException).code, 'ERR_RINGWIRE_RESERVED_EVENT');
});
