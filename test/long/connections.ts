/**
 * Rows T50, T53 and T56: a full backlog, connections that come and go, and workers of a cluster that are killed.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { connect } from '../../src/index.ts';
import { seeded } from '../support/seeded.ts';
import { LIBRARY, pause, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const KIB = 1024;

const ECHO_SERVER = `import { listen } from ${JSON.stringify(LIBRARY)};
  const server = await listen(process.argv[1], { maxConnections: 20_000 });
  server.handle('echo', (input) => input);
  console.log('ready');`;
const CROWD = 700;

/** More clients than the backlog holds, while the server is stopped. */
async function fullBacklog({ count, first, folder }: Work): Promise<Figures> {
  let lateMs = 0;
  for (let round = 0; round < count; round++) {
    const address = `unix:${join(folder, `backlog-${first + round}`)}`;
    const server = new Program(ECHO_SERVER, [address]);
    try {
      assert.equal(await server.line(), 'ready');
      server.child.kill('SIGSTOP');
      const patience = { wait: true, timeout: 30_000, reconnect: { delayMs: 50, delayMsMax: 500 } };
      const coming = Promise.all(Array.from({ length: CROWD }, () => connect(address, patience)));
      await pause(1_500);
      server.child.kill('SIGCONT');
      const start = performance.now();
      const clients = await coming;
      lateMs = Math.max(lateMs, performance.now() - start);
      await Promise.all(clients.map((client) => client.request('echo', 1)));
      await Promise.all(clients.map((client) => client.close()));
    } finally {
      server.end();
    }
  }
  return { 'all connected after ms': lateMs };
}

const CHURN_SERVER = `import { listen } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
  import { readdirSync } from 'node:fs';
  const server = await listen(process.argv[1], { maxConnections: 20_000 });
  let count = 0;
  server.on('n', () => count++);
  console.log('ready');
  for await (const line of lines) {
    while (server.stats().peers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    gc();
    const { heapUsed } = process.memoryUsage();
    console.log([count, readdirSync('/proc/self/fd').length, heapUsed].join(' '));
  }`;
const AT_ONCE = 20;

/** Connect, one message, close. */
async function churn({ count, first, folder }: Work): Promise<Figures> {
  const address = `unix:${join(folder, `churn-${first}`)}`;
  const server = new Program(CHURN_SERVER, [address], ['--expose-gc']);
  try {
    assert.equal(await server.line(), 'ready');
    const lives = async (most: number): Promise<number[]> => {
      for (let done = 0; done < most; done += AT_ONCE) {
        await Promise.all(
          Array.from({ length: Math.min(AT_ONCE, most - done) }, async () => {
            const client = await connect(address, { reconnect: false });
            client.send('n', 1);
            await client.close();
          }),
        );
      }
      return (await server.ask('?')).split(' ').map(Number);
    };
    const warm = Math.ceil(count / 10);
    const [, fdsBefore = 0, heapBefore = 0] = await lives(warm);
    const [messages, fds = 0, heap = 0] = await lives(count - warm);
    assert.equal(messages, count, 'each message has arrived');
    assert.equal(fds, fdsBefore, 'descriptors');
    const grown = (heap - heapBefore) / KIB / KIB;
    assert.ok(grown <= 8, `the heap has grown by ${grown} MiB`);
    return { 'MiB of heap more': grown };
  } finally {
    server.end();
  }
}

const CLUSTER = `import cluster from 'node:cluster'; ${READ_LINES}
  import { IPC } from ${JSON.stringify(LIBRARY)};
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, unlink: false });
  if (cluster.isPrimary) {
    // The lines are the primary's.
    cluster.setupPrimary({ stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    for (let n = 0; n < 4; n++) cluster.fork();
    const up = new Set();
    // With no worker left the primary closes the socket: the next is killed when all four are there again.
    const all = async () => { while (up.size < 4) await new Promise((resolve) => setTimeout(resolve, 5)); };
    cluster.on('listening', (worker) => up.add(worker));
    cluster.on('exit', (worker) => { up.delete(worker); cluster.fork(); });
    await all();
    console.log('ready');
    process.on('exit', () => { for (const each of Object.values(cluster.workers)) each.process.kill('SIGKILL'); });
    for await (const line of lines) {
      if (line === 'end') process.exit();
      await all();
      const victim = [...up][Number(line)];
      victim.process.kill('SIGKILL');
      // Until then Node's primary gives it connections, which nobody ever answers or closes.
      await new Promise((resolve) => victim.once('exit', resolve));
      console.log(victim.process.pid);
    }
  } else {
    ipc.serve(process.argv[1]);
    ipc.server.on('ask', (data, socket) => ipc.server.emit(socket, 'pid', [process.pid, data]));
    ipc.server.start();
  }`;

/** Clients of a killed worker are cut; all the others have every answer, in order. */
async function killedWorkers({ count, first, folder, seed }: Work): Promise<Figures> {
  const path = join(folder, `cluster-${first}`);
  const primary = new Program(CLUSTER, [path]);
  const random = seeded(seed + first);
  let answers = 0;
  let cut = 0;
  try {
    assert.equal(await primary.line(), 'ready');
    for (let round = 0; round < count; round++) {
      const sockets = await Promise.all(
        Array.from({ length: 12 }, async () => {
          const socket = net.connect(path).on('error', () => {});
          await once(socket, 'connect');
          return { socket, pid: 0, next: 1, closed: new Promise((resolve) => socket.once('close', resolve)) };
        }),
      );
      for (const each of sockets) {
        each.socket.on('data', (chunk) => {
          for (const text of chunk.toString().split('\f').slice(0, -1)) {
            const [pid, n] = (JSON.parse(text) as { data: [number, number] }).data;
            assert.equal(n, each.next++);
            each.pid = pid;
            answers++;
          }
        });
      }
      const ask = (n: number): void =>
        sockets.forEach(({ socket }) => void socket.write(`{"type":"ask","data":${n}}\f`));
      const answered = async (n: number, pids: (pid: number) => boolean): Promise<void> => {
        for (const start = performance.now(); sockets.some((each) => each.next <= n && pids(each.pid));) {
          assert.ok(performance.now() - start < 60_000, 'all answers');
          await pause(2);
        }
      };
      ask(1);
      await answered(1, () => true);
      const victim = Number(await primary.ask(String(random.below(4))));
      ask(2);
      await answered(2, (pid) => pid !== victim);
      for (const each of sockets) {
        if (each.pid === victim) {
          await each.closed;
          cut++;
        } else assert.equal(each.socket.destroyed, false, 'others stay');
        each.socket.destroy();
      }
    }
  } finally {
    primary.say('end');
    await once(primary.child, 'exit');
  }
  return { 'answers in a step': answers, 'connections cut in a step': cut };
}

const isLinux = (): string | undefined => (process.platform === 'linux' ? undefined : 'needs Linux');

export const CONNECTION_ROWS: readonly LongRow[] = [
  { id: 'T50', what: 'a full backlog', unit: 'crowds of 700', goal: 20, step: 2, run: fullBacklog },
  {
    id: 'T53',
    what: 'connections that come and go',
    unit: 'connections',
    goal: 1e6,
    step: 20_000,
    missing: isLinux,
    run: churn,
  },
  {
    id: 'T56',
    what: 'killed workers of a cluster',
    unit: 'kills',
    goal: 1_000,
    step: 50,
    run: killedWorkers,
  },
];
