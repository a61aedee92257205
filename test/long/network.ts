/**
 * Rows T84, T93 and T95: a burst that no buffer holds, handshakes of nonsense, and TLS records that arrive in pieces.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { connect, listen } from '../../src/index.ts';
import { makeCertificates } from '../support/certificates.ts';
import { seeded } from '../support/seeded.ts';
import { LIBRARY, pause, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const DATAGRAMS = 20_000;
/** So that the receiver's code is compiled when it counts. */
const WARM_UP = `${DATAGRAMS} 20`;
const UDP = `import { IPC } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, codec: 'raw', udp: { coalesce: false, queueBytesMax: 2 ** 26, queueBytesSoft: 2 ** 25 } });
  ipc.serveNet('127.0.0.1', 0, 'udp4');
  ipc.server.on('start', ({ port }) => console.log(port));
  ipc.server.on('x', () => {});
  ipc.server.start();
  const bytes = Buffer.alloc(1_000, 1);
  for await (const line of lines) {
    const [what, port, count, perMs] = line.split(' ');
    const send = () => ipc.server.emit({ address: '127.0.0.1', port: Number(port) }, 'x', bytes);
    if (what === 'send') for (let n = 0; n < Number(count); n++) send();
    const start = performance.now();
    for (let n = 0; what === 'pace' && n < Number(count);) {
      for (const due = Math.min(Number(count), (performance.now() - start) * Number(perMs)); n < due; n++) send();
      await new Promise(setImmediate);
    }
    const { sent, received, lost, duplicates, dropped } = ipc.server.stats();
    console.log(JSON.stringify({ sent, received, lost, duplicates, dropped }));
  }`;

interface UdpCounts {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
}

/** Sends 20,000 datagrams of a kilobyte from one process to another. @returns how many were lost, which both sides together know exactly */
async function lossOf(how: 'send' | 'pace'): Promise<number> {
  const [from, to] = [new Program(UDP), new Program(UDP)];
  try {
    await from.line();
    const port = await to.line();
    const read = async (end: Program): Promise<UdpCounts> => JSON.parse(await end.ask('?')) as UdpCounts;
    await from.ask(`pace ${port} ${WARM_UP}`);
    const before = (await read(to)).lost;
    await from.ask(`${how} ${port} ${DATAGRAMS} 100`);
    let [sent, got] = [await read(from), await read(to)];
    for (let still = 0; still < 20; still++) {
      await pause(10);
      const next = await read(to);
      if (next.received > got.received) still = 0;
      [sent, got] = [await read(from), next];
    }
    // One more shows a gap at the end.
    await from.ask(`send ${port} 1`);
    await pause(50);
    [sent, got] = [await read(from), await read(to)];
    assert.equal(sent.sent, 2 * DATAGRAMS + 1);
    assert.equal(got.lost, sent.sent - got.received, JSON.stringify([sent, got]));
    return got.lost - before;
  } finally {
    for (const each of [from, to]) each.end();
  }
}

/** In one tick: what no buffer held is counted. At 100,000 a second nearly all arrive. */
async function bursts({ count }: Work): Promise<Figures> {
  let burst = 0;
  let paced = 0;
  for (let round = 0; round < count; round++) {
    burst = Math.max(burst, await lossOf('send'));
    paced = Math.max(paced, await lossOf('pace'));
  }
  assert.ok(paced <= DATAGRAMS * 0.001, `${paced} of ${DATAGRAMS} were lost at 100,000 a second`);
  return { 'lost of 20,000 in one tick, at most': burst, 'at 100,000 a second': paced };
}

/** Handshakes that begin with nonsense: each is closed, and a real client is served beside. */
async function nonsense({ count, first, folder, seed }: Work): Promise<Figures> {
  const made = await makeCertificates(folder);
  const own = { private: made.server.key, public: made.server.cert };
  const server = await listen('tls://127.0.0.1:0', {
    tls: own,
    maxConnections: 2_000,
    limits: { handshakeTimeoutMs: 1_000 },
  });
  server.lifecycle.on('error', () => {});
  server.handle('echo', (input) => input);
  const random = seeded(seed + first);
  const port = Number(server.address.split(':').at(-1));
  let latestMs = 0;
  try {
    const client = await connect(server.address, { tls: { trustedConnections: made.ca } });
    for (let done = 0; done < count; done += 250) {
      const start = performance.now();
      const closed = Array.from({ length: Math.min(250, count - done) }, () => {
        const socket = net
          .connect(port, '127.0.0.1')
          .on('error', () => {})
          .resume();
        const bytes = random.bytes(1 + random.below(300));
        // Half of them look like a handshake at first.
        if (random.below(2) === 0) Buffer.from('160301', 'hex').copy(bytes);
        socket.write(bytes);
        return new Promise((resolve) => socket.once('close', resolve));
      });
      await Promise.all(closed);
      latestMs = Math.max(latestMs, performance.now() - start);
      assert.equal(await client.request('echo', done), done);
    }
    assert.equal(server.stats().peers, 1);
    await client.close();
  } finally {
    await server.close();
  }
  return { 'closed at the latest after ms': latestMs };
}

/** Passes bytes on in pieces that are cut at every place in turn. */
async function cutter(target: number): Promise<net.Server> {
  let cut = 0;
  const pass = (from: net.Socket, to: net.Socket): void => {
    from.on('error', () => to.destroy()).on('close', () => to.end());
    from.on('data', (bytes) => {
      const at = 1 + (cut++ % bytes.length);
      to.write(bytes.subarray(0, at));
      if (at < bytes.length) setImmediate(() => to.destroyed || to.write(bytes.subarray(at)));
      from.pause();
      setImmediate(() => from.resume());
    });
  };
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
    pass(client, upstream);
    pass(upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function cutRecords({ count, folder }: Work): Promise<Figures> {
  const made = await makeCertificates(folder);
  const server = await listen('tls://127.0.0.1:0', {
    tls: { private: made.server.key, public: made.server.cert },
  });
  let heard = 0;
  let faults = 0;
  server.on('n', (n) => void (n === ++heard || faults++));
  server.handle('all', () => heard);
  const proxy = await cutter(Number(server.address.split(':').at(-1)));
  try {
    const place = `tls://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    const client = await connect(place, { tls: { trustedConnections: made.ca } });
    for (let n = 1; n <= count; n++) {
      if (!client.send('n', n)) await client.drained();
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // An answer comes behind all that was sent before.
    await client.request('all');
    assert.deepEqual([heard, faults], [count, 0]);
    await client.close();
  } finally {
    proxy.close();
    await server.close();
  }
  return { 'out of turn': faults };
}

export const NETWORK_ROWS: readonly LongRow[] = [
  { id: 'T84', what: 'a burst that no buffer holds', unit: 'bursts', goal: 50, step: 5, run: bursts },
  { id: 'T93', what: 'handshakes of nonsense', unit: 'handshakes', goal: 1e6, step: 2_500, run: nonsense },
  { id: 'T95', what: 'TLS records in pieces', unit: 'messages', goal: 1e6, step: 50_000, run: cutRecords },
];
