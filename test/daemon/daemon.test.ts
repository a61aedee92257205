/**
 * Daemons: one for all who race for it, also over the socket that a killed one left; gone when nobody needs it; refused or replaced when it is of
 * another version.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectDaemon, runDaemon } from '../../src/daemon/daemon.ts';
import { tryLock } from '../../src/daemon/lock.ts';
import type { PeerClient, RingwireError } from '../../src/index.ts';

const PROGRAM = new URL('program.js', import.meta.url);
const USER: string = fileURLToPath(new URL('user.js', import.meta.url));
const STARTERS = 8;

function workFolder(context: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-daemon-'));
  context.after(() => {
    for (const pid of served(folder)) kill(pid);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Those that ever served in this folder. */
function served(folder: string): number[] {
  return fs
    .readdirSync(folder)
    .filter((file) => file.startsWith('served-'))
    .map((file) => Number(file.slice('served-'.length)));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function race(folder: string): Promise<number> {
  const users = Array.from({ length: STARTERS }, () =>
    promisify(execFile)(process.execPath, [USER, folder], { timeout: 90_000 }),
  );
  const pids = new Set((await Promise.all(users)).map(({ stdout }) => Number(stdout)));
  assert.equal(pids.size, 1, `${STARTERS} programs met ${pids.size} daemons`);
  const [pid] = pids;
  return pid as number;
}

async function daemonOf(folder: string, version: string, more: object = {}): Promise<PeerClient> {
  return connectDaemon('tested', {
    script: PROGRAM,
    args: [folder, version, '60000'],
    address: `unix:${path.join(folder, 's')}`,
    version,
    reconnect: false,
    ...more,
  });
}

test('eight programs that start at once meet in one daemon, also over the socket of one that was killed', async (context) => {
  const folder = workFolder(context);
  const first = await race(folder);
  assert.equal(await race(folder), first, 'the daemon goes on serving');
  kill(first);
  const second = await race(folder);
  assert.notEqual(second, first);
  assert.deepEqual(new Set(served(folder)), new Set([first, second]), 'nobody else ever served');
});

test('a daemon without clients closes and leaves no socket; the next program starts another', async (context) => {
  const folder = workFolder(context);
  const address = `unix:${path.join(folder, 's')}`;
  const server = await runDaemon('tested', { idleMs: 1, version: '1', address });
  const closed = new Promise<void>((resolve) => server.lifecycle.once('close', resolve));
  await (await daemonOf(folder, '1')).close();
  await closed;
  assert.equal(fs.existsSync(path.join(folder, 's')), false);
  const client = await daemonOf(folder, '1');
  await client.close();
});

test('a daemon with a client is not idle', async (context) => {
  const folder = workFolder(context);
  const address = `unix:${path.join(folder, 's')}`;
  const server = await runDaemon('tested', { idleMs: 300, version: '1', address });
  const closed = new Promise<void>((resolve) => server.lifecycle.once('close', resolve));
  server.handle('wait', () => new Promise((resolve) => setTimeout(resolve, 400)));
  const client = await daemonOf(folder, '1');
  await client.request('wait');
  assert.equal(server.peers.size, 1);
  await client.close();
  await closed;
});

test('another version is refused, or replaced when that is asked for', async (context) => {
  const folder = workFolder(context);
  const old = await daemonOf(folder, '1');
  const { pid } = (await old.request('who')) as { pid: number };
  await assert.rejects(daemonOf(folder, '2'), {
    code: 'ERR_RINGWIRE_DAEMON_VERSION',
    message: 'the daemon that runs is tested@1, not tested@2',
  });
  const gone = new Promise<void>((resolve) => old.lifecycle.once('close', resolve));
  const next = await daemonOf(folder, '2', { replace: true });
  await gone;
  assert.notEqual(((await next.request('who')) as { pid: number }).pid, pid);
  assert.equal(next.id, 'tested@2');
  await next.close();
});

test('a second daemon in the same place is told so; the first one goes on', async (context) => {
  const folder = workFolder(context);
  const address = `unix:${path.join(folder, 's')}`;
  const server = await runDaemon('tested', { address });
  await assert.rejects(runDaemon('tested', { address }), { code: 'ERR_RINGWIRE_PATH_IN_USE' });
  const probe = net.connect(path.join(folder, 's'));
  await new Promise<void>((resolve) => probe.once('connect', resolve));
  probe.destroy();
  await server.close();
});

test('a script that does not serve is an error that says what to do', async (context) => {
  const folder = workFolder(context);
  const script = path.join(folder, 'broken.mjs');
  fs.writeFileSync(script, 'process.exit(1);');
  const ended = /: its script ended with exit code 1 each of \d+ times; run it by hand to see why$/;
  // On a busy machine a script needs longer to end than the time that it is given.
  for (let timeout = 1_000, message = ''; !ended.test(message); timeout *= 2) {
    assert.ok(timeout <= 64_000, message);
    const error = await daemonOf(folder, '1', { script, timeout }).then(
      () => new Error('somebody serves'),
      (reason: Error) => reason,
    );
    assert.equal((error as RingwireError).code, 'ERR_RINGWIRE_CONNECT_TIMEOUT', error.message);
    ({ message } = error);
  }
});

test('a lock is held by one, and free again when it was released', async (context) => {
  const name = path.join(workFolder(context), 'lock');
  const lock = await tryLock(name);
  assert.ok(lock !== undefined);
  assert.equal(await tryLock(name), undefined);
  lock.release();
  const again = await tryLock(name);
  assert.ok(again !== undefined);
  again.release();
});
