/**
 * Rows T49, T52, T57, T58 and T60 of RELIABILITY.md: a system that has no descriptors left, lives that begin and end in any order, many instances beside
 * each other, clocks that jump, and children that inherit nothing.
 *
 * Programs that must survive run as processes of their own, so that whatever ends them is seen.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import readline from 'node:readline';
import { test, type TestContext } from 'node:test';
import { connect, IPC, type Server } from '../../src/index.ts';
import { Stage, until } from '../api/support.ts';
import { projectRoot } from '../support/project.ts';
import { seeded } from '../support/seeded.ts';
import { scaled } from './scale.ts';

const LIBRARY: string = join(projectRoot(), 'dist', 'index.js');
const IS_POSIX: boolean = process.platform !== 'win32';

/** A program with at most so many descriptors; its lines, and its end. */
function limited(
  context: TestContext,
  descriptors: number,
  program: string,
  args: string[],
): { line(): Promise<string>; say(text: string): void } {
  const command = `ulimit -n ${descriptors} && exec "$0" --input-type=module -e "$1" "\${@:2}"`;
  const child = spawn('bash', ['-c', command, process.execPath, program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => child.kill());
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => String((await lines.next()).value),
    say: (text) => void child.stdin.write(`${text}\n`),
  };
}

test(
  'T49 no descriptors left: a server outlives it and serves again once there are some',
  { skip: !IS_POSIX },
  async (t) => {
    const stage = new Stage(t);
    const program = `import { listen } from ${JSON.stringify(LIBRARY)};
    const server = await listen(process.argv[1]);
    server.handle('echo', (input) => input);
    console.log('up');`;
    const server = limited(t, 128, program, [stage.address]);
    assert.equal(await server.line(), 'up');
    const flood = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const socket = net.connect(stage.path);
        socket.on('error', () => {});
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
        return socket;
      }),
    );
    for (const socket of flood) socket.destroy();
    const client = await connect(stage.address, { wait: true, reconnect: { delayMs: 5, delayMsMax: 20 } });
    assert.equal(await client.request('echo', 'alive'), 'alive');
    await client.close();
  },
);

test(
  'T49 no descriptors left: connecting fails with its code, and works once there are some',
  { skip: !IS_POSIX },
  async (t) => {
    const stage = new Stage(t);
    const server = await stage.server();
    server.handle('echo', (input) => input);
    const program = `import { connect } from ${JSON.stringify(LIBRARY)};
    const open = [], codes = new Set();
    for (let n = 0; n < 160; n++) await connect(process.argv[1]).then((client) => open.push(client), (error) => codes.add(error.code));
    console.log([...codes].join());
    for (const client of open) await client.close();
    const client = await connect(process.argv[1]);
    console.log(await client.request('echo', 'alive'));
    await client.close();`;
    const child = limited(t, 128, program, [stage.address]);
    assert.equal(await child.line(), 'EMFILE');
    assert.equal(await child.line(), 'alive');
  },
);

test('T52 lives in any order: connect, disconnect, serve and stop at random, and in the end nothing keeps the process', async (t) => {
  const commands = scaled(t, 30_000, 1_000_000);
  const stage = new Stage(t);
  const program = `import { IPC } from ${JSON.stringify(LIBRARY)};
    import { seeded } from ${JSON.stringify(join(projectRoot(), 'build', 'test', 'support', 'seeded.js'))};
    const [, folder, count] = process.argv;
    const random = seeded(52), pick = (list) => random.pick(list);
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, retry: 1, socketRoot: folder + '/', id: 'one' });
    const names = ['one', 'two', 'three'];
    let listening = 0;
    const step = {
      serve: () => ipc.serve(() => listening++),
      start: () => ipc.server && ipc.server.start(),
      stop: () => ipc.server && ipc.server.stop(),
      stopTwice: () => ipc.server && (ipc.server.stop(), ipc.server.stop()),
      connect: () => ipc.connectTo(pick(names), folder + '/app.one'),
      disconnect: () => ipc.disconnect(pick(names)),
      again: () => { const name = pick(names); ipc.disconnect(name); ipc.connectTo(name, folder + '/app.one'); },
      retries: () => { ipc.config.maxRetries = pick([0, 2, true]); ipc.config.stopRetrying = pick([false, true, 1]); },
      say: () => { const client = ipc.of[pick(names)]; client && client.emit('x', { n: 1 }); },
      all: () => ipc.server && ipc.server.broadcast('x', 1),
    };
    for (let n = 0; n < Number(count); n++) {
      step[pick(Object.keys(step))]();
      for (const name of names) ipc.of[name]?.on('error', () => {});
      if (ipc.server) ipc.server.on('error', () => {});
      if (random.below(10) < 3) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const name of names) ipc.disconnect(name);
    for (const server of ipc.servers) server.stop();
    console.log('done ' + (listening > 0));`;
  const child = spawn(
    process.execPath,
    ['--throw-deprecation', '--input-type=module', '-e', program, stage.folder, String(commands)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (printed += String(chunk)));
  const [code] = (await once(child, 'exit')) as [number];
  assert.deepEqual([code, printed], [0, 'done true\n']);
});

test('T57 instances: fifty servers and clients in one process, each with its own codec, delimiter and limits, hear only their own', async (t) => {
  const count = scaled(t, 500, 20_000);
  const stage = new Stage(t);
  const random = seeded(57);
  const pairs = Array.from({ length: 50 }, (_, n) => {
    const settings = {
      silent: true,
      retry: 5,
      ...(
        [
          { delimiter: '\f' },
          { delimiter: `\u0001${n}\u0002` },
          { codec: 'msgpack' },
          { codec: 'raw' },
          { codec: 'json' },
        ] as const
      )[n % 5],
      maxMessageSize: 4_096 + n,
    };
    const path = join(stage.folder, String(n));
    const own = new IPC();
    Object.assign(own.config, settings);
    own.serve(path);
    const other = new IPC();
    Object.assign(other.config, settings);
    return { n, own, other, path, heard: [] as string[] };
  });
  for (const { own, heard } of pairs) {
    const server = own.server as Server;
    server.on('m', (data: unknown) => heard.push(String(data)));
    const started = new Promise((resolve) => server.on('start', resolve));
    server.start();
    await started;
  }
  for (const { n, other, path } of pairs) {
    await new Promise<void>((resolve) =>
      other.connectTo(`c${n}`, path, () => other.of[`c${n}`]?.on('connect', () => resolve())),
    );
  }
  const sent = new Map<number, string[]>(pairs.map(({ n }) => [n, []]));
  for (let round = 0; round < count * pairs.length; round++) {
    const { n, other } = random.pick(pairs);
    const text = `${n}:${round}`;
    sent.get(n)?.push(text);
    other.of[`c${n}`]?.emit('m', text);
    if (round % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('all messages', () => pairs.every(({ n, heard }) => heard.length === sent.get(n)?.length));
  for (const { n, heard } of pairs) assert.deepEqual(heard, sent.get(n));
  for (const { n, own, other } of pairs) {
    other.disconnect(`c${n}`);
    (own.server as Server).stop();
  }
});

test('T58 clock jumps: a day forth and back moves no deadline', async (t) => {
  const real = Date.now;
  t.after(() => (Date.now = real));
  const stage = new Stage(t);
  const limits = { heartbeatMs: 60, handshakeTimeoutMs: 1_000, frameTimeoutMs: 1_000 };
  const server = await stage.server({ limits });
  server.handle('echo', (input) => input);
  const client = await stage.client({ limits });
  const gone: unknown[] = [];
  client.lifecycle.on('disconnect', (reason) => gone.push(reason));
  for (const jump of [86_400_000, -86_400_000, 0]) {
    Date.now = () => real() + jump;
    const start = performance.now();
    while (performance.now() - start < 150)
      assert.equal(await client.request('echo', jump, { timeout: 500 }), jump);
  }
  assert.deepEqual(gone, []);
});

test('T60 children inherit no descriptor of ours', { skip: process.platform !== 'linux' }, async (t) => {
  const before = new Set(sockets('/proc/self/fd').values());
  const stage = new Stage(t);
  await stage.server();
  const tcp = await stage.server({}, 'tcp://127.0.0.1:0');
  await stage.client();
  await stage.client({}, tcp.address);
  const own = [...sockets('/proc/self/fd')].filter(([, target]) => !before.has(target));
  assert.ok(own.length >= 4, 'this process has sockets');
  // One that has opened nothing itself, and one that is Node.
  const script = `for (const fd of fs.readdirSync('/proc/self/fd')) try { console.log(fs.readlinkSync('/proc/self/fd/' + fd)) } catch {}`;
  const bare = ['ls', '-l', '/proc/self/fd'];
  for (const [command, ...args] of [bare, [process.execPath, '-e', script]]) {
    const listed = spawnSync(command as string, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.equal(listed.status, 0);
    for (const [, target] of own)
      assert.ok(!String(listed.stdout).includes(target), `${target} was inherited`);
  }
  const [[fd, target]] = own as [[number, string]];
  const handed = spawnSync('ls', bare.slice(1), { stdio: ['ignore', 'pipe', 'inherit', fd] });
  assert.ok(String(handed.stdout).includes(target), 'a descriptor that is handed over shows in the list');
});

/** The sockets among the descriptors of a process. */
function sockets(folder: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const fd of fs.readdirSync(folder)) {
    try {
      const target = fs.readlinkSync(join(folder, fd));
      if (target.startsWith('socket:')) found.set(Number(fd), target);
    } catch {
      // The one that listed the folder is closed again.
    }
  }
  return found;
}
