/**
 * The README of node-ipc, sentence by sentence: the variables of `ipc.config`, their defaults and what they do.
 *
 * Where README and original disagree, COMPAT.md says who wins; those rows are ringwire's alone, or planted. What
 * maxRetries and stopRetrying promise stands in register-2 (B12). Invariant: each variable is seen to take effect.
 */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import net from 'node:net';
import { hostname } from 'node:os';
import { frame } from './support/raw.ts';
import { worldOf } from './support/stage.ts';
import type { Peer } from './support/subjects.ts';
import { both, ours } from './support/suites.ts';
import { next, pause, record } from './support/waiting.ts';

const NO_INTERFACE = { localAddress: false, localPort: false, family: false, hints: false, lookup: false };

both('the defaults', async (stage) => {
  const { config } = new stage.subject.default.IPC();
  const expected = {
    appspace: 'app.',
    socketRoot: '/tmp/',
    id: hostname(),
    networkHost: '127.0.0.1', // README: "localhost, should resolve to 127.0.0.1 or ::1"
    networkPort: 8000,
    readableAll: false,
    writableAll: false,
    encoding: 'utf8',
    rawBuffer: false,
    delimiter: '\f',
    sync: false,
    silent: false,
    logInColor: true,
    logDepth: 5,
    maxConnections: 100,
    retry: 500,
    stopRetrying: false,
    unlink: true,
    tls: false,
    interface: NO_INTERFACE,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(config[name as keyof typeof expected], value, name);
  }
  assert.equal(typeof config.logger, 'function');
  assert.ok('IPType' in config);
  assert.ok(config.maxRetries === false || config.maxRetries === Infinity);
});

ours('interfaces, as the README calls it, has the same defaults', async (stage) => {
  const { config } = new stage.subject.default.IPC();
  assert.deepEqual({ ...config.interfaces }, NO_INTERFACE);
});

both('socketRoot, appspace and id form the path of a server and of a client', async (stage) => {
  const config = { socketRoot: `${stage.folder}/r-`, appspace: 'space.', id: 'me' };
  const ipc = stage.make(config);
  ipc.serve();
  await stage.start(ipc.server);
  assert.ok(statSync(`${stage.folder}/r-space.me`).isSocket());
  const other = stage.make({ ...config, id: 'you' });
  other.connectTo('me');
  assert.equal(other.of['me']?.path, `${stage.folder}/r-space.me`);
  await next(other.of['me'], 'connect');
});

both('networkHost and networkPort are the defaults of TCP sockets', async (stage) => {
  const { address } = await stage.serveNet();
  assert.ok('port' in address);
  const ipc = stage.make({ networkHost: address.host, networkPort: address.port });
  ipc.connectToNet('world');
  await next(worldOf(ipc), 'connect');
  assert.equal(worldOf(ipc).socket.remotePort, address.port);
});

if (process.platform !== 'win32') {
  both('readableAll and writableAll open the socket to all users', async (stage) => {
    const modes: number[] = [];
    for (const config of [
      {},
      { readableAll: true },
      { writableAll: true },
      { readableAll: true, writableAll: true },
    ]) {
      const { address } = await stage.serve(config);
      assert.ok('path' in address);
      modes.push(statSync(address.path).mode & 0o777);
    }
    const [none, readable, writable, all] = modes as [number, number, number, number];
    assert.equal(none & 0o022, 0o022 & ~process.umask());
    assert.equal(readable & 0o444, 0o444);
    assert.equal(writable & 0o222, 0o222);
    assert.equal(all & 0o666, 0o666);
  });
}

both('delimiter ends each data packet', async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address, { delimiter: '\n' });
  const peer = await stage.accept(raw);
  client.emit('a', 1);
  client.emit('b', 2);
  const text = frame('a', 1, '\n') + frame('b', 2, '\n');
  assert.equal((await peer.untilBytes(text.length)).toString(), text);
  const seen = record(client, 'x', 'y');
  peer.write(frame('x', 1, '\n') + frame('y', '\f', '\n'));
  await seen.count('y');
  assert.deepEqual(seen.names(), ['x', 'y']);
});

both('sync: a client sends no new request until the server answers', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const { client } = await stage.connect(address, { sync: true });
  for (let i = 1; i <= 4; i++) client.emit('m', i);
  for (let i = 1; i <= 4; i++) {
    await seen.count('m', i);
    await pause(15); // no more than one may come
    assert.deepEqual(seen.values('m').length, i);
    server.emit(seen.of('m').at(-1)?.args[1], 'answer', i);
  }
  assert.deepEqual(seen.values('m'), [1, 2, 3, 4]);
});

both('sync: any message is an answer, a part of one is none', async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address, { sync: true });
  const peer = await stage.accept(raw);
  for (const name of ['a', 'b']) client.emit(name, 1);
  const [first, second] = [frame('a', 1), frame('b', 1)];
  await peer.untilBytes(first.length);
  await peer.push('{"type":"news",');
  await pause(20);
  assert.equal(peer.received.toString(), first);
  peer.write('"data":1}\f');
  assert.equal((await peer.untilBytes(first.length + second.length)).toString(), first + second);
});

both('without sync it sends at once', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const { client } = await stage.connect(address);
  for (let i = 1; i <= 4; i++) client.emit('m', i);
  await seen.count('m', 4);
});

both('silent is false by default: lifecycle is logged to logger, one string at a time', async (stage) => {
  for (const silent of [false, true]) {
    const lines: unknown[][] = [];
    const logging = { silent, logger: (...args: unknown[]) => void lines.push(args) };
    const { address } = await stage.serve(logging);
    const { ipc } = await stage.connect(address, logging);
    ipc.config.silent = true;
    assert.equal(lines.length > 0, !silent);
    for (const args of lines)
      assert.deepEqual(
        args.map((each) => typeof each),
        ['string'],
      );
  }
});

both('maxConnections is the most that a socket takes', async (stage) => {
  for (const serving of [
    await stage.serve({ maxConnections: 2 }),
    await stage.serveNet({ maxConnections: 2 }),
  ]) {
    const { server, address } = serving;
    const seen = record(server, 'connect', 'm');
    const first = await stage.rawPeer(address);
    await stage.rawPeer(address);
    await seen.count('connect', 2);
    const excess = await stage.rawPeer(address);
    await excess.untilClosed('the connection too many to be closed');
    first.write(frame('m', 1));
    await seen.count('m');
    assert.equal(server.sockets.length, 2);
    assert.equal(seen.of('connect').length, 2);
  }
});

both(
  'retry is the time in milliseconds before the next attempt, and may be changed at any time',
  async (stage) => {
    const { ipc, client } = stage.dial({ path: stage.path() }, { retry: 80 });
    const seen = record(client, 'error');
    const times: number[] = [];
    client.on('error', () => times.push(performance.now()));
    await seen.count('error', 3);
    ipc.config.retry = 5;
    await seen.count('error', 8);
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    for (const gap of gaps.slice(0, 2)) assert.ok(gap > 70, `${gap} ms`);
    assert.ok((gaps.at(-1) as number) < 70, gaps.join());
  },
);

both('unlink false leaves the socket file to you', async (stage) => {
  const { address } = await stage.serve();
  assert.ok('path' in address);
  const ipc = stage.make({ unlink: false });
  ipc.serve(address.path);
  const failed = next(ipc.server, 'error');
  ipc.server.start();
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'EADDRINUSE');
});

// elsewhere there is one loopback address alone
const onLinux = process.platform === 'linux';
if (onLinux)
  both('interface: the address that a client connects from', async (stage) => {
    const { server, address } = await stage.serveNet();
    const ipc = stage.make();
    assert.ok('port' in address);
    ipc.config.interface.localAddress = '127.0.0.2';
    const connected = next(server, 'connect');
    ipc.connectToNet('world', address.host, address.port);
    const [socket] = (await connected) as [Peer];
    assert.equal(socket.remoteAddress, '127.0.0.2');
  });

both('interface: family, hints and lookup reach the look-up', async (stage) => {
  const { address } = await stage.serveNet();
  assert.ok('port' in address);
  const asked: unknown[] = [];
  const lookup: net.LookupFunction = (host, options, callback) => {
    asked.push([host, options.family, options.hints]);
    callback(null, '127.0.0.1', 4); // a family was asked for, so one address will do
  };
  const ipc = stage.make();
  Object.assign(ipc.config.interface, { lookup, family: 4, hints: 0x20 });
  ipc.connectToNet('world', 'made-up.invalid', address.port);
  await next(worldOf(ipc), 'connect');
  assert.deepEqual(asked, [['made-up.invalid', 4, 0x20]]);
});

if (onLinux) {
  ours('interfaces: the same, and it wins', async (stage) => {
    const { server, address } = await stage.serveNet();
    const ipc = stage.make();
    assert.ok('port' in address);
    ipc.config.interface.localAddress = '127.0.0.2';
    ipc.config.interfaces.localAddress = '127.0.0.3';
    const connected = next(server, 'connect');
    ipc.connectToNet('world', address.host, address.port);
    const [socket] = (await connected) as [Peer];
    assert.equal(socket.remoteAddress, '127.0.0.3');
  });
}
