/**
 * The package `vscode-jsonrpc`, JSON-RPC with headers as language servers speak it, over the same sockets: each message is a request, and the one
 * that comes back its answer.
 */
import net from 'node:net';
import { type Contestant, type Endpoint, EVENT, type Events, type Job, makeCheck } from '../contestant.ts';
import { findPackage, loadPackage } from '../optional.ts';
import { dial, listenArguments } from './net.ts';

/** The part of vscode-jsonrpc that is used here. */
interface Connection {
  onRequest(method: string, handler: (input: unknown) => unknown): unknown;
  sendRequest(method: string, input: unknown): Promise<unknown>;
  listen(): void;
}

interface Library {
  readonly createMessageConnection: (reader: object, writer: object) => Connection;
  readonly SocketMessageReader: new (socket: net.Socket) => object;
  readonly SocketMessageWriter: new (socket: net.Socket) => object;
}

const PACKAGE = 'vscode-jsonrpc/node';

export const VSCODE_JSONRPC: Contestant = {
  name: 'vscode-jsonrpc',
  missing: () => (findPackage(PACKAGE) === undefined ? 'vscode-jsonrpc is not installed' : undefined),
  serve: async (job, events) => {
    const library = (await loadPackage(PACKAGE)) as Library;
    const sockets = new Set<net.Socket>();
    let answer: unknown;
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      const check = makeCheck(job.data);
      const connection = connectionOf(library, socket);
      connection.onRequest(EVENT, (input) => {
        check(input);
        answer = undefined;
        events.received(socket, 1);
        return answer;
      });
      connection.listen();
      events.opened(socket);
    });
    const endpoint: Endpoint = {
      get address() {
        return typeof job.address === 'string' ? job.address : (server.address() as net.AddressInfo).port;
      },
      // The shape answers while the handler runs.
      send: () => {
        answer = job.data;
        return true;
      },
      close: () => {
        server.close();
        for (const socket of sockets) socket.destroy();
      },
    };
    return new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen(...listenArguments(job), () => resolve(endpoint));
    });
  },
  connect: async (job, events) => {
    const library = (await loadPackage(PACKAGE)) as Library;
    const socket = dial(job, () => events.opened(socket));
    socket.on('error', () => socket.destroy());
    const connection = connectionOf(library, socket);
    connection.listen();
    return {
      address: job.address,
      send: asker(connection, socket, job, events),
      close: () => socket.destroy(),
    };
  },
};

function connectionOf(library: Library, socket: net.Socket): Connection {
  const { createMessageConnection, SocketMessageReader, SocketMessageWriter } = library;
  return createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
}

function asker(connection: Connection, socket: net.Socket, job: Job, events: Events): () => boolean {
  const check = makeCheck(job.data);
  const answered = (answer: unknown): void => {
    check(answer);
    events.received(socket, 1);
  };
  return () => {
    connection.sendRequest(EVENT, job.data).then(answered, (error: unknown) => {
      throw error;
    });
    return true;
  };
}
