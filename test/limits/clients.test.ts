/**
 * Clients under limits: a server that is silent, one that accepts and closes at once, errors of the system at every step; what the
 * instance counts of all this.
 * Rows T39, T47, T48 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { type Client, IPC, type RingwireError, type Server } from '../../src/index.ts';
import { Retry, type RetryRules } from '../../src/endpoints/retry.ts';
import { within } from '../hostile/stage.ts';
import { GREETING, makeIpc, rawServer, until } from './stage.ts';

const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-limits-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function connect(ipc: IPC, address: string): Client {
  ipc.connectTo('server', address);
  return ipc.of['server'] as Client;
}

function event(emitter: Client | Server, name: string): Promise<unknown> {
  return within(`'${name}'`, new Promise((resolve) => emitter.once(name, (data: unknown) => resolve(data))));
}

test('heartbeat: a server that greets and is silent afterwards is dead, and tried again', async () => {
  const address = path.join(folder, 'silent');
  let accepted = 0;
  const sockets: net.Socket[] = [];
  const server = await rawServer(address, (socket) => {
    accepted++;
    sockets.push(socket);
    socket.write(GREETING);
  });
  const ipc = makeIpc({ codec: 'json', heartbeat: 40 });
  const client = connect(ipc, address);
  try {
    const error = (await event(client, 'error')) as RingwireError;
    assert.deepEqual([error.code, error.limit, error.closed], ['ERR_RINGWIRE_PEER_DEAD', 120, true]);
    await until('another connection', () => accepted > 1);
    assert.ok((client.stats().refusals['ERR_RINGWIRE_PEER_DEAD'] ?? 0) >= 1);
    assert.equal(
      ipc.stats().refusals['ERR_RINGWIRE_PEER_DEAD'],
      client.stats().refusals['ERR_RINGWIRE_PEER_DEAD'],
    );
  } finally {
    ipc.disconnect('server');
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test('heartbeat: two quiet ringwire sides keep each other alive', async () => {
  const address = path.join(folder, 'quiet');
  const [served, dialled] = [makeIpc({ heartbeat: 40 }), makeIpc({ heartbeat: 40, codec: 'msgpack' })];
  served.serve(address);
  const server = served.server as Server;
  server.start();
  await event(server, 'start');
  const client = connect(dialled, address);
  try {
    await event(client, 'connect');
    const start = performance.now();
    let disconnects = 0;
    client.on('disconnect', () => disconnects++);
    await until('ten deadlines', () => performance.now() - start > 1_200);
    assert.equal(disconnects, 0);
    const { receivedMessages, receivedBytes } = client.stats();
    assert.ok(receivedBytes > 0 && receivedMessages === 0, 'a sign of life is no message');
    assert.deepEqual({ ...dialled.stats().refusals }, {});
  } finally {
    dialled.disconnect('server');
    server.stop();
  }
});

test('with a growing pause, a server that accepts and closes at once is tried ever less often', async () => {
  const address = path.join(folder, 'closing');
  let accepted = 0;
  const server = await rawServer(address, (socket) => {
    accepted++;
    socket.destroy();
  });
  const ipc = makeIpc({ retry: 1, retryMax: 10, maxRetries: 6 });
  const client = connect(ipc, address);
  try {
    await event(client, 'destroy');
    assert.equal(accepted, 7, 'bare connects do not start the count anew');
  } finally {
    server.close();
  }
});

test('with a growing pause, one message is enough to forget failed tries', async () => {
  const address = path.join(folder, 'greeting');
  let accepted = 0;
  const server = await rawServer(address, (socket) => {
    accepted++;
    socket.end('{"type":"msg","data":1}\f');
  });
  const ipc = makeIpc({ retry: 1, retryMax: 2, maxRetries: 2 });
  const client = connect(ipc, address);
  try {
    await until('many connections', () => accepted > 10);
    assert.notEqual(ipc.of['server'], undefined);
  } finally {
    client.close();
    server.close();
  }
});

test('the rules of a pause: fixed without a bound; with one doubled, drawn at random, and forgotten only when proven', (context) => {
  const rules: RetryRules = { delayMs: 100, attemptsMax: Infinity, stopped: false, backoffMsMax: undefined };
  const retry = new Retry(() => rules);
  retry.attempts = 5;
  retry.connected();
  assert.equal(retry.attempts, 0, 'as node-ipc counts');
  rules.backoffMsMax = 30_000;
  retry.attempts = 5;
  retry.connected();
  assert.equal(retry.attempts, 5);
  retry.proven();
  assert.equal(retry.attempts, 0);
  context.mock.method(Math, 'random', () => 1);
  const pauses: number[] = [];
  context.mock.method(performance, 'now', () => 0);
  context.mock.method(globalThis, 'setTimeout', (_call: () => void, ms: number) => {
    pauses.push(ms);
    return { unref() {} };
  });
  for (const attempts of [0, 1, 20]) {
    retry.attempts = attempts;
    retry.schedule(assert.fail, assert.fail);
  }
  assert.deepEqual(pauses, [50, 50, 50], 'a change of the rules is noticed soon');
});

const ERRNOS: readonly string[] =
  'EMFILE ENFILE EAGAIN ENOBUFS ENOMEM EPIPE ECONNRESET ECONNABORTED ECONNREFUSED EIO ETIMEDOUT ENETDOWN EHOSTUNREACH EACCES ENOSPC'.split(
    ' ',
  );

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: -1, syscall });
}

describe(`${ERRNOS.length} errors of the system at each of four calls: an error event, a count, and it goes on`, () => {
  test('accept: the server goes on listening', async () => {
    const ipc = makeIpc({});
    const address = path.join(folder, 'accept');
    ipc.serve(address);
    const server = ipc.server as Server;
    const errors: unknown[] = [];
    server.on('error', (error: Error) => errors.push((error as { code?: unknown }).code));
    server.start();
    await event(server, 'start');
    try {
      for (const code of ERRNOS) (server.server as net.Server).emit('error', systemError(code, 'accept'));
      assert.deepEqual(errors, ERRNOS);
      const dialled = makeIpc({});
      await event(connect(dialled, address), 'connect');
      dialled.disconnect('server');
      for (const code of ERRNOS) assert.equal(ipc.stats().refusals[code], 1, code);
    } finally {
      server.stop();
    }
  });

  test('connect: the client tries again', async () => {
    const address = path.join(folder, 'connect');
    const server = await rawServer(address, (socket) => socket.resume());
    const ipc = makeIpc({ retry: 1 });
    try {
      for (const code of ERRNOS) {
        const client = connect(ipc, address);
        const failed = event(client, 'error');
        (client.socket as net.Socket).destroy(systemError(code, 'connect'));
        assert.equal(((await failed) as { code?: unknown }).code, code);
        await event(client, 'connect');
        assert.equal(client.stats().refusals[code], 1);
        ipc.disconnect('server');
      }
    } finally {
      ipc.disconnect('server');
      server.close();
    }
  });

  for (const call of ['write', 'read'] as const) {
    test(`${call}: the client tries again`, async () => {
      const address = path.join(folder, call);
      const server = await rawServer(address, (socket) => socket.resume());
      const ipc = makeIpc({ retry: 1 });
      const client = connect(ipc, address);
      const errors: unknown[] = [];
      client.on('error', (error: Error) => errors.push((error as { code?: unknown }).code));
      try {
        for (const code of ERRNOS) {
          await event(client, 'connect');
          if (call === 'write') client.emit('message', 'x'.repeat(1_000_000));
          (client.socket as net.Socket).destroy(systemError(code, call));
        }
        await event(client, 'connect');
        assert.deepEqual(errors, ERRNOS);
        for (const code of ERRNOS) assert.equal(client.stats().refusals[code], 1, code);
      } finally {
        client.close();
        server.close();
      }
    });
  }
});

test('ipc.stats: what was sent while there was no connection, and clients that are gone', async () => {
  const address = path.join(folder, 'gone');
  const sockets: net.Socket[] = [];
  const server = await rawServer(address, (socket) => void sockets.push(socket.resume()));
  const ipc = makeIpc({ retry: 60_000 });
  const client = connect(ipc, address);
  await event(client, 'connect');
  assert.equal(client.emit('message', 1), true);
  await until('the message to leave', () => client.stats().sentBytes > 0);
  await until('the server to accept', () => sockets.length > 0);
  const gone = event(client, 'disconnect');
  sockets[0]?.destroy();
  await gone;
  for (let count = 0; count < 3; count++) assert.equal(client.emit('message', 1), false);
  ipc.disconnect('server');
  server.close();
  const { connections, connectionsTotal, sentMessages, refusals } = ipc.stats();
  assert.deepEqual([connections, connectionsTotal, sentMessages], [0, 1, 1]);
  assert.equal(refusals['ERR_RINGWIRE_NOT_CONNECTED'], 3);
});
