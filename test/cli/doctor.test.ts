/** `ringwire doctor` beside what goes wrong in practice: each fault is named, and what to do about it said. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { defineStruct, IPC, listen } from '../../src/index.ts';
import type { Server } from '../../src/ipc/server.ts';
import { CLI, file, folder, freeAddress, removeFolder, run, start } from './support.ts';

after(removeFolder);

interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice?: string;
}

async function lastCheck(...args: string[]): Promise<Check> {
  const { out, err, code } = await run('doctor', ...args, '--json');
  assert.equal(code, 1, out + err);
  return (JSON.parse(out) as Check[]).at(-1) as Check;
}

async function fake(context: TestContext, answer: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  const place = freeAddress();
  server.listen(place.slice('unix:'.length));
  await once(server, 'listening');
  context.after(() => server.close());
  return place;
}

test('a path that is not there, and a stale socket', async (context) => {
  assert.match((await lastCheck(freeAddress())).advice ?? '', /start the server, or compare its path/);
  const { child, done, where } = await start(context, 'listen', freeAddress());
  child.kill('SIGKILL');
  await done;
  const { found, advice } = await lastCheck(where);
  assert.match(found, /ECONNREFUSED .*: a stale socket$/);
  assert.match(advice ?? '', /its server died and left the file behind: start the server again/);
});

/** As somebody who may do less than we: as nobody where we are root. */
function asStranger(...args: string[]): { out: string; code: number | null } {
  const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const { stdout, status } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', ...identity });
  return { out: stdout, code: status };
}

const withoutRights = process.platform === 'win32' && 'pipes have no rights of files';

test(
  'rights: a folder that may not be entered, a socket that may not be written to',
  { skip: withoutRights },
  async (context) => {
    const open = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-doctor-'));
    fs.chmodSync(open, 0o755);
    const closed = path.join(open, 'closed');
    fs.mkdirSync(closed);
    context.after(() => {
      fs.chmodSync(closed, 0o700);
      fs.rmSync(open, { recursive: true, force: true });
    });
    const inside = await listen(`unix:${path.join(closed, 's')}`);
    const beside = await listen(`unix:${path.join(open, 's')}`);
    context.after(() => Promise.all([beside.close(), inside.close()]));
    fs.chmodSync(closed, 0);
    fs.chmodSync(path.join(open, 's'), 0o400);
    const first = asStranger('doctor', inside.address);
    assert.equal(first.code, 1, first.out);
    assert.ok(
      first.out.includes(`lies in ${closed}, which you may not enter\n     run as the user of the server`),
      first.out,
    );
    const second = asStranger('doctor', beside.address);
    assert.match(second.out, /FAIL the file .* with mode 400: you may not write to it\n {5}run as its user/);
  },
);

test('a peer of another version, in either role', async (context) => {
  const newer = Buffer.from([0xf5, 0x53, 2, 0, 0, 16, 0, 0]);
  const place = await fake(context, (socket) => socket.write(newer));
  const { found, advice } = await lastCheck(place, '--timeout', '30000');
  assert.match(found, /version 2/);
  assert.match(advice ?? '', /another version of the wire: update the older side/);
});

function schema(x: string): string {
  return file(`${x}.json`, { structs: { pose: { x, seq: 'u32' } } });
}

test('a schema that differs is told when it is given; one that is the same is fine', async (context) => {
  const pose = defineStruct('pose', { x: 'f32', seq: 'u32' });
  const server = await listen(freeAddress(), { protocol: { events: { pose: { codec: pose } } } });
  context.after(() => server.close());
  assert.equal((await run('doctor', server.address, '--schema', schema('f32'))).code, 0);
  const { advice } = await lastCheck(server.address, '--schema', schema('f64'));
  assert.match(advice ?? '', /the two sides define a struct differently/);
});

test('another program, a server of node-ipc alone, and one that hangs up', async (context) => {
  const other = await fake(context, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const hangsUp = await fake(context, (socket) => socket.destroy());
  const ipc = new IPC();
  Object.assign(ipc.config, { id: 'raw', silent: true, rawBuffer: true });
  const raw = path.join(folder, 'raw');
  await new Promise<void>((resolve) => {
    ipc.serve(raw, () => resolve());
    (ipc.server as Server).start();
  });
  context.after(() => (ipc.server as Server).stop());
  const checks = await Promise.all(
    [other, hangsUp, `unix:${raw}`].map((place) => lastCheck(place, '--timeout', '1000')),
  );
  for (const { what, advice } of checks) {
    assert.equal(what, 'the greeting');
    assert.match(
      advice ?? '',
      /another protocol|another program|closed the connection before it had greeted/,
    );
  }
});
