/**
 * The README of node-ipc: its examples of several instances, of a basic server and client, and of cluster, played as they
 * are printed there but for paths of our own.
 *
 * UDP is tested elsewhere. Invariant: workers are processes, as they are for users.
 */
import assert from 'node:assert/strict';
import { Child, programPath } from './support/children.ts';
import { frame } from './support/raw.ts';
import { worldOf } from './support/stage.ts';
import type { Peer } from './support/subjects.ts';
import { both, ours } from './support/suites.ts';
import { next, record, within } from './support/waiting.ts';

both('several instances: independent configuration, one raw and one JSON, side by side', async (stage) => {
  const RawIPC = stage.subject.default.IPC;
  const [ipc, someOtherExplicitIPC] = [new RawIPC(), new RawIPC()];
  ipc.config.silent = true;
  someOtherExplicitIPC.config.silent = true;
  ipc.config.rawBuffer = false;
  someOtherExplicitIPC.config.rawBuffer = true;
  someOtherExplicitIPC.config.encoding = 'hex';
  const paths = [stage.path(), stage.path()];
  const arrivals: Promise<unknown[]>[] = [];
  for (const [at, each] of [ipc, someOtherExplicitIPC].entries()) {
    stage.defer(() => each.disconnect('world'));
    each.serve(paths[at]);
    each.server.on('connect', (socket: Peer) =>
      each === ipc ? each.server.emit(socket, 'm', 'json') : each.server.emit(socket, 'cafe'),
    );
    await stage.start(each.server);
    each.connectTo('world', paths[at]);
    arrivals.push(next(worldOf(each), each === ipc ? 'm' : 'data'));
  }
  const [json, raw] = await Promise.all(arrivals);
  assert.deepEqual(json, ['json']);
  assert.deepEqual(raw, [Buffer.from('cafe', 'hex')]);
});

both('the basic example: server and client', async (stage) => {
  const done: string[] = [];
  const server = stage.make({ id: 'world', retry: 1500 });
  server.serve(() => {
    server.server.on('message', (data: string, socket: Peer) => {
      server.log('got a message : ', data);
      server.server.emit(socket, 'message', `${data} world!`);
    });
    server.server.on('socket.disconnected', (_: Peer, destroyedSocketID: unknown) => {
      done.push(`client ${String(destroyedSocketID)} has disconnected!`);
    });
  });
  server.server.start();
  stage.defer(() => server.server.stop());
  await next(server.server, 'start');

  const client = stage.make({ id: 'hello', retry: 1500 });
  const finished = new Promise<void>((resolve) => {
    client.connectTo('world', () => {
      const world = worldOf(client);
      world.on('connect', () => world.emit('message', 'hello'));
      world.on('disconnect', () => {
        done.push('disconnected from world');
        resolve();
      });
      world.on('message', (data: string) => {
        done.push(data);
        client.disconnect('world');
      });
    });
  });
  const left = next(server.server, 'socket.disconnected');
  await within('the example to end', finished);
  await left;
  const expected = ['client false has disconnected!', 'disconnected from world', 'hello world!'];
  assert.deepEqual(done.toSorted(), expected);
});

both('cluster: with unlink false, all workers serve one socket', async (stage) => {
  const path = stage.path();
  const child = new Child(programPath('cluster'), [stage.name, path, '2']);
  stage.defer(async () => {
    child.close();
    await child.exit();
  });
  await child.count('listening', 2);
  for (let i = 0; i < 6; i++) {
    const ipc = stage.make();
    const left = new Promise((resolve) => {
      ipc.connectTo('world', path, () => {
        const world = worldOf(ipc);
        world.on('destroy', resolve);
        world.on('connect', () => {
          world.emit('currentDate', { message: i });
          ipc.disconnect('world'); // at once, as in the README
        });
      });
    });
    await within('the client to be gone', left);
  }
  await child.count('currentDate', 6);
  const lines = child.told.values('currentDate') as { pid: number; data: { message: number } }[];
  assert.deepEqual(
    lines.map((line) => line.data.message).toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5],
  );
  assert.equal(new Set(lines.map((line) => line.pid)).size, 2);
});

ours('one server serves JSON peers by hand and clients of the package alike', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const peer = await stage.rawPeer(address);
  peer.write(frame('m', 1));
  await seen.count('m');
  const { client } = await stage.connect(address);
  client.emit('m', 2);
  await seen.count('m', 2);
});
