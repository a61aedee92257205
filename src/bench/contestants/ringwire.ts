/**
 * ringwire on each of its wires, and the original, which has the same names.
 *
 * Invariant: the library under test is the one that the job names, so one harness measures any version.
 */
import net from 'node:net';
import type { Frame } from '../../frames/frame.ts';
import type { AnyCodecName } from '../../codecs/codec.ts';
import type { ReceiveMode } from '../../codecs/raw.ts';
import type { Client } from '../../ipc/client.ts';
import type { IPC } from '../../ipc/ipc.ts';
import type { PeerSocket, Server } from '../../ipc/server.ts';
import {
  COMPARE_EVERY,
  type Contestant,
  type Endpoint,
  EVENT,
  type Events,
  type Job,
  makeCheck,
  messageOf,
  PENDING_BYTES,
} from '../contestant.ts';
import { findPackage, loadPackage } from '../optional.ts';
import { type SampleView, sampleStruct, sampleCheck } from './sample.ts';

const ORIGINAL = '@achrinza/node-ipc';
const HOST = '127.0.0.1';

interface Options {
  /** Of the ringwire wire; none is node-ipc's wire. */
  readonly codec?: AnyCodecName;
  readonly receive?: ReceiveMode;
  readonly original?: boolean;
  /** Every message carries its number, which the C sink checks. */
  readonly numbered?: boolean;
}

export function ringwire(name: string, options: Options): Contestant {
  return {
    name,
    ours: options.original !== true,
    missing: () =>
      options.original && findPackage(ORIGINAL) === undefined ? `${ORIGINAL} is not installed` : undefined,
    serve: (job, events) => serve(job, events, options),
    connect: (job, events) => connect(job, events, options),
  };
}

async function makeIpc(job: Job, { codec, receive, original }: Options): Promise<IPC> {
  const Class = original
    ? ((await loadPackage(ORIGINAL)) as { IPCModule: new () => IPC }).IPCModule
    : ((await import(job.library)) as { IPC: new () => IPC }).IPC;
  const ipc = new Class();
  Object.assign(ipc.config, { silent: true, id: 'bench', retry: 50, receive: receive ?? 'copy' });
  if (codec !== undefined) ipc.config.codec = codec;
  if (codec === 'struct') ipc.config.structs = { [EVENT]: await sampleStruct(job) };
  return ipc;
}

async function serve(job: Job, events: Events, options: Options): Promise<Endpoint> {
  const ipc = await makeIpc(job, options);
  const data = messageOf(job.data);
  if (job.tls !== undefined)
    Object.assign(ipc.config, { tls: { private: job.tls.key, public: job.tls.cert } });
  return new Promise((resolve, reject) => {
    const started = (): void => resolve(endpoint);
    if (typeof job.address === 'string') ipc.serve(job.address, started);
    else ipc.serveNet(HOST, job.address, started);
    const server = ipc.server as Server;
    const endpoint: Endpoint = {
      get address() {
        return typeof job.address === 'string'
          ? job.address
          : ((server.server as net.Server).address() as net.AddressInfo).port;
      },
      send: options.original
        ? (peer) => (server.emit(peer as PeerSocket, EVENT, data), takesMore(peer as PeerSocket, events))
        : (peer) => server.emit(peer as PeerSocket, EVENT, data),
      broadcast: () => {
        const more = server.broadcast(EVENT, data);
        return options.original ? server.sockets.every((socket) => takesMore(socket, events)) : more;
      },
      close: () => server.stop(),
    };
    server.on('error', reject);
    server.on('connect', (socket: PeerSocket) => events.opened(socket));
    server.on('drain', (socket: PeerSocket) => events.drained(socket));
    listen(server, job, events, options);
    server.start();
  });
}

async function connect(job: Job, events: Events, options: Options): Promise<Endpoint> {
  const ipc = await makeIpc(job, options);
  const data = messageOf(job.data);
  if (job.tls !== undefined) Object.assign(ipc.config, { tls: { trustedConnections: job.tls.cert } });
  return new Promise((resolve) => {
    const made = (): void => {
      const client = ipc.of['bench'] as Client;
      resolve({
        address: job.address,
        send: options.numbered
          ? numbered(client, data as Buffer)
          : options.original
            ? () => (client.emit(EVENT, data), takesMore(client.socket as net.Socket, events))
            : () => client.emit(EVENT, data),
        close: () => ipc.disconnect('bench'),
      });
      client.on('connect', () => events.opened(client));
      client.on('drain', () => events.drained(client));
      listen(client, job, events, options, client);
    };
    if (typeof job.address === 'string') ipc.connectTo('bench', job.address, made);
    else ipc.connectToNet('bench', HOST, job.address, made);
  });
}

function numbered(client: Client, data: Buffer): () => boolean {
  const number = new Uint32Array(data.buffer, data.byteOffset, 1);
  return () => {
    const more = client.emit(EVENT, data);
    number[0] = (number[0] as number) + 1;
    return more;
  };
}

/** @param own the peer of a client's messages; a server is told it with each */
function listen(
  emitter: Server | Client,
  job: Job,
  events: Events,
  { codec, receive }: Options,
  own?: Client,
): void {
  if (codec === 'struct') {
    const check = sampleCheck(job);
    emitter.on(EVENT, (view: SampleView, socket: PeerSocket) => {
      check(view);
      events.received(own ?? socket, 1);
    });
    return;
  }
  if (receive === 'frame') {
    // A Buffer for each frame would be what this mode avoids: it is made for the few that are compared.
    const check = makeCheck(job.data, 1);
    let seen = 0;
    emitter.on(EVENT, (frame: Frame, socket: PeerSocket) => {
      if (frame.end - frame.start !== job.data) throw new Error('a frame of another size');
      if (seen++ % COMPARE_EVERY === 0) check(frame.bytes.subarray(frame.start, frame.end));
      events.received(own ?? socket, 1);
    });
    return;
  }
  const check = makeCheck(job.data);
  emitter.on(EVENT, (data: unknown, socket: PeerSocket) => {
    check(data);
    events.received(own ?? socket, 1);
  });
}

/** The original knows no backpressure: it gets as much as its socket takes in. */
function takesMore(socket: net.Socket, events: Events): boolean {
  if (socket.writableLength <= PENDING_BYTES) return true;
  if (socket.listenerCount('drain') < 2) socket.once('drain', () => events.drained(socket));
  return false;
}
