/**
 * Rows T31, T32, T35 and T36: readers that are slow but alive, one of a hundred that stands still, a server that sleeps for half a minute, and a flood.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { join } from 'node:path';
import { connect } from '../../src/index.ts';
import { Attacker, json } from '../reliability/attacker.ts';
import { Harness } from '../reliability/witness.ts';
import { Stage } from '../hostile/stage.ts';
import { LIBRARY, pause, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const MIB: number = 1024 * 1024;

/** Takes `bytes` each `ms` milliseconds, and no more. */
function throttled(path: string, bytes: number, ms: number): net.Socket {
  const socket = net.connect({ path, onread: { buffer: Buffer.alloc(bytes), callback: () => false } });
  socket.on('error', () => {});
  const timer = setInterval(() => socket.resume(), ms);
  socket.on('close', () => clearInterval(timer));
  return socket;
}

async function slowButAlive({ count }: Work): Promise<Figures> {
  const stage = await Stage.open({ highWaterMark: MIB });
  try {
    const crawlers = Array.from({ length: count }, () => throttled(stage.path, 1_024, 1_000));
    // A socket of Linux holds some 200 KB: these take a mark's worth in 5 s.
    const walkers = Array.from({ length: count }, () => throttled(stage.path, 65_536, 300));
    while (stage.server.sockets.length < 2 * count + 1) await pause(5);
    const start = performance.now();
    const before = performance.eventLoopUtilization();
    const cutMs: number[] = [];
    stage.server.on('socket.disconnected', () => cutMs.push(performance.now() - start));
    stage.server.broadcast('much', 'x'.repeat(4 * MIB));
    while (cutMs.length < count && performance.now() - start < 12_000) await pause(20);
    assert.equal(cutMs.length, count, 'each that takes 1 KiB a second is cut');
    assert.ok(
      walkers.every((each) => !each.destroyed),
      'each that takes a mark’s worth in time stays',
    );
    const [first, last] = [Math.min(...cutMs), Math.max(...cutMs)];
    // Time in which the server itself is busy counts against nobody.
    const busyMs = performance.eventLoopUtilization(before).active;
    assert.ok(
      first >= 9_500 && last <= 10_500 + busyMs,
      `cut between ${first} and ${last} ms, busy for ${busyMs}`,
    );
    for (const each of [...crawlers, ...walkers]) each.destroy();
    return { 'cut at the latest after ms': last };
  } finally {
    await stage.close();
  }
}

const SUBSCRIBERS = `import net from 'node:net'; ${READ_LINES}
  // {"type":"t","data":1000000001} and the delimiter.
  const LENGTH = 31, [, path, count] = process.argv;
  const counts = [];
  let faults = 0;
  const sockets = Array.from({ length: Number(count) }, (_, index) => {
    counts[index] = 0;
    let rest = Buffer.alloc(0);
    return net.connect(path).on('data', (chunk) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (; at + LENGTH <= bytes.length; at += LENGTH) {
        let number = 0;
        for (let digit = 19; digit < 29; digit++) number = number * 10 + bytes[at + digit] - 48;
        if (number !== 1e9 + ++counts[index] || bytes[at + 30] !== 12) faults++;
      }
      rest = bytes.subarray(at);
    }).on('close', () => faults++);
  });
  for (const socket of sockets) await new Promise((resolve) => socket.once('connect', resolve));
  console.log('ready');
  for await (const line of lines) console.log(Math.min(...counts) + ' ' + faults);`;

const FAN_OUT_AHEAD = 4_000;

/** One of a hundred stops in the middle: the others get all, in order, as fast as before. */
async function oneOfAHundred({ count }: Work): Promise<Figures> {
  const settings = { maxPendingBytes: MIB, highWaterMark: MIB / 2, writeStallTimeout: false } as const;
  const stage = await Stage.open({ ...settings, maxConnections: 200 });
  const groups = [33, 33, 33].map((size) => new Program(SUBSCRIBERS, [stage.path, String(size)]));
  const stopped = new Program(SUBSCRIBERS, [stage.path, '1']);
  try {
    for (const each of [...groups, stopped]) assert.equal(await each.line(), 'ready');
    while (stage.server.sockets.length < 101) await pause(5);
    let sent = 0;
    const send = async (until: number): Promise<number> => {
      const start = performance.now();
      const before = sent;
      for (let seen = 0; sent < until || seen < until;) {
        for (let burst = 0; burst < 200 && sent < until && sent < seen + FAN_OUT_AHEAD; burst++)
          stage.server.broadcast('t', 1_000_000_000 + ++sent);
        await new Promise((resolve) => setImmediate(resolve));
        if (sent < until && sent < seen + FAN_OUT_AHEAD) continue;
        const told = await Promise.all(groups.map((each) => each.ask('?')));
        assert.ok(
          told.every((each) => each.endsWith(' 0')),
          `lost or out of turn: ${told.join()}`,
        );
        seen = Math.min(...told.map((each) => Number.parseInt(each, 10)));
      }
      return ((until - before) / (performance.now() - start)) * 1e3;
    };
    await send(count * 0.1);
    const quiet = await send(count * 0.55);
    stopped.child.kill('SIGSTOP');
    const beside = await send(count);
    return { 'broadcasts a second': quiet, 'beside a stopped one': beside, 'share of them': beside / quiet };
  } finally {
    for (const each of [...groups, stopped]) each.end();
    await stage.close();
  }
}

const COUNTING_SERVER = `import { listen } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
  const server = await listen(process.argv[1]);
  let count = 0, faults = 0;
  const lasts = new Map();
  server.on('n', (n, peer) => { count++; if (n !== (lasts.get(peer) ?? 0) + 1) faults++; lasts.set(peer, n); });
  server.lifecycle.on('disconnect', () => faults++);
  console.log('ready');
  for await (const line of lines) console.log(count + ' ' + faults);`;
const SLEEP_MS = 30_000;

/** A hundred senders go on while the server is stopped: what they were told is queued arrives, once and in order. */
async function sleepingServer({ count, folder, first }: Work): Promise<Figures> {
  let accepted = 0;
  for (let round = 0; round < count; round++) {
    const address = `unix:${join(folder, `sleeper-${first + round}`)}`;
    const server = new Program(COUNTING_SERVER, [address]);
    try {
      assert.equal(await server.line(), 'ready');
      const limits = { pendingBytesSoft: 64 * 1024 };
      const clients = await Promise.all(Array.from({ length: 100 }, () => connect(address, { limits })));
      accepted = 0;
      const over = new AbortController();
      const send = async (client: (typeof clients)[number]): Promise<void> => {
        for (let n = 1; !over.signal.aborted; n++) {
          accepted++;
          if (!client.send('n', n)) await client.drained();
          else if (n % 100 === 0) await pause(1);
        }
      };
      const sending = clients.map(send);
      await pause(500);
      server.child.kill('SIGSTOP');
      await pause(SLEEP_MS);
      server.child.kill('SIGCONT');
      over.abort();
      await Promise.all(sending);
      await Promise.all(clients.map((client) => client.request('nobody', 1).catch(() => {})));
      assert.equal(await server.ask('?'), `${accepted} 0`);
      await Promise.all(clients.map((client) => client.close()));
    } finally {
      server.end();
    }
  }
  return { 'messages accepted': accepted };
}

const FLOOD_MS = 10_000;

/** One peer sends as fast as the system takes it: the witnesses keep their turn, and it is not cut. */
async function flood({ count }: Work): Promise<Figures> {
  const harness = await Harness.start();
  let most = 0;
  try {
    for (let round = 0; round < count; round++) {
      await harness.row({ rssMib: 128 }, async ({ address, account }) => {
        const flooder = await Attacker.connect(address);
        const messages = Buffer.concat(Array.from({ length: 2_000 }, () => json('msg', 'flood')));
        const end = performance.now() + FLOOD_MS;
        const pour = (): void => {
          while (performance.now() < end && flooder.socket.write(messages));
        };
        flooder.socket.on('drain', pour);
        pour();
        while (performance.now() < end) await pause(50);
        assert.equal(flooder.isClosed, false, 'a flood alone is no reason to cut');
        const { delivered, errors } = await account();
        assert.deepEqual(errors, {});
        most = Math.max(most, delivered / (FLOOD_MS / 1e3));
        await flooder.leave();
      });
    }
  } finally {
    await harness.end();
  }
  return { 'messages a second from the flooder': most };
}

export const SLOW_ROWS: readonly LongRow[] = [
  { id: 'T31', what: 'slow but alive', unit: 'pairs of readers', goal: 100, step: 20, run: slowButAlive },
  {
    id: 'T32',
    what: 'one of a hundred stands still',
    unit: 'broadcasts',
    goal: 1e6,
    step: 50_000,
    run: oneOfAHundred,
  },
  { id: 'T35', what: 'a server that sleeps', unit: 'sleeps of 30 s', goal: 10, step: 1, run: sleepingServer },
  { id: 'T36', what: 'a flood starves others', unit: 'floods of 10 s', goal: 6, step: 1, run: flood },
];
