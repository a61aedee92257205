/**
 * One client of the demo, in a process of its own: connects with the library and codec it is told, sends one payload as fast as it can for
 * the time it is told, then asks the server what has arrived.
 */
import { createRequire } from 'node:module';
import type net from 'node:net';
import { IPC, type Client } from '../../src/index.ts';
import { loadPayloads } from '../support/payloads.ts';
import type { Contestant, Order, Outcome } from './contestants.ts';

const [, , path = '', described = '{}'] = process.argv;
const contestant = JSON.parse(described) as Contestant;
const payloads = loadPayloads();
const isNodeIpc = contestant.library === '@achrinza/node-ipc';

/** Bytes that may wait in the socket before a sender without backpressure pauses. */
const WAITING_BYTES_MAX = 1024 * 1024;

function connect(connected: (client: Client) => void): void {
  const Library = isNodeIpc
    ? (createRequire(import.meta.url)('@achrinza/node-ipc') as { IPCModule: typeof IPC }).IPCModule
    : IPC;
  const ipc = new Library();
  Object.assign(ipc.config, { silent: true, retry: 100, id: contestant.name });
  if (contestant.codec !== undefined) ipc.config.codec = contestant.codec;
  ipc.connectTo('server', path, () => {
    const client = ipc.of['server'] as Client;
    client.on('connect', () => connected(client));
  });
}

function run(client: Client, order: Order, done: (outcome: Outcome) => void): void {
  const { json, bytes } = payloads[order.payload];
  const data = contestant.codec === 'raw' ? bytes : json;
  const socket = client.socket as net.Socket;
  const bytesBefore = socket.bytesWritten;
  const start = performance.now();
  const end = start + order.milliseconds;
  const burst = Math.max(1, Math.min(500, Math.floor(WAITING_BYTES_MAX / bytes.length)));
  let sent = 0;

  const finish = (): void => {
    client.once('seen', (answer: string | Buffer) => {
      const { arrived, wrong } = JSON.parse(String(answer)) as { arrived: number; wrong: number };
      const seconds = (performance.now() - start) / 1000;
      done({ sent, arrived, wrong, seconds, bytes: socket.bytesWritten - bytesBefore });
    });
    client.emit('end', '');
  };
  const next = (): void => {
    if (performance.now() >= end) {
      finish();
      return;
    }
    let ready = true;
    for (let count = 0; count < burst && ready; count++, sent++) {
      const accepted: unknown = client.emit(order.payload, data);
      ready = isNodeIpc ? socket.writableLength < WAITING_BYTES_MAX : accepted === true;
    }
    if (ready) setImmediate(next);
    else if (isNodeIpc) socket.once('drain', next);
    else client.once('drain', next);
  };
  next();
}

connect((client) => {
  process.send?.('connected');
  process.on('message', (order: Order) => run(client, order, (outcome) => process.send?.(outcome)));
});
process.on('disconnect', () => process.exit());
