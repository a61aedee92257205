/**
 * The package `ws`, over the same sockets: bytes as binary messages, values as JSON text.
 */
import http from 'node:http';
import type net from 'node:net';
import {
  type Contestant,
  type Endpoint,
  type Events,
  type Job,
  makeCheck,
  messageOf,
  PENDING_BYTES,
} from '../contestant.ts';
import { findPackage, loadPackage } from '../optional.ts';
import { listenArguments } from './net.ts';

/** The part of ws that is used here. */
interface WsSocket {
  readonly bufferedAmount: number;
  send(data: unknown, sent?: () => void): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer, binary: boolean) => void): unknown;
  on(event: 'open' | 'error', listener: () => void): unknown;
}

interface WsServer {
  readonly clients: Iterable<WsSocket>;
  on(event: 'connection', listener: (socket: WsSocket) => void): unknown;
}

interface Ws {
  readonly WebSocket: new (url: string, options: object) => WsSocket;
  readonly WebSocketServer: new (options: object) => WsServer;
}

export const WS: Contestant = {
  name: 'ws',
  missing: () => (findPackage('ws') === undefined ? 'ws is not installed' : undefined),
  serve: async (job, events) => {
    const { WebSocketServer } = (await loadPackage('ws')) as Ws;
    const server = http.createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    const send = makeSend(job, events);
    sockets.on('connection', (socket) => {
      attach(socket, job, events);
      events.opened(socket);
    });
    const endpoint: Endpoint = {
      get address() {
        return typeof job.address === 'string' ? job.address : (server.address() as net.AddressInfo).port;
      },
      send: (peer) => send(peer as WsSocket),
      broadcast: () => {
        let more = true;
        for (const socket of sockets.clients) if (!send(socket)) more = false;
        return more;
      },
      close: () => {
        for (const socket of sockets.clients) socket.terminate();
        server.close();
      },
    };
    return new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen(...listenArguments(job), () => resolve(endpoint));
    });
  },
  connect: async (job, events) => {
    const { WebSocket } = (await loadPackage('ws')) as Ws;
    const url =
      typeof job.address === 'string' ? `ws+unix:${job.address}:/` : `ws://127.0.0.1:${job.address}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const send = makeSend(job, events);
    attach(socket, job, events);
    socket.on('open', () => events.opened(socket));
    return { address: job.address, send: () => send(socket), close: () => socket.terminate() };
  },
};

/** Its senders look at `bufferedAmount`; the callback of the last message tells when it has left. */
function makeSend(job: Job, events: Events): (socket: WsSocket) => boolean {
  const data = messageOf(job.data);
  const binary = Buffer.isBuffer(data);
  return (socket) => {
    const content = binary ? data : JSON.stringify(data);
    if (socket.bufferedAmount < PENDING_BYTES) {
      socket.send(content);
      return true;
    }
    socket.send(content, () => events.drained(socket));
    return false;
  };
}

function attach(socket: WsSocket, job: Job, events: Events): void {
  const check = makeCheck(job.data);
  socket.on('message', (data: Buffer, binary: boolean) => {
    check(binary ? data : JSON.parse(data.toString()));
    events.received(socket, 1);
  });
  socket.on('error', () => socket.terminate());
}
