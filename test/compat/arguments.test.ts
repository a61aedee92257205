/**
 * In which orders the arguments of connectTo, connectToNet, serve and serveNet may come, what may be left out, and what
 * happens before the method returns. Ports as strings and stray words are B23 (register-4).
 *
 * It sends nothing. Invariant: of each row path, port and callback are asserted.
 */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { freePort } from './support/raw.ts';
import { worldOf } from './support/stage.ts';
import type { Ipc } from './support/subjects.ts';
import { both } from './support/suites.ts';
import { next } from './support/waiting.ts';

interface NetRow {
  readonly args: readonly unknown[];
  readonly host?: string;
  readonly port?: number;
}

// `F` stands for the callback.
const F = Symbol('callback');
// macOS gives no second loopback address
const OTHER_HOST = process.platform === 'darwin' ? 'localhost' : '127.0.0.2';

function label(row: NetRow): string {
  return `(${row.args.map(String).join()})`;
}

function neverCalled(): void {
  assert.fail('called');
}

function withCallback(args: readonly unknown[], callback: (...args: unknown[]) => void): unknown[] {
  return args.map((argument) => (argument === F ? callback : argument));
}

both(
  'connectTo: undefined is returned, of[id] stands, then the callback gets ipc, then events come',
  async (stage) => {
    const ipc = stage.make();
    for (const args of [
      ['a'],
      ['b', F],
      ['c', `${stage.folder}/p`],
      ['d', `${stage.folder}/q`, F],
      ['e', '', F],
    ]) {
      const id = args[0] as string;
      const called: unknown[][] = [];
      const order: string[] = [];
      const given = withCallback(args, (...got) => {
        called.push(got);
        order.push('callback');
        assert.equal(ipc.of[id]?.id, id);
        ipc.of[id]?.on('error', () => order.push('error'));
      });
      assert.equal(ipc.connectTo(...given), undefined);
      const client = ipc.of[id];
      const path = typeof args[1] === 'string' && args[1] !== '' ? args[1] : `${stage.folder}/app.${id}`;
      assert.equal(client?.path, path);
      assert.deepEqual(called, args.includes(F) ? [[ipc]] : []);
      await next(client, 'disconnect');
      if (args.includes(F)) assert.deepEqual(order.slice(0, 2), ['callback', 'error']);
      ipc.disconnect(id);
    }
  },
);

both('connectTo without an id returns and calls nothing', async (stage) => {
  const ipc = stage.make();
  assert.equal(ipc.connectTo(undefined, neverCalled), undefined);
  assert.equal(ipc.connectTo('', '/nowhere', neverCalled), undefined);
  assert.equal(ipc.connectToNet(undefined, neverCalled), undefined);
  assert.deepEqual(Object.keys(ipc.of), []);
});

both('connecting twice keeps the client and calls back without arguments', async (stage) => {
  const { address } = await stage.serve();
  assert.ok('path' in address);
  const ipc = stage.make();
  const calls: unknown[][] = [];
  const callback = (...args: unknown[]): void => void calls.push(args);
  ipc.connectTo('world', address.path, callback);
  const first = worldOf(ipc);
  ipc.connectTo('world', address.path, callback); // while it is connecting
  await next(first, 'connect');
  ipc.connectTo('world', address.path, callback); // while it is connected
  ipc.connectToNet('world', callback);
  assert.equal(worldOf(ipc), first);
  assert.deepEqual(calls, [[ipc], [], [], []]);
});

both('connectToNet: arguments may be left out as long as they are in order', async (stage) => {
  const networkPort = await freePort();
  const ipc = stage.make({ networkPort, networkHost: '127.0.0.3' });
  const port = await freePort();
  const rows: NetRow[] = [
    { args: [] },
    { args: [F] },
    { args: [port], port },
    { args: [port, F], port },
    { args: [OTHER_HOST], host: OTHER_HOST },
    { args: [OTHER_HOST, F], host: OTHER_HOST },
    { args: [OTHER_HOST, port], host: OTHER_HOST, port },
    { args: [OTHER_HOST, port, F], host: OTHER_HOST, port },
    { args: [undefined, port, F], port },
    { args: [null, null, F] },
  ];
  for (const row of rows) {
    const calls: unknown[][] = [];
    const args = withCallback(row.args, (...got) => void calls.push(got));
    assert.equal(ipc.connectToNet('world', ...args), undefined);
    const { path, port: got } = worldOf(ipc);
    assert.deepEqual([path, got], [row.host ?? '127.0.0.3', row.port ?? networkPort], label(row));
    assert.deepEqual(calls, row.args.includes(F) ? [[ipc]] : []);
    ipc.disconnect('world');
  }
});

both('serve: a path, a callback, both, or neither; it does not listen yet', async (stage) => {
  const path = stage.path();
  for (const args of [[], [F], [path], [path, F], [undefined, F], ['', F]]) {
    const ipc = stage.make();
    const events: string[] = [];
    assert.equal(ipc.serve(...withCallback(args, () => events.push('callback'))), undefined);
    assert.equal(ipc.server.path, args[0] === path ? path : `${stage.folder}/app.${ipc.config.id}`);
    assert.equal(ipc.server.server, false);
    ipc.server.on('start', () => events.push('start'));
    await stage.start(ipc.server);
    assert.deepEqual(events, args.includes(F) ? ['callback', 'start'] : ['start']);
    ipc.server.stop();
  }
});

both('serveNet: arguments may be left out as long as they are in order', async (stage) => {
  const networkPort = await freePort();
  const port = await freePort();
  const rows: NetRow[] = [
    { args: [] },
    { args: [F] },
    { args: [port], port },
    { args: [port, F], port },
    { args: [OTHER_HOST], host: OTHER_HOST },
    { args: [OTHER_HOST, F], host: OTHER_HOST },
    { args: [OTHER_HOST, port], host: OTHER_HOST, port },
    { args: [OTHER_HOST, port, F], host: OTHER_HOST, port },
    { args: [null, port], port },
    { args: [undefined, undefined, undefined, F] },
    { args: [OTHER_HOST, null, F], host: OTHER_HOST },
    { args: [port, undefined, F], port },
  ];
  for (const row of rows) {
    const ipc: Ipc = stage.make({ networkPort });
    let calls = 0;
    assert.equal(ipc.serveNet(...withCallback(row.args, () => void calls++)), undefined);
    const where = [row.host ?? '127.0.0.1', row.port ?? networkPort];
    assert.deepEqual([ipc.server.path, ipc.server.port], where, label(row));
    await stage.start(ipc.server);
    assert.equal(calls, row.args.includes(F) ? 1 : 0, label(row));
    const bound = ipc.server.server.address() as net.AddressInfo;
    assert.equal(bound.port, where[1], label(row));
    if (where[0] !== 'localhost') assert.equal(bound.address, where[0], label(row));
    const closed = new Promise((resolve) => ipc.server.server.on('close', resolve));
    ipc.server.stop();
    await closed;
  }
});
