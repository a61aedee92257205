/**
 * Rows T65, T66, T67, T68, T70, T71, T72 and T73 of RELIABILITY.md: what a socket path may be, whose file is taken away and whose never, and who may connect.
 *
 * Sockets of other users are made by a child that has become `nobody`, where the test runs as root.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect, listen, type ListenOptions } from '../../src/index.ts';
import { Stage } from '../api/support.ts';
import { guardOf } from '../../src/transports/path-server.ts';
import { projectRoot } from '../support/project.ts';
import { leaveRemains } from '../support/remains.ts';
import { scaled } from './scale.ts';

const LIBRARY: string = join(projectRoot(), 'dist', 'index.js');
const IS_ROOT: boolean = process.getuid?.() === 0;
const NOBODY = 65_534;

/** A name that makes the path of the stage exactly so long. */
function pathOf(stage: Stage, bytes: number): string {
  return join(stage.folder, 'p'.repeat(bytes - stage.folder.length - 1));
}

function onlyRoot(context: TestContext): boolean {
  if (!IS_ROOT) context.diagnostic('not run as root: what needs a second user is left out');
  return IS_ROOT;
}

test('T65 paths: each length to 107 works as it is, each above is refused at both ends, and no other file appears', async (t) => {
  const stage = new Stage(t);
  const limit = process.platform === 'linux' ? 107 : 103;
  for (let bytes = 90; bytes <= 200; bytes++) {
    const address = `unix:${pathOf(stage, bytes)}`;
    if (bytes > limit) {
      const code = 'ERR_RINGWIRE_PATH_TOO_LONG';
      await assert.rejects(listen(address), { code, limit, actual: bytes });
      await assert.rejects(connect(address), { code, limit, actual: bytes });
      continue;
    }
    const server = await listen(address);
    assert.deepEqual(fs.readdirSync(stage.folder), [pathOf(stage, bytes).slice(stage.folder.length + 1)]);
    await (await connect(address)).close();
    await server.close();
  }
  assert.deepEqual(fs.readdirSync(stage.folder), []);
});

test('T65 paths: empty ones and zero bytes inside are refused; characters count as bytes; a relative one is where the process is', async (t) => {
  const stage = new Stage(t);
  for (const path of ['', `${stage.folder}/a\0b`]) {
    await assert.rejects(listen({ path }), { code: /^ERR_RINGWIRE_BAD_(CONFIG|ADDRESS)$/ });
    await assert.rejects(connect({ path }), { code: /^ERR_RINGWIRE_BAD_(CONFIG|ADDRESS)$/ });
  }
  const wide = join(stage.folder, 'é'.repeat(60));
  assert.ok(wide.length <= 107);
  await assert.rejects(listen({ path: wide }), { code: 'ERR_RINGWIRE_PATH_TOO_LONG' });
  const program = `import { listen } from ${JSON.stringify(LIBRARY)}; await (await listen({ path: 'here' })).close(); console.log('closed')`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: stage.folder });
  assert.equal(String(ran.stdout), 'closed\n', String(ran.stderr));
});

test('T66 stale socket file: a server that was killed leaves a file, and the next one takes its place', async (t) => {
  const stage = new Stage(t);
  const count = scaled(t, 10, 1_000);
  const program = `import net from 'node:net'; net.createServer().listen(process.argv[1], () => console.log('up'))`;
  for (let round = 0; round < count; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, stage.path]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(fs.existsSync(stage.path), 'the dead server left its file');
    const server = await listen(stage.address);
    await (await connect(stage.address)).close();
    await server.close();
    assert.ok(!fs.existsSync(stage.path));
  }
});

const NO_PROC: { skip: string | false } = {
  skip: process.platform !== 'linux' && 'needs another way to a folder: /proc',
};

test(
  'T65 paths: a short name in a folder that leaves no room for another works as well',
  NO_PROC,
  async (t) => {
    const stage = new Stage(t);
    const folder = join(stage.folder, 'f'.repeat(104 - stage.folder.length));
    fs.mkdirSync(folder);
    const path = join(folder, 's');
    assert.equal(path.length, 107);
    const server = await listen({ path });
    assert.equal(server.address, `unix:${path}`);
    await (await connect({ path })).close();
    await assert.rejects(listen({ path }), { code: 'ERR_RINGWIRE_PATH_IN_USE' });
    await server.close();
    await leaveRemains(join(stage.folder, 'r'));
    fs.renameSync(join(stage.folder, 'r'), path);
    await (await listen({ path })).close();
    assert.deepEqual(fs.readdirSync(folder), []);
    const open = fs.readdirSync('/proc/self/fd').map((each) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${each}`);
      } catch {
        // The one that read the folder is closed.
        return '';
      }
    });
    assert.ok(open.length > 3 && !open.includes(folder), 'the folder is closed again');
  },
);

test('T67 races: of all that begin at once one listens, over nothing and over what dead servers and guards left', async (t) => {
  const stage = new Stage(t);
  const rounds = scaled(t, 30, 1_000);
  for (let round = 0; round < rounds; round++) {
    const path = `${stage.path}-${round}`;
    // A guard who died, and the one who guarded his place.
    const left = [path, guardOf(path), guardOf(guardOf(path))].slice(0, round % 4);
    for (const each of left) await leaveRemains(each);
    const starts = await Promise.allSettled(Array.from({ length: 8 }, () => listen({ path })));
    const codes = starts.map((each) => (each.status === 'rejected' ? each.reason.code : 'listens'));
    assert.equal(codes.filter((each) => each === 'listens').length, 1, codes.join());
    assert.equal(codes.filter((each) => each === 'ERR_RINGWIRE_PATH_IN_USE').length, 7, codes.join());
    await (await connect({ path })).close();
    for (const each of starts) if (each.status === 'fulfilled') await each.value.close();
    assert.deepEqual(fs.readdirSync(stage.folder), []);
  }
});

test('T67 races: a guard who lives keeps everybody else off, and one whose place was taken by hand touches nothing', async (t) => {
  const stage = new Stage(t);
  await leaveRemains(stage.path);
  const { ino } = fs.statSync(stage.path);
  const guard = net.createServer((probe) => probe.destroy()).listen(guardOf(stage.path));
  await once(guard, 'listening');
  const starting = listen(stage.address);
  await once(guard, 'connection');
  assert.equal(fs.statSync(stage.path).ino, ino, 'the guard alone takes it away');
  guard.close();
  const server = await starting;
  fs.renameSync(stage.path, `${stage.path}-moved`);
  fs.writeFileSync(stage.path, 'precious');
  await server.close();
  assert.equal(fs.readFileSync(stage.path, 'utf8'), 'precious');
});

test('T68 what is no socket of ours: files, folders, links, pipes and sockets of others are left as they are', async (t) => {
  const stage = new Stage(t);
  const file = join(stage.folder, 'file');
  fs.writeFileSync(file, 'what somebody needs');
  const stale = join(stage.folder, 'stale');
  fs.mkdirSync(join(stage.folder, 'folder'));
  fs.symlinkSync(file, join(stage.folder, 'link-to-file'));
  fs.symlinkSync(join(stage.folder, 'nowhere'), join(stage.folder, 'dangling'));
  const other = net.createServer().listen(stale);
  await once(other, 'listening');
  fs.symlinkSync(stale, join(stage.folder, 'link-to-socket'));
  const fifo = join(stage.folder, 'fifo');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  const before = listing(stage.folder);
  for (const name of ['file', 'folder', 'link-to-file', 'dangling', 'link-to-socket', 'fifo']) {
    const path = join(stage.folder, name);
    await assert.rejects(listen({ path }), { code: 'ERR_RINGWIRE_PATH_NOT_SOCKET' }, name);
  }
  await assert.rejects(listen({ path: stale }), { code: 'ERR_RINGWIRE_PATH_IN_USE' });
  assert.deepEqual(listing(stage.folder), before);
  assert.equal(fs.readFileSync(file, 'utf8'), 'what somebody needs');
  other.close();
  if (!onlyRoot(t)) return;
  fs.chmodSync(stage.folder, 0o777);
  const foreign = join(stage.folder, 'foreign');
  const left = `const s = require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', left, foreign], { uid: NOBODY, gid: NOBODY });
  assert.equal(fs.lstatSync(foreign).uid, NOBODY);
  const program = `import { listen } from ${JSON.stringify(LIBRARY)}; await listen({ path: process.argv[1] }).catch((e) => console.log(e.code))`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program, foreign]);
  assert.equal(String(ran.stdout), 'ERR_RINGWIRE_PATH_NOT_OWNED\n', String(ran.stderr));
  assert.equal(fs.lstatSync(foreign).uid, NOBODY, 'still there');
});

function listing(folder: string): string[] {
  return fs.readdirSync(folder).map((name) => {
    const { mode, ino, size } = fs.lstatSync(join(folder, name));
    return `${name} ${mode} ${ino} ${size}`;
  });
}

test('T70 successor: who stops does not take away the socket of the one that listens there by now', async (t) => {
  const stage = new Stage(t);
  const count = scaled(t, 300, 1_000);
  for (let round = 0; round < count; round++) {
    const first = await listen(stage.address);
    fs.unlinkSync(stage.path);
    const second = await listen(stage.address);
    second.handle('who', () => round);
    const { ino } = fs.statSync(stage.path);
    await first.close();
    assert.equal(fs.statSync(stage.path).ino, ino);
    const client = await connect(stage.address);
    assert.equal(await client.request('who', undefined), round);
    await client.close();
    await second.close();
  }
  assert.deepEqual(fs.readdirSync(stage.folder), []);
});

const MODES: readonly [ListenOptions, number][] = [
  [{}, 0o600],
  [{ readableAll: true }, 0o644],
  [{ writableAll: true }, 0o622],
  [{ readableAll: true, writableAll: true }, 0o666],
];

test('T71 modes: whatever the umask, a socket is for its user alone unless the options say otherwise', async (t) => {
  const stage = new Stage(t);
  const own = process.umask();
  t.after(() => process.umask(own));
  for (const umask of [0o000, 0o022, 0o077, 0o177]) {
    process.umask(umask);
    for (const [options, expected] of MODES) {
      const open = await listen(stage.address, options);
      assert.equal(
        fs.statSync(stage.path).mode & 0o777,
        expected,
        `umask ${umask.toString(8)}, ${JSON.stringify(options)}`,
      );
      assert.equal(process.umask(), umask, 'the umask is as it was');
      if (IS_ROOT) {
        fs.chmodSync(stage.folder, 0o755);
        const probe = `require('net').connect(process.argv[1], () => process.exit(0)).on('error', (e) => { console.log(e.code); process.exit(1) })`;
        const tried = spawnSync(process.execPath, ['-e', probe, stage.path], { uid: NOBODY, gid: NOBODY });
        const isAllowed = options.writableAll === true;
        assert.equal(tried.status, isAllowed ? 0 : 1, `${String(tried.stdout)} ${String(tried.stderr)}`);
        if (!isAllowed) assert.equal(String(tried.stdout), 'EACCES\n');
      }
      await open.close();
    }
  }
});

test('T72 secureRoot: made for this user alone; a link, a folder that others may enter, and one of another user are refused', async (t) => {
  const stage = new Stage(t);
  const runtime = process.env['XDG_RUNTIME_DIR'];
  t.after(() => {
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
  });
  const root = (name: string): string => {
    process.env['XDG_RUNTIME_DIR'] = join(stage.folder, name);
    fs.mkdirSync(join(stage.folder, name));
    return join(stage.folder, name, 'ringwire');
  };
  const address = { ipc: 'w', secureRoot: true };
  const good = root('good');
  const server = await listen(address);
  assert.equal(fs.statSync(good).mode & 0o777, 0o700);
  await server.close();
  const code = 'ERR_RINGWIRE_SOCKET_ROOT';
  fs.mkdirSync(root('open'));
  fs.chmodSync(join(stage.folder, 'open', 'ringwire'), 0o777);
  await assert.rejects(listen(address), { code });
  fs.symlinkSync(good, root('linked'));
  await assert.rejects(listen(address), { code });
  if (!onlyRoot(t)) return;
  fs.mkdirSync(root('foreign'), { mode: 0o700 });
  fs.chownSync(join(stage.folder, 'foreign', 'ringwire'), NOBODY, NOBODY);
  await assert.rejects(listen(address), { code });
});

test('T73 names: abstract sockets where there are any, line ends and composed letters are bytes like others', async (t) => {
  const stage = new Stage(t);
  const composed = join(stage.folder, '\u00e9');
  const decomposed = join(stage.folder, 'e\u0301');
  const names = [`${stage.path}\n`, `${stage.path} `, composed, decomposed];
  if (process.platform === 'linux') names.push(`\0${stage.path}`);
  else t.diagnostic('abstract sockets are Linux’s own');
  const servers = await Promise.all(names.map((path) => listen({ path })));
  for (const [index, server] of servers.entries()) server.handle('who', () => index);
  for (const [index, path] of names.entries()) {
    const client = await connect({ path });
    assert.equal(await client.request('who', undefined), index);
    await client.close();
  }
  for (const server of servers) await server.close();
});
