/**
 * Bare `node:net` and `node:tls`: the floor. No frames: whole messages are counted by their bytes.
 */
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { type Contestant, type Endpoint, type Events, type Job, messageOf } from '../contestant.ts';

const HOST = '127.0.0.1';

export const NET: Contestant = {
  name: 'net',
  missing: () => undefined,
  serve: (job, events) =>
    new Promise((resolve, reject) => {
      const sockets = new Set<net.Socket>();
      const server = listener(job, (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        attach(socket, job, events);
        events.opened(socket);
      });
      const data = messageOf(job.data) as Buffer;
      const endpoint: Endpoint = {
        get address() {
          return typeof job.address === 'string' ? job.address : (server.address() as net.AddressInfo).port;
        },
        send: (peer) => (peer as net.Socket).write(data),
        broadcast: () => {
          let more = true;
          for (const socket of sockets) if (!socket.write(data)) more = false;
          return more;
        },
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      };
      server.on('error', reject);
      server.listen(...listenArguments(job), () => resolve(endpoint));
    }),
  connect: async (job, events) => {
    const socket = dial(job, () => events.opened(socket));
    const data = messageOf(job.data) as Buffer;
    attach(socket, job, events);
    return { address: job.address, send: () => socket.write(data), close: () => socket.destroy() };
  },
};

/** Where a server of the job listens, as arguments of Node's `listen`. */
export function listenArguments({ address }: Job): [net.ListenOptions] {
  return [typeof address === 'string' ? { path: address } : { host: HOST, port: address }];
}

function listener(job: Job, accepted: (socket: net.Socket) => void): net.Server {
  if (job.tls === undefined) return net.createServer(accepted);
  const { key, cert } = job.tls;
  return tls.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, accepted);
}

/** A connection of any transport. */
export function dial(job: Job, connected: () => void): net.Socket {
  if (typeof job.address === 'string') return net.connect(job.address, connected);
  if (job.tls === undefined) return net.connect(job.address, HOST, connected).setNoDelay(true);
  return tls.connect({ host: HOST, port: job.address, ca: fs.readFileSync(job.tls.cert) }, connected);
}

function attach(socket: net.Socket, job: Job, events: Events): void {
  const size = job.data as number;
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    const messages = Math.floor(bytes / size);
    bytes -= messages * size;
    if (messages > 0) events.received(socket, messages);
  });
  socket.on('drain', () => events.drained(socket));
  socket.on('error', () => socket.destroy());
}
