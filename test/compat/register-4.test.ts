/**
 * The bug register, B21 to B30: stopping, names and ports that are taken for something else, handlers that throw, what a
 * log gives away, pipe names, folders that are not ours, second servers, timers. (B23 here is about streams alone.)
 *
 * Whatever would end or change this process plays in one of its own. Invariant: as in register-3.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from '../support/certificates.ts';
import { Child, programPath } from './support/children.ts';
import { frame, freePort } from './support/raw.ts';
import { worldOf, type Stage } from './support/stage.ts';
import { both, fixed, ours, type Check } from './support/suites.ts';
import { next, record } from './support/waiting.ts';

fixed('B21: stop ends the connections too', /in vain/, async (stage) => {
  const { server, address } = await stage.serve();
  const { client } = await stage.connect(address, { maxRetries: 0 });
  const peer = await stage.rawPeer(address);
  const seen = record(client, 'disconnect', 'destroy');
  server.stop();
  await seen.count('disconnect');
  await peer.untilClosed();
  server.broadcast('m', 1); // to nobody
});

fixed('B22: every string may be the id of a client', /TypeError/, async (stage) => {
  const { server, address } = await stage.serve();
  assert.ok('path' in address);
  const ipc = stage.make();
  for (const id of ['toString', 'constructor', 'hasOwnProperty', '__proto__', 'valueOf']) {
    let called = 0;
    ipc.connectTo(id, address.path, () => called++);
    assert.equal(called, 1);
    const client = ipc.of[id];
    assert.ok(client !== undefined && client.id === id);
    assert.ok(Object.keys(ipc.of).includes(id));
    await next(client, 'connect');
    const arrived = next(server, 'm');
    client.emit('m', id);
    assert.equal((await arrived)[0], id);
    ipc.disconnect(id);
    assert.ok(!Object.hasOwn(ipc.of, id));
  }
});

fixed('B22: nothing is in ipc.of but what was put there', /AssertionError/, async (stage) => {
  const ipc = stage.make();
  for (const id of ['toString', '__proto__']) {
    assert.ok(!(id in ipc.of), id);
    ipc.disconnect(id);
  }
});

fixed('B23: a port may come as a string of digits', /AssertionError/, async (stage) => {
  const port = await freePort();
  for (const args of [['127.0.0.1', String(port)], [String(port)]]) {
    const ipc = stage.make({ networkHost: '127.0.0.1', networkPort: await freePort() });
    let called = 0;
    ipc.serveNet(...args, () => called++);
    assert.equal(Number(ipc.server.port), port);
    await stage.start(ipc.server);
    assert.equal(called, 1);
    ipc.connectToNet('world', ...args, () => called++);
    assert.equal(called, 2);
    const client = worldOf(ipc);
    assert.deepEqual([client.path, Number(client.port)], ['127.0.0.1', port]);
    await next(client, 'connect');
    ipc.disconnect('world');
    const closed = new Promise((resolve) => ipc.server.server.on('close', resolve));
    ipc.server.stop();
    for (const socket of ipc.server.sockets) socket.destroy();
    await closed;
  }
});

fixed(
  'B23: a stray string is a TypeError, not a member of the server',
  /AssertionError|ReferenceError/,
  async (stage) => {
    const ipc = stage.make();
    assert.throws(() => ipc.connectToNet('world', '127.0.0.1', 1, 'udp4x'), TypeError);
    assert.throws(() => ipc.serveNet('127.0.0.1', 'start', neverCalled), TypeError);
    assert.throws(() => ipc.serveNet('127.0.0.1', 8000, 'udp5', neverCalled), TypeError);
    assert.equal(ipc.server, false);
    assert.deepEqual(Object.keys(ipc.of), []);
  },
);

fixed('B24: a handler that throws loses no other message', /in vain|the child ended/, async (stage) => {
  const path = stage.path();
  const child = new Child(programPath('scenes'), ['throwing', stage.name, path]);
  stage.defer(() => child.kill());
  await child.count('start');
  const peer = await stage.rawPeer({ path });
  peer.write(frame('m', 'one') + frame('m', 'bad') + frame('m', 'two') + frame('m', 'three'));
  await child.count('m', 4);
  await child.count('thrown');
  peer.write(frame('m', 'four'));
  await child.count('m', 5);
  const got = child.told.values('m').map((line) => (line as { data: string }).data);
  assert.deepEqual(got, ['one', 'bad', 'two', 'three', 'four']);
  const thrown = child.told.values('thrown') as { message: string }[];
  assert.deepEqual(
    thrown.map((line) => line.message),
    ['from the handler'],
  );
});

function neverCalled(): void {
  assert.fail('called');
}

/** Everything that is logged while a message goes to a TLS server and back. */
async function logOf(stage: Stage, logPayloads?: boolean): Promise<string> {
  const made = await makeCertificates(stage.folder);
  const lines: string[] = [];
  const logging = {
    silent: false,
    logger: (line: string) => void lines.push(line),
    logInColor: false,
    ...(logPayloads === undefined ? {} : { logPayloads }),
  };
  const key = readFileSync(made.server.key, 'utf8');
  const serverTls = { private: made.server.key, public: made.server.cert, key, passphrase: 'opensesame' };
  const { server, address } = await stage.serveNet({ ...logging, tls: serverTls });
  const tls = { trustedConnections: made.ca, private: made.client.key, public: made.client.cert };
  const { client } = stage.dial(address, { ...logging, tls });
  const arrived = next(server, 'login');
  client.on('connect', () => client.emit('login', { password: 'hunter2' }));
  await arrived;
  const answered = next(client, 'answer');
  server.broadcast('answer', 'swordfish');
  await answered;
  assert.ok(lines.length > 0, 'nothing was logged');
  return lines.join('\n');
}

fixed('B25: neither keys nor payloads are logged', /AssertionError/, async (stage) => {
  const log = await logOf(stage);
  for (const secret of ['hunter2', 'swordfish', 'opensesame', 'PRIVATE KEY', '<Buffer']) {
    assert.ok(!log.includes(secret), `${secret} was logged`);
  }
});

ours('B25: logPayloads brings the payloads back, and only them', async (stage) => {
  const log = await logOf(stage, true);
  assert.ok(log.includes('hunter2') && log.includes('swordfish'));
  assert.ok(!log.includes('PRIVATE KEY') && !log.includes('opensesame'));
});

const PIPE = '\\\\.\\pipe\\ringwire-compat';

async function playPipe(stage: Stage, path: string): Promise<Child> {
  const child = new Child(programPath('scenes'), ['pipe', stage.name, path], stage.folder);
  stage.defer(() => child.kill());
  await child.count('start');
  await child.count('connect');
  return child;
}

// What the functions that name pipes do can be seen on any system that takes the name for a file's.
const onWindows = process.platform === 'win32';
const overPipe = (title: string, reason: RegExp, check: Check): void =>
  onWindows ? ours(title, check) : fixed(title, reason, check);

overPipe('B26: a pipe name is left as it is by both sides', /the child ended|in vain/, async (stage) => {
  await playPipe(stage, PIPE);
});

if (!onWindows) {
  both('B26: a path becomes a pipe name on Windows', async (stage) => {
    await playPipe(stage, '/tmp/app.world');
  });
}

both('B27: the folder of the sockets keeps its mode', async (stage) => {
  for (const mode of [0o755, 0o777, 0o1777]) {
    const folder = join(stage.folder, mode.toString(8));
    mkdirSync(folder);
    chmodSync(folder, mode);
    const ipc = stage.make({ socketRoot: `${folder}/` });
    ipc.serve();
    await stage.start(ipc.server);
    assert.equal(statSync(folder).mode & 0o7777, mode);
  }
});

both('B28: a second serve replaces ipc.server, the first goes on', async (stage) => {
  const { ipc, server, address } = await stage.serve();
  ipc.serve(stage.path());
  assert.notEqual(ipc.server, server);
  await stage.start(ipc.server);
  const arrived = next(server, 'm');
  const { client } = await stage.connect(address);
  client.emit('m', 1);
  await arrived;
});

fixed('B28: and a line in the log says so', /AssertionError/, async (stage) => {
  const { ipc } = await stage.serve();
  const lines: string[] = [];
  Object.assign(ipc.config, { silent: false, logger: (line: string) => void lines.push(line) });
  ipc.serve(stage.path());
  assert.match(lines.join('\n'), /server/i);
});

fixed('B29: emitting on a client that never connected throws nothing', /TypeError/, async (stage) => {
  const { ipc, client } = stage.dial({ path: stage.path() });
  const lone = new client.Client(ipc.config, () => {});
  lone.id = 'lone';
  lone.emit('m', 1);
});

both('B29: emitting while the server is not there throws nothing', async (stage) => {
  const { client } = stage.dial({ path: stage.path() });
  client.emit('m', 1);
  await next(client, 'disconnect');
  client.emit('m', 2);
});

both('B30: the wait for the next attempt keeps the process alive', async (stage) => {
  const child = new Child(programPath('scenes'), ['retrying', stage.name, stage.path()]);
  stage.defer(() => child.kill());
  assert.equal(await child.exit(), 0);
  assert.deepEqual(child.told.names(), ['error', 'error', 'error', 'destroy', 'ended']);
});
