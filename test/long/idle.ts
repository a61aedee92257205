/**
 * Row T54: ten thousand connections that do nothing, beside as many to a bare server, each server in a process of its own.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { LIBRARY, pause, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const KIB = 1024;

const IDLE_SERVERS = {
  bare: `import net from 'node:net'; ${READ_LINES}
    const sockets = new Set();
    const server = net.createServer((socket) => sockets.add(socket.on('data', () => {})));
    server.listen(process.argv[1], 4096, () => console.log('ready'));
    const count = () => sockets.size, broadcast = () => {};`,
  ringwire: `import { IPC } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, maxConnections: 20_000 });
    ipc.serve(process.argv[1], () => console.log('ready'));
    ipc.server.start();
    const count = () => ipc.server.sockets.length, broadcast = () => ipc.server.broadcast('all', 'x'.repeat(1_000));`,
} as const;
const TELL = `let collecting = 0;
  for await (const line of lines) {
    if (line === 'broadcast') broadcast();
    const before = process.cpuUsage();
    gc(); gc();
    // What the collections cost is no cost of connections.
    const { user, system } = process.cpuUsage(before);
    collecting += user + system;
    const all = process.cpuUsage();
    console.log([count(), process.memoryUsage().rss, all.user + all.system - collecting].join(' '));
  }`;
const IDLE_CLIENTS = `import net from 'node:net'; ${READ_LINES}
  const [, path, count] = process.argv;
  let bytes = 0;
  const opened = () => new Promise((resolve) => {
    const socket = net.connect(path).on('data', (chunk) => (bytes += chunk.length));
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  });
  // A full backlog takes the next one a little later.
  for (let n = 0; n < Number(count);) if (await opened()) n++; else await new Promise((resolve) => setTimeout(resolve, 5));
  console.log('ready');
  for await (const line of lines) console.log(bytes);`;
const PER_PROCESS = 5_000;

interface Idle {
  readonly bytesEach: number;
  readonly broadcastMs: number;
  readonly cpuShare: number;
}

async function idle(kind: keyof typeof IDLE_SERVERS, count: number, path: string): Promise<Idle> {
  // The young generation grows with what a program allocates, not with what its connections hold: a small one for both.
  const flags = ['--expose-gc', '--max-semi-space-size=1'];
  const server = new Program(IDLE_SERVERS[kind] + TELL, [path], flags);
  const clients: Program[] = [];
  const tell = async (what: string): Promise<number[]> => (await server.ask(what)).split(' ').map(Number);
  try {
    assert.equal(await server.line(), 'ready');
    const some = Math.ceil(count / 5);
    const add = async (most: number): Promise<number[]> => {
      for (let left = most; left > 0; left -= PER_PROCESS) {
        const each = new Program(IDLE_CLIENTS, [path, String(Math.min(PER_PROCESS, left))]);
        clients.push(each);
        assert.equal(await each.line(), 'ready');
      }
      await pause(300);
      return tell('?');
    };
    // From some on, so that what the first ones cost does not count.
    const before = await add(some);
    const after = await add(count - some);
    assert.equal(after[0], count);
    await pause(2_000);
    const later = await tell('?');
    const start = performance.now();
    if (kind === 'ringwire') {
      server.say('broadcast');
      const expected = count * '{"type":"all","data":""}\f'.length + count * 1_000;
      for (let bytes = 0; bytes < expected;) {
        bytes = (await Promise.all(clients.map((each) => each.ask('?')))).reduce(
          (sum, each) => sum + Number(each),
          0,
        );
        assert.ok(performance.now() - start < 60_000, `${bytes} of ${expected} bytes`);
      }
    }
    return {
      bytesEach: ((after[1] as number) - (before[1] as number)) / (count - some),
      broadcastMs: performance.now() - start,
      cpuShare: ((later[2] as number) - (after[2] as number)) / 2_300_000,
    };
  } finally {
    for (const each of [...clients, server]) each.end();
  }
}

async function manyIdle({ count, folder, first }: Work): Promise<Figures> {
  const bare = await idle('bare', count, join(folder, `bare-${first}`));
  const own = await idle('ringwire', count, join(folder, `own-${first}`));
  const more = own.bytesEach - bare.bytesEach;
  const figures = {
    'bytes each': own.bytesEach,
    'of a bare server': bare.bytesEach,
    'more than it': more,
    'broadcast ms': own.broadcastMs,
    'share of a core when idle': own.cpuShare,
  };
  assert.ok(more <= 4 * KIB && own.cpuShare <= 0.05, JSON.stringify(figures));
  return figures;
}

export const IDLE_ROWS: readonly LongRow[] = [
  {
    id: 'T54',
    what: 'connections that do nothing',
    unit: 'connections',
    goal: 10_000,
    step: 10_000,
    missing: () => (process.platform === 'linux' ? undefined : 'needs Linux'),
    run: manyIdle,
  },
];
