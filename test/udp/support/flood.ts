/**
 * A process that is flooded with datagrams from sources that were never seen, and tells how its resident memory changed:
 * `node --expose-gc flood.js <sources>`. It answers every one of them, as far as the limit on answers lets it.
 *
 * Sources are forged where the socket would hand them over. Invariant: as many sources come before the first look, so that the engine's young generation has grown to its size.
 */
import type dgram from 'node:dgram';
import type { DatagramStats } from '../../../src/endpoints/datagram-stats.ts';
import { IPC } from '../../../src/ipc/ipc.ts';
import type { Server } from '../../../src/ipc/server.ts';

const sources = Number(process.argv[2]);
const ipc = new IPC();
Object.assign(ipc.config, { silent: true, codec: 'msgpack' });
ipc.serveNet(0, 'udp4');
const server = ipc.server as Server;
server.on('e', (_data: unknown, source: never) => server.emit(source, 'answer', 'x'.repeat(300)));
server.on('start', () => void run());
server.start();

const HELLO = Buffer.from('f54401000000000008000000ffff02000100650000000000', 'hex');

async function flood(from: number, to: number): Promise<void> {
  for (let source = from; source < to; source++) {
    const address = `127.${1 + (source >> 16)}.${(source >> 8) & 255}.${source & 255}`;
    const port = 1_024 + (source % 64_000);
    const info = { address, port, family: 'IPv4', size: HELLO.length };
    (server.server as dgram.Socket).emit('message', Buffer.from(HELLO), info);
    if (source % 32 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The least of some looks: memory that was freed goes back to the system a little later. */
async function resident(): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 5; look++) {
    global.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    least = Math.min(least, process.memoryUsage().rss);
  }
  return least;
}

async function run(): Promise<void> {
  await flood(0, sources);
  const before = await resident();
  await flood(sources, 2 * sources);
  const grown = (await resident()) - before;
  const { received, peers, forgottenPeers } = server.stats() as DatagramStats;
  process.stdout.write(`${JSON.stringify({ grown, received, peers: peers.length, forgottenPeers })}\n`);
  server.stop();
}
