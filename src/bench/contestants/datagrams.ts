/**
 * Bare `node:dgram`, one message in each datagram: the floor of UDP. It asks for the receive buffer that ringwire asks for.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type Contestant, type Endpoint, type Events, type Job, messageOf } from '../contestant.ts';

const HOST = '127.0.0.1';
const BUFFER_BYTES: number = 4 * 1024 * 1024;

export const DATAGRAM_FLOOR: Pick<Contestant, 'serve' | 'connect'> = {
  serve: (job, events) => open(job, events),
  connect: async (job, events) => {
    const endpoint = await open({ ...job, address: 0 }, events);
    const server = { address: HOST, port: Number(job.address) };
    events.opened(server);
    return endpoint;
  },
};

async function open(job: Job, events: Events): Promise<Endpoint> {
  const data = messageOf(job.data) as Buffer;
  const socket = dgram.createSocket('udp4');
  socket.bind(Number(job.address), HOST);
  await once(socket, 'listening');
  socket.setRecvBufferSize(BUFFER_BYTES);
  socket.on('message', (message, source) => {
    if (message.length !== job.data) throw new Error('a datagram of another size');
    events.received(source, 1);
  });
  return {
    address: socket.address().port,
    send: (peer) => {
      const { address, port } = peer as dgram.RemoteInfo;
      socket.send(data, port, address);
      return true;
    },
    close: () => socket.close(),
  };
}
