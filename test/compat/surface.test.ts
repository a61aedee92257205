/**
 * The outside of the package: what import and require yield, which members exist, in which orders arguments may come.
 *
 * It sends nothing but what is needed to see that an argument took effect.
 * Invariant: each row of an argument table is asserted, path, port and callback.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import net from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Child, packageRoot } from './support/children.ts';
import { Stage } from './support/stage.ts';
import { ORACLE_PACKAGE, type SubjectName } from './support/subjects.ts';
import { both, ours, register } from './support/suites.ts';
import { next, record } from './support/waiting.ts';

const METHODS = ['connectTo', 'connectToNet', 'disconnect', 'serve', 'serveNet', 'log'] as const;

both('import: the default is an instance of IPCModule, ipc.IPC makes isolated instances', async (stage) => {
  const { default: ipc, IPCModule } = stage.subject;
  assert.ok(ipc instanceof IPCModule);
  assert.equal(typeof ipc.IPC, 'function');
  for (const make of [ipc.IPC, IPCModule]) {
    const one = new make();
    const two = new make();
    for (const member of ['config', 'of'] as const) assert.notEqual(one[member], two[member]);
    assert.notEqual(one.config, ipc.config);
    one.config.id = 'changed';
    assert.equal(two.config.id, hostname());
    assert.equal(one.server, false);
    assert.deepEqual(Object.keys(one.of), []);
  }
});

ours('import: IPC is exported by name too', async (stage) => {
  assert.equal(stage.subject.IPC, stage.subject.default.IPC);
});

both('the methods exist and cannot be overwritten; trying is no error', async (stage) => {
  const ipc = stage.make();
  for (const method of METHODS) {
    const before = ipc[method];
    assert.equal(typeof before, 'function');
    ipc[method] = () => 'overwritten';
    assert.equal(ipc[method], before);
  }
});

async function requireShapes(name: SubjectName): Promise<Record<string, string>> {
  const stage = await Stage.open(name);
  try {
    const target =
      name === 'oracle'
        ? createRequire(import.meta.url).resolve(ORACLE_PACKAGE)
        : join(packageRoot(), 'dist', 'index.js');
    const file = join(stage.folder, 'shapes.cjs');
    await writeFile(
      file,
      `const all = require(${JSON.stringify(target)});
      const { IPC, IPCModule } = all;
      const of = (read) => { try { return typeof read(); } catch (error) { return error.name; } };
      console.log(JSON.stringify({ event: 'shapes',
        serve: of(() => all.serve), defaultServe: of(() => all.default.serve), IPC: of(() => IPC),
        IPCModule: of(() => new IPCModule().serve), newIPC: of(() => new all.IPC().connectTo),
        newDefaultIPC: of(() => new all.default.IPC().connectTo), config: of(() => all.config),
        same: String(all.default === all || all.serve === all.default.serve) }));`,
    );
    const child = new Child(file);
    await child.count('shapes');
    assert.equal(await child.exit(), 0);
    return child.told.values('shapes')[0] as Record<string, string>;
  } finally {
    await stage.close();
  }
}

register('require: .default and .IPCModule [oracle]', async () => {
  const { defaultServe, IPCModule, newDefaultIPC } = await requireShapes('oracle');
  assert.deepEqual([defaultServe, IPCModule, newDefaultIPC], ['function', 'function', 'function']);
});

register('require: every shape that programs use [ringwire]', async () => {
  const { event: _, config, same, ...shapes } = await requireShapes('ringwire');
  assert.deepEqual(new Set(Object.values(shapes)), new Set(['function']), JSON.stringify(shapes));
  assert.equal(Object.keys(shapes).length, 6);
  assert.equal(config, 'object');
  assert.equal(same, 'true');
});

both('a server without a path refuses to start', async (stage) => {
  const ipc = stage.make();
  ipc.serve(stage.path());
  const events = record(ipc.server, 'start', 'error');
  ipc.server.path = '';
  ipc.server.start();
  assert.equal(ipc.server.server, false);
  assert.deepEqual(events.names(), []);
});

both('what programs reach into: the members of a client', async (stage) => {
  const { address } = await stage.serve();
  const { ipc, client } = await stage.connect(address);
  const members =
    'Client queue socket connect emit retriesRemaining explicitlyDisconnected config log publish id path port';
  for (const member of members.split(' ')) {
    if (member !== 'port') assert.ok(member in client, member); // the original sets a port on network clients only
  }
  for (const method of [
    'on',
    'once',
    'off',
    'emit',
    'reset',
    'publish',
    'log',
    'connect',
    'Client',
  ] as const) {
    assert.equal(typeof client[method], 'function', method);
  }
  assert.equal(typeof client.queue.add, 'function');
  assert.equal(typeof client.queue.next, 'function');
  assert.equal(client.config, ipc.config);
  assert.equal(client.explicitlyDisconnected, false);
  assert.ok(client.socket instanceof net.Socket);
  assert.equal(client.socket.destroyed, false);
  const again = next(client, 'connect');
  client.socket.destroy(); // as programs do to force a reconnect
  await next(client, 'disconnect');
  await again;
  const local = record(client, 'local');
  client.publish('local', 1, 2);
  assert.deepEqual(local.entries, [{ name: 'local', args: [1, 2] }]);
});

both('what programs reach into: the members of a server', async (stage) => {
  const { ipc, server, address } = await stage.serveNet();
  assert.ok('port' in address);
  const members = 'udp4 udp6 server sockets emit broadcast config path port log publish onStart stop start';
  for (const member of members.split(' ')) assert.ok(member in server, member);
  for (const method of [
    'on',
    'once',
    'off',
    'emit',
    'reset',
    'broadcast',
    'onStart',
    'stop',
    'start',
  ] as const) {
    assert.equal(typeof server[method], 'function', method);
  }
  assert.equal(server.config, ipc.config);
  assert.deepEqual([server.udp4, server.udp6], [false, false]);
  assert.equal((server.server.address() as net.AddressInfo).port, address.port);
  assert.equal(server.sockets.length, 0);
  const arrived = next(server, 'connect');
  await stage.connect(address);
  const [socket] = await arrived;
  assert.deepEqual(server.sockets, [socket]);
  const starts = record(server, 'start');
  server.onStart('again');
  assert.deepEqual(starts.entries, [{ name: 'start', args: ['again'] }]);
});
