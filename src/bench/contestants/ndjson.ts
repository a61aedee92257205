/**
 * What people write by hand: one JSON text per line over a bare socket, one write per message, lines split from a string.
 */
import net from 'node:net';
import { type Contestant, type Endpoint, type Events, type Job, makeCheck } from '../contestant.ts';
import { dial, listenArguments } from './net.ts';

export const NDJSON: Contestant = {
  name: 'ndjson',
  missing: () => undefined,
  serve: (job, events) =>
    new Promise((resolve, reject) => {
      const sockets = new Set<net.Socket>();
      const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        attach(socket, job, events);
        events.opened(socket);
      });
      const endpoint: Endpoint = {
        get address() {
          return typeof job.address === 'string' ? job.address : (server.address() as net.AddressInfo).port;
        },
        send: (peer) => write(peer as net.Socket, job),
        broadcast: () => {
          let more = true;
          for (const socket of sockets) if (!write(socket, job)) more = false;
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
    attach(socket, job, events);
    return { address: job.address, send: () => write(socket, job), close: () => socket.destroy() };
  },
};

function write(socket: net.Socket, { data }: Job): boolean {
  return socket.write(`${JSON.stringify(data)}\n`);
}

function attach(socket: net.Socket, job: Job, events: Events): void {
  const check = makeCheck(job.data);
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      check(JSON.parse(line));
      events.received(socket, 1);
    }
  });
  socket.on('drain', () => events.drained(socket));
  socket.on('error', () => socket.destroy());
}
