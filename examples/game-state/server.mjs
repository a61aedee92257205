/**
 * Broadcasts the state of a small game 60 times a second to all who joined: `node server.mjs [--port 4160] [--ticks 0]`. It ends after that many
 * ticks, or never.
 */
import { parseArgs } from 'node:util';
import { IPC } from 'ringwire';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4160' },
    ticks: { type: 'string', default: '0' },
    players: { type: 'string', default: '8' },
  },
});
const TICK_MS = 1000 / 60;

const ipc = new IPC();
Object.assign(ipc.config, {
  silent: true,
  codec: 'msgpack',
  // Both programs know these numbers, so that no frame has to carry the name.
  events: { join: 1, pose: 2, chat: 3 },
  udp: {
    events: {
      // A player's newest pose replaces the one before, and nobody wants one that is older than three ticks.
      pose: { mode: 'latest', key: ({ id }) => id, maxAgeMs: 50 },
    },
  },
});
ipc.serveNet('127.0.0.1', Number(values.port), 'udp4');
const { server } = ipc;

const players = Array.from({ length: Number(values.players) }, (_, id) => ({ id, x: 0, y: 0, yaw: 0 }));

server.on('start', ({ port }) => {
  console.log(`port ${port}`);
  play();
});
server.on('join', ({ name }, source) => server.emit(source, 'chat', `welcome, ${name}`));

server.start();

function play() {
  const start = performance.now();
  let tick = 0;
  const timer = setInterval(() => {
    // A late timer catches up: the game's clock does not depend on it.
    const due = Math.floor((performance.now() - start) / TICK_MS);
    for (; tick < due; tick++) step(tick);
    for (const player of players) server.broadcast('pose', { ...player, tick });
    if (Number(values.ticks) === 0 || tick < Number(values.ticks)) return;
    clearInterval(timer);
    const { sent, sentMessages, replaced, peers } = server.stats();
    console.log(
      `${tick} ticks to ${peers.length} clients: ${sentMessages} messages in ${sent} datagrams, ${replaced} replaced`,
    );
    server.stop();
  }, TICK_MS);
}

function step(tick) {
  for (const player of players) {
    player.yaw = (tick / 60 + player.id) % (2 * Math.PI);
    player.x = 10 * Math.cos(player.yaw);
    player.y = 10 * Math.sin(player.yaw);
  }
}
