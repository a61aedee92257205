/**
 * ringwire over UDP, where both sides are servers. The event has an id that both know, as rates like these want it.
 *
 * Invariant: the library under test is the one that the job names.
 */
import type { DatagramSettings } from '../../endpoints/datagram-options.ts';
import type { Frame } from '../../frames/frame.ts';
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
} from '../contestant.ts';

const HOST = '127.0.0.1';

export function ringwireDatagrams(settings: DatagramSettings): Pick<Contestant, 'serve' | 'connect'> {
  return {
    serve: (job, events) => open(job, events, settings),
    connect: async (job, events) => {
      const server = { address: HOST, port: Number(job.address) };
      const endpoint = await open({ ...job, address: 0 }, events, { ...settings, connect: server });
      events.opened(server);
      return endpoint;
    },
  };
}

async function open(job: Job, events: Events, settings: DatagramSettings): Promise<Endpoint> {
  const { IPC: Class } = (await import(job.library)) as { IPC: new () => IPC };
  const ipc = new Class();
  const wire = { codec: 'raw', receive: 'frame', events: { [EVENT]: 1 } } as const;
  Object.assign(ipc.config, { silent: true, udp: settings, ...wire });
  ipc.serveNet(HOST, Number(job.address), 'udp4');
  const server = ipc.server as Server;
  const data = messageOf(job.data);
  const check = makeCheck(job.data, 1);
  let seen = 0;
  server.on(EVENT, (frame: Frame, source: object) => {
    if (frame.end - frame.start !== job.data) throw new Error('a frame of another size');
    if (seen++ % COMPARE_EVERY === 0) check(frame.bytes.subarray(frame.start, frame.end));
    events.received(source, 1);
  });
  server.on('drain', (source: object) => events.drained(source));
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.on('start', ({ port }: { port: number }) =>
      resolve({
        address: port,
        send: (peer) => server.emit(peer as PeerSocket, EVENT, data),
        close: () => server.stop(),
      }),
    );
    server.start();
  });
}
