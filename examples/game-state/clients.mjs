/**
 * 32 clients of server.mjs in one process, each on a socket of its own: `node clients.mjs [--port 4160] [--clients 32] [--poses 0]`. It ends when
 * every client has seen that many poses, or never; once a second it prints what arrived.
 */
import { parseArgs } from 'node:util';
import { IPC } from 'ringwire';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4160' },
    clients: { type: 'string', default: '32' },
    poses: { type: 'string', default: '0' },
  },
});
const server = { address: '127.0.0.1', port: Number(values.port) };

const clients = Array.from({ length: Number(values.clients) }, (_, index) => join(`player-${index}`));
const timer = setInterval(report, 1000);

function join(name) {
  const ipc = new IPC();
  Object.assign(ipc.config, {
    silent: true,
    codec: 'msgpack',
    events: { join: 1, pose: 2, chat: 3 },
    udp: { events: { pose: { mode: 'latest', key: ({ id }) => id } } },
  });
  ipc.serveNet('127.0.0.1', 0, 'udp4');
  const client = { socket: ipc.server, poses: 0, welcomed: false };
  client.socket.on('start', () => client.socket.emit(server, 'join', { name }));
  client.socket.on('chat', () => (client.welcomed = true));
  client.socket.on('pose', () => {
    client.poses++;
    const enough = Number(values.poses);
    if (enough > 0 && clients.every(({ poses, welcomed }) => welcomed && poses >= enough)) leave();
  });
  client.socket.start();
  return client;
}

function report() {
  const stats = clients.map(({ socket }) => socket.stats());
  const sum = (name) => stats.reduce((total, each) => total + each[name], 0);
  const jitter = Math.max(...stats.map(({ jitterMs }) => jitterMs)).toFixed(2);
  console.log(
    `${sum('received')} datagrams, ${sum('receivedMessages')} poses, ${sum('lost')} lost, jitter up to ${jitter} ms`,
  );
}

function leave() {
  clearInterval(timer);
  report();
  for (const { socket } of clients) socket.stop();
}
