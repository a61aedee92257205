/**
 * The README of node-ipc, sentence by sentence: methods and events. What it says of `ipc.config` is in
 * readme-config.test.ts, of raw sockets in readme-raw.test.ts; its longer examples are in readme-examples.test.ts.
 *
 * UDP is tested elsewhere. Invariant: arguments are the README's, with paths and ports of our own.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { freePort } from './support/raw.ts';
import { worldOf } from './support/stage.ts';
import type { Ipc } from './support/subjects.ts';
import { both } from './support/suites.ts';
import { next, record } from './support/waiting.ts';

function capture(ipc: Ipc): string[] {
  const lines: string[] = [];
  Object.assign(ipc.config, { silent: false, logger: (...line: string[]) => void lines.push(...line) });
  return lines;
}

const shownAsSource = () => 'x';

both('log: any number of arguments, joined by single spaces, in one string', async (stage) => {
  const ipc = stage.make();
  const lines = capture(ipc);
  ipc.log('a', 'b', 1, true, undefined, null, 'c');
  ipc.log('one');
  ipc.config.logInColor = false;
  ipc.log('a', { b: [1, { c: null }] }, null, [1]);
  ipc.log(shownAsSource);
  const coloured = inspect(null, { colors: true });
  const expected = [
    `a b 1 true  ${coloured} c`,
    'one',
    'a { b: [ 1, { c: null } ] } null [ 1 ]',
    String(shownAsSource),
  ];
  assert.deepEqual(lines, expected);
});

both('log: silent turns it off, at once', async (stage) => {
  const ipc = stage.make();
  const lines = capture(ipc);
  ipc.config.silent = true;
  ipc.log('a');
  ipc.config.silent = false;
  ipc.log('b');
  assert.deepEqual(lines, ['b']);
});

both('log: logInColor, logDepth and logger are in ipc.config', async (stage) => {
  const ipc = stage.make();
  const lines = capture(ipc);
  const deep = { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } };
  for (const colors of [true, false]) {
    for (const depth of [5, 0, 2]) {
      Object.assign(ipc.config, { logInColor: colors, logDepth: depth });
      ipc.log(deep);
      assert.equal(lines.pop(), inspect(deep, { colors, depth }));
    }
  }
});

both(
  'connectTo: the socket is added to ipc.of; the callback runs when it has been created',
  async (stage) => {
    const { ipc: server } = await stage.serve();
    server.server.stop();
    const world = stage.make({ id: 'world' });
    world.serve();
    await stage.start(world.server);
    const ipc = stage.make();
    const path = `${stage.folder}/app.world`; // the default
    const examples: unknown[][] = [
      ['world'],
      ['world', () => {}],
      ['world', path],
      ['world', path, () => {}],
    ];
    for (const example of examples) {
      ipc.connectTo(...example);
      assert.equal(worldOf(ipc).path, path);
      await next(worldOf(ipc), 'connect');
      ipc.disconnect('world');
    }
  },
);

both('connectToNet: the same over TCP; host and port have defaults', async (stage) => {
  const { address } = await stage.serveNet();
  assert.ok('port' in address);
  const { host, port } = address;
  const ipc = stage.make({ networkHost: host, networkPort: port });
  const examples: unknown[][] = [[], [() => {}], [host, port], [port, () => {}], [host, () => {}], [port]];
  for (const example of examples) {
    ipc.connectToNet('world', ...example);
    await next(worldOf(ipc), 'connect');
    ipc.disconnect('world');
  }
});

both('disconnect: the socket and its reference are removed from ipc.of', async (stage) => {
  const { server, address } = await stage.serve();
  const { ipc, client } = await stage.connect(address);
  const gone = next(server, 'socket.disconnected');
  ipc.disconnect('world');
  assert.equal(ipc.of['world'], undefined);
  await gone;
  assert.equal(client.socket.destroyed, true);
  assert.equal(server.sockets.length, 0);
});

both(
  'serve: default path, callback, path, both; the callback runs after the server has started',
  async (stage) => {
    const path = stage.path();
    for (const names of [[], ['f'], ['path'], ['path', 'f']]) {
      const ipc = stage.make();
      const where = names.includes('path') ? path : `${stage.folder}/app.${ipc.config.id}`;
      let called = 0;
      const f = (): void => {
        assert.ok(existsSync(where));
        called++;
      };
      ipc.serve(...names.map((name) => (name === 'f' ? f : path)));
      if (!names.includes('f')) ipc.server.on('start', f); // as the README says, it is the same
      await stage.start(ipc.server);
      assert.equal(called, 1);
      await stage.connect({ path: where });
      ipc.server.stop();
    }
  },
);

both('serveNet: default, callback, port, everything', async (stage) => {
  for (const args of [[], ['f'], ['port'], ['host', 'port', 'f']]) {
    const [host, port] = ['127.0.0.1', await freePort()];
    const ipc = stage.make({ networkPort: port });
    let called = 0;
    const given = { host, port, f: () => void called++ };
    ipc.serveNet(...args.map((name) => given[name as 'host']));
    await stage.start(ipc.server);
    assert.equal(called, args.includes('f') ? 1 : 0);
    await stage.connect({ host, port });
  }
});

both('stop: the server is closed and stops serving', async (stage) => {
  const { server, address } = await stage.serve();
  server.stop();
  const { client } = stage.dial(address, { maxRetries: 0 });
  const seen = record(client, 'connect', 'destroy');
  await seen.count('destroy');
  assert.deepEqual(seen.names(), ['destroy']);
});

both('events: your event type, with your event data', async (stage) => {
  const { server, address } = await stage.serve();
  const arrived = next(server, 'myEvent');
  const peer = await stage.rawPeer(address);
  peer.write('{ "type":"myEvent","data":{"a":1}}\f');
  assert.deepEqual((await arrived)[0], { a: 1 });
});

both('events: error gets an error, disconnect and destroy follow when no retry is left', async (stage) => {
  const { client } = stage.dial({ path: stage.path() }, { maxRetries: 0 });
  const seen = record(client, 'error', 'disconnect', 'destroy');
  await seen.count('destroy');
  assert.deepEqual(seen.names(), ['error', 'disconnect', 'destroy']);
  assert.ok(seen.values('error')[0] instanceof Error);
});
