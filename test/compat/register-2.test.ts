/**
 * The bug register, B8 and B10 to B12: files that are not ours, queues that stall, clients that multiply, retries that do
 * not do what the README promises.
 *
 * Pauses only prove that nothing happens. Invariant: each row is planted on the original, or holds for both.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import type { Stage } from './support/stage.ts';
import { worldOf } from './support/stage.ts';
import type { Config, Peer } from './support/subjects.ts';
import { both, fixed, ours } from './support/suites.ts';
import { next, pause, record, within, type Transcript } from './support/waiting.ts';

fixed('B8: a TCP server deletes no file that is called like its host', /AssertionError/, async (stage) => {
  const file = join(stage.folder, '127.0.0.1');
  writeFileSync(file, 'mine');
  const before = process.cwd();
  process.chdir(stage.folder);
  stage.defer(() => process.chdir(before));
  await stage.serveNet();
  assert.ok(existsSync(file), 'the file is gone');
});

fixed(
  'B8: a regular file in the place of the socket is an error, and stays',
  /AssertionError|in vain/,
  async (stage) => {
    const ipc = stage.make();
    const path = stage.path();
    writeFileSync(path, 'mine');
    ipc.serve(path);
    const seen = record(ipc.server, 'error', 'start');
    ipc.server.start();
    await seen.until('an outcome', () => seen.entries.length > 0);
    assert.deepEqual(seen.names(), ['error']);
    assert.equal((seen.values('error')[0] as NodeJS.ErrnoException).code, 'ERR_RINGWIRE_PATH_NOT_SOCKET');
    assert.equal(readFileSync(path, 'utf8'), 'mine');
  },
);

fixed('B8: the path of a live server is not stolen', /AssertionError|in vain/, async (stage) => {
  const { server, address } = await stage.serve();
  assert.ok('path' in address);
  const inode = statSync(address.path).ino;
  const thief = stage.make();
  thief.serve(address.path);
  const seen = record(thief.server, 'error', 'start');
  thief.server.start();
  await seen.until('an outcome', () => seen.entries.length > 0);
  assert.deepEqual(seen.names(), ['error']);
  assert.equal((seen.values('error')[0] as NodeJS.ErrnoException).code, 'ERR_RINGWIRE_PATH_IN_USE');
  assert.equal(statSync(address.path).ino, inode);
  const arrived = next(server, 'm');
  const { client } = await stage.connect(address);
  client.emit('m', 1);
  await arrived;
});

/** A socket file as a killed server leaves it: closing unlinks the name it was bound to, not the one it has now. */
async function leaveStaleSocket(stage: Stage): Promise<string> {
  const [bound, path] = [stage.path(), stage.path()];
  const server = net.createServer().listen(bound);
  await once(server, 'listening');
  renameSync(bound, path);
  server.close();
  await once(server, 'close');
  assert.ok(statSync(path).isSocket());
  return path;
}

both('B8: a socket that nobody listens on any more is replaced', async (stage) => {
  const path = await leaveStaleSocket(stage);
  const ipc = stage.make();
  ipc.serve(path);
  await stage.start(ipc.server);
  await stage.connect({ path });
});

fixed('B10: a sync queue goes on after a reconnect', /in vain/, async (stage) => {
  let connections = 0;
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  server.on('connect', () => connections++);
  server.on('m', (_: unknown, socket: Peer) => {
    if (connections === 1) socket.destroy();
    else server.emit(socket, 'answer', 1);
  });
  const { client } = stage.dial(address, { sync: true });
  for (const name of ['a', 'b', 'c']) client.emit('m', name);
  await seen.until("'c' to arrive", () => seen.values('m').includes('c'));
  // The unanswered one may be sent again.
  assert.match(seen.values('m').join(''), /^aa?bc$/);
  assert.equal(connections, 2);
});

fixed(
  'B11: connecting again while the client waits to retry makes one connection',
  /AssertionError/,
  async (stage) => {
    const address = { path: stage.path() };
    const { ipc, client } = stage.dial(address, { retry: 60 });
    await next(client, 'disconnect');
    for (let i = 0; i < 3; i++) ipc.connectTo('world', address.path);
    const server = stage.make();
    server.serve(address.path);
    const seen = record(server.server, 'connect', 'm');
    await stage.start(server.server);
    await seen.count('connect');
    await pause(200); // an orphan would have retried
    assert.equal(seen.of('connect').length, 1);
    worldOf(ipc).emit('m', 1);
    await seen.count('m');
  },
);

/** A client of a server that is not there. */
function lonely(stage: Stage, config: Partial<Config>): { config: Config; seen: Transcript } {
  const { ipc, client } = stage.dial({ path: stage.path() }, { retry: 5, ...config });
  return { config: ipc.config, seen: record(client, 'error', 'disconnect', 'destroy') };
}

async function attemptsUntilDestroyed(seen: Transcript): Promise<number> {
  await seen.count('destroy');
  await pause(40);
  assert.equal(seen.of('destroy').length, 1);
  return seen.of('error').length;
}

fixed('B12: maxRetries false retries without end', /AssertionError|in vain/, async (stage) => {
  const { seen } = lonely(stage, { maxRetries: false });
  await seen.count('error', 8);
  assert.equal(seen.of('destroy').length, 0);
});

both('B12: so does the default', async (stage) => {
  const { seen } = lonely(stage, {});
  await seen.count('error', 8);
  assert.equal(seen.of('destroy').length, 0);
});

both('B12: a number of maxRetries is a number of retries', async (stage) => {
  for (const maxRetries of [0, 1, 3]) {
    const { seen } = lonely(stage, { maxRetries });
    assert.equal(await attemptsUntilDestroyed(seen), maxRetries + 1);
  }
});

fixed('B12: stopRetrying 0 means no reconnect', /in vain|AssertionError/, async (stage) => {
  const { seen } = lonely(stage, { stopRetrying: 0 });
  assert.equal(await attemptsUntilDestroyed(seen), 1);
});

fixed('B12: a number of stopRetrying is a number of retries', /AssertionError/, async (stage) => {
  for (const stopRetrying of [1, 3]) {
    const { seen } = lonely(stage, { stopRetrying });
    assert.equal(await attemptsUntilDestroyed(seen), stopRetrying + 1);
  }
});

ours('B12: a number of stopRetrying counts after each disconnect', async (stage) => {
  const { server, address } = await stage.serve();
  const { client } = await stage.connect(address, { stopRetrying: 1, retry: 5 });
  const seen = record(client, 'connect', 'destroy');
  const accepted = record(server, 'connect');
  for (let round = 1; round <= 3; round++) {
    for (const socket of server.sockets.slice()) socket.destroy();
    await seen.count('connect', round);
    await accepted.count('connect', round);
  }
  assert.equal(seen.of('destroy').length, 0);
});

fixed('B12: stopRetrying true in the middle of a wait stops at once', /AssertionError/, async (stage) => {
  const { config, seen } = lonely(stage, { retry: 150 });
  await seen.count('disconnect');
  config.stopRetrying = true;
  assert.equal(await attemptsUntilDestroyed(seen), 1);
});

both('B12: stopRetrying true before the connection is lost means no reconnect', async (stage) => {
  const { server, address } = await stage.serve();
  const { ipc, client } = await stage.connect(address);
  const seen = record(client, 'error', 'disconnect', 'destroy', 'connect');
  ipc.config.stopRetrying = true;
  for (const socket of server.sockets.slice()) socket.destroy();
  await seen.count('destroy');
  await within('the server to see it gone', pause(40));
  assert.deepEqual(seen.names(), ['disconnect', 'destroy']);
  assert.equal(server.sockets.length, 0);
});
