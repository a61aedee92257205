/**
 * Rows T49, T52, T57, T58, T60, T85 and T87 of RELIABILITY.md: a system that has no descriptors left, lives that begin and end in any order, many instances beside
 * each other, clocks that jump, children that inherit nothing, and destinations that do not exist.
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
import { record, udp } from '../udp/support/pair.ts';
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
    const server = limited(t, 48, program, [stage.address]);
    assert.equal(await server.line(), 'up');
    const flood = await Promise.all(
      Array.from({ length: 120 }, async () => {
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
    for (let n = 0; n < 80; n++) await connect(process.argv[1]).then((client) => open.push(client), (error) => codes.add(error.code));
    console.log([...codes].join());
    for (const client of open) await client.close();
    const client = await connect(process.argv[1]);
    console.log(await client.request('echo', 'alive'));
    await client.close();`;
    const child = limited(t, 64, program, [stage.address]);
    assert.equal(await child.line(), 'EMFILE');
    assert.equal(await child.line(), 'alive');
  },
);

test('T52 lives in any order: connect, disconnect, serve and stop at random, and in the end nothing keeps the process', async (t) => {
  const commands = scaled(t, 3_000, 1_000_000);
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
  const count = scaled(t, 20, 20_000);
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
  const stage = new Stage(t);
  const server = await stage.server();
  const tcp = await stage.server({}, 'tcp://127.0.0.1:0');
  await stage.client();
  await stage.client({}, tcp.address);
  const program = `for (const fd of require('fs').readdirSync('/proc/self/fd')) try { console.log(fd + ' ' + require('fs').readlinkSync('/proc/self/fd/' + fd)) } catch {}`;
  // A shell lists before Node itself has opened anything.
  const listed = spawnSync('sh', ['-c', 'for fd in /proc/$$/fd/*; do readlink "$fd"; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.ok(!String(listed.stdout).includes('socket:'), String(listed.stdout));
  const child = spawnSync(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  assert.equal(child.status, 0);
  const own = fs
    .readdirSync('/proc/self/fd')
    .map((fd) => link(fd))
    .filter((target) => target.startsWith('socket:'));
  assert.ok(own.length >= 4, 'this process has sockets');
  for (const target of own) assert.ok(!String(child.stdout).includes(target), `${target} was inherited`);
  assert.ok(server.address.length > 0);
});

function link(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

test('T85 destinations that do not exist: each is an error event with its reason, too large is refused before the system is asked', async (t) => {
  const { server, stats } = await udp(t, { codec: 'raw' });
  const errors = record(server, 'error');
  assert.throws(() => server.emit({ address: '127.0.0.1', port: 9 }, 'x', Buffer.alloc(65_507)), {
    code: 'ERR_RINGWIRE_UDP_TOO_LARGE',
  });
  assert.equal(stats().sent, 0);
  server.emit({ address: 'no.such.host.invalid', port: 9 }, 'x', Buffer.alloc(1));
  await errors.count('error', 1);
  const target = await udp(t, { codec: 'raw' });
  const { port } = target.place;
  const lone = await udp(t, { codec: 'raw', udp: { connect: { address: '127.0.0.1', port } } });
  const refused = record(lone.server, 'error');
  const closed = record(target.server, 'close');
  target.server.stop();
  await closed.count('close');
  // The first datagram is answered with a refusal, which the second call hears of.
  while (refused.names().length === 0) {
    lone.server.emit(target.place, 'x', Buffer.alloc(1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const error of [...errors.values('error'), ...refused.values('error')]) {
    assert.equal((error as { code: string }).code, 'ERR_RINGWIRE_SEND_FAILED');
  }
  assert.equal(((refused.values('error')[0] as Error).cause as { code: string }).code, 'ECONNREFUSED');
});

test('T87 families: an IPv4 socket says so when it is to reach IPv6; an IPv6 one reaches both, and knows each peer by one name', async (t) => {
  const four = await udp(t, { codec: 'raw' });
  const errors = record(four.server, 'error');
  four.server.emit({ address: '::1', port: four.place.port }, 'x', Buffer.alloc(1));
  await errors.count('error', 1);
  assert.equal((errors.values('error')[0] as { code: string }).code, 'ERR_RINGWIRE_SEND_FAILED');
  const heard = record(four.server, 'x');
  const sender = await udp(t, { codec: 'raw' });
  sender.server.emit(four.place, 'x', Buffer.alloc(1));
  sender.server.emit({ ...four.place, address: 'localhost' }, 'x', Buffer.alloc(1));
  await heard.count('x', 2);
  assert.equal(four.stats().received, 2);
});
