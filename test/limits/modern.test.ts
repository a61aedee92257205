/**
 * Limits of the modern face: each one can be set and refuses nonsense by name, and each that a peer can cross costs the peer its code in `stats().refused`.
 * Peers are plain `net`.
 */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { test, type TestContext } from 'node:test';
import { type ListenOptions, listen, type PeerServer, type ServerPeer } from '../../src/index.ts';
import { contextOptions, reconnectOf } from '../../src/api/options.ts';
import { DEFAULT_LIMITS, ENDLESS_LIMITS, type Limits } from '../../src/limits.ts';
import { announceBytes, frame, greetingBytes, nextPeer, Stage, until } from '../api/support.ts';

const JSON_CODEC = 1;
const MIB: number = 1024 * 1024;

test('each limit has its default, can be set, and refuses what is no number', () => {
  assert.deepEqual(contextOptions({}, {}, true).limits, DEFAULT_LIMITS);
  assert.deepEqual(contextOptions({}, {}, false).limits, {
    ...DEFAULT_LIMITS,
    writeStallTimeoutMs: Infinity,
  });
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    const value = name === 'frameBytesMax' || name === 'pendingBytesMax' ? 2 * MIB : 77;
    assert.equal(contextOptions({ limits: { [name]: value } }, {}, true).limits[name], value);
    for (const bad of [0, -1, Number.NaN, '10', null, true, {}]) {
      const limits = { [name]: bad } as unknown as Partial<Limits>;
      const message = new RegExp(`^limits\\.(?:${name}|pendingBytesSoft) must be a number`);
      assert.throws(() => contextOptions({ limits }, {}, true), { code: 'ERR_RINGWIRE_BAD_CONFIG', message });
    }
    if (ENDLESS_LIMITS.has(name))
      assert.equal(contextOptions({ limits: { [name]: Infinity } }, {}, true).limits[name], Infinity);
  }
  assert.deepEqual(reconnectOf(), { delayMs: 500, delayMsMax: 30_000, attemptsMax: Infinity });
});

interface Scene {
  readonly stage: Stage;
  readonly server: PeerServer;
  readonly socket: net.Socket;
  readonly peer: ServerPeer;
}

/** A server with one raw peer that has said hello and announced 'msg'. */
async function scene(context: TestContext, options: ListenOptions): Promise<Scene> {
  const stage = new Stage(context);
  const server = await stage.server({ codec: 'json', ...options });
  server.lifecycle.on('error', () => {});
  server.handle('echo', (input) => input);
  const arrived = nextPeer(server);
  const socket = await stage.raw();
  socket.write(Buffer.concat([greetingBytes(JSON_CODEC), announceBytes('msg')]));
  socket.resume();
  return { stage, server, socket, peer: await arrived };
}

function messageOf(value: unknown): Buffer {
  return frame(0x8000, JSON_CODEC, Buffer.from(JSON.stringify(value)));
}

interface Crossing {
  readonly limits: Partial<Limits>;
  readonly options?: ListenOptions;
  readonly code: string;
  readonly cross: (scene: Scene) => void;
}

const silent = (): void => {};
const CROSSINGS: Readonly<Record<string, Crossing>> = {
  frameBytesMax: {
    limits: { frameBytesMax: 2_000 },
    code: 'FRAME_TOO_LARGE',
    cross: ({ socket }) => void socket.write(messageOf('x'.repeat(3_000))),
  },
  depthMax: {
    limits: { depthMax: 3 },
    code: 'TOO_DEEP',
    cross: ({ socket }) => void socket.write(messageOf([[[[1]]]])),
  },
  elementsMax: {
    limits: { elementsMax: 3 },
    code: 'TOO_MANY_ELEMENTS',
    cross: ({ socket }) => void socket.write(messageOf([1, 2, 3, 4])),
  },
  keysMax: {
    limits: { keysMax: 2 },
    code: 'TOO_MANY_ELEMENTS',
    cross: ({ socket }) => void socket.write(messageOf({ a: 1, b: 2, c: 3 })),
  },
  eventNameBytesMax: {
    limits: { eventNameBytesMax: 4 },
    code: 'INVALID_EVENT',
    cross: ({ socket }) => void socket.write(announceBytes('longer', 0x8001)),
  },
  frameTimeoutMs: {
    limits: { frameTimeoutMs: 60 },
    code: 'FRAME_TIMEOUT',
    cross: ({ socket }) => void socket.write(messageOf('x'.repeat(100)).subarray(0, 50)),
  },
  frameProgressBytesMin: {
    limits: { frameTimeoutMs: 60, frameProgressBytesMin: 1e9 },
    code: 'FRAME_TIMEOUT',
    cross: ({ server, socket }) => {
      socket.write(messageOf('x'.repeat(10 * MIB)).subarray(0, 50));
      const drip = setInterval(() => socket.write(Buffer.alloc(1_000, 0x78)), 5);
      server.lifecycle.once('disconnect', () => clearInterval(drip));
    },
  },
  heartbeatMs: { limits: { heartbeatMs: 30 }, code: 'PEER_DEAD', cross: silent },
  heartbeatMissesMax: {
    limits: { heartbeatMs: 60, heartbeatMissesMax: 1 },
    code: 'PEER_DEAD',
    cross: silent,
  },
  floodTimeoutMs: {
    limits: { floodTimeoutMs: 60, turnBytesMax: 1_000 },
    code: 'FLOOD',
    cross: ({ socket }) => {
      const messages = Buffer.concat(Array.from({ length: 1_000 }, () => messageOf(1)));
      const pour = (): void => {
        while (!socket.destroyed && socket.write(messages));
      };
      socket.on('drain', pour);
      pour();
    },
  },
  writeStallTimeoutMs: {
    limits: { writeStallTimeoutMs: 80, pendingBytesSoft: 1_000 },
    code: 'SLOW_CONSUMER_TIME',
    cross: ({ socket, peer }) => {
      socket.pause();
      peer.send('much', 'x'.repeat(8 * MIB));
    },
  },
  pendingBytesMax: {
    limits: { pendingBytesMax: MIB },
    options: { slowConsumer: 'disconnect' },
    code: 'SLOW_CONSUMER_BYTES',
    cross: ({ socket, peer }) => {
      socket.pause();
      for (let count = 0; count < 8; count++) peer.send('much', 'x'.repeat(MIB));
    },
  },
  totalPendingBytesMax: {
    limits: { totalPendingBytesMax: MIB },
    code: 'MEMORY_LIMIT',
    cross: ({ socket, peer }) => {
      socket.pause();
      peer.send('much', 'x'.repeat(8 * MIB));
    },
  },
};

for (const [name, { limits, options, code, cross }] of Object.entries(CROSSINGS)) {
  test(`limits.${name}: crossing it is ERR_RINGWIRE_${code}, once, and the next peer is served`, async (context) => {
    const made = await scene(context, { limits, ...options });
    cross(made);
    const { server } = made;
    await until('the refusal', () => (server.stats().refused[`ERR_RINGWIRE_${code}`] ?? 0) > 0);
    assert.deepEqual(server.stats().refused, { [`ERR_RINGWIRE_${code}`]: 1 });
    made.socket.destroy();
    assert.equal(await (await made.stage.client()).request('echo', 1), 1);
  });
}

test('limits.handshakeTimeoutMs: a peer that begins a hello and does not end it is cut', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({ limits: { handshakeTimeoutMs: 40 } });
  const socket = await stage.raw();
  socket.write(greetingBytes().subarray(0, 12));
  await new Promise((resolve) => socket.once('close', resolve).resume());
  await until('its end', () => server.stats().refused['ERR_RINGWIRE_HANDSHAKE_TIMEOUT'] === 1);
});

test('maxConnections: one more is refused and counted; impossible values are refused', async (context) => {
  const stage = new Stage(context);
  const server = await stage.server({ maxConnections: 1 });
  await stage.client();
  const second = await stage.raw();
  await new Promise((resolve) => second.once('close', resolve).resume());
  assert.deepEqual(server.stats().refused, { ERR_RINGWIRE_TOO_MANY_CONNECTIONS: 1 });
  for (const maxConnections of [0, -1, Number.NaN, '1' as unknown as number])
    await assert.rejects(listen(stage.address, { maxConnections }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

for (const [slowConsumer, which] of [
  ['drop-newest', 'newest'],
  ['drop-oldest', 'oldest'],
  ['latest', 'replaced'],
] as const) {
  test(`slowConsumer ${slowConsumer}: what the peer gets and what stats().dropped counts is all that was sent`, async (context) => {
    const limits = { pendingBytesSoft: 20_000, pendingBytesMax: 60_000 };
    const { server, socket, peer } = await scene(context, { limits, slowConsumer });
    socket.pause();
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1').split('<').length - 1));
    socket.pause();
    const sent = 2_000;
    for (let n = 0; n < sent; n++) {
      peer.send('much', `<${'x'.repeat(1_000)}`);
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    const { newest, oldest, replaced } = server.stats().dropped;
    const dropped = newest + oldest + replaced;
    assert.equal(server.stats().dropped[which], dropped);
    assert.ok(dropped > sent / 2, `${dropped} were dropped`);
    await until('the rest', () => received >= sent - dropped);
    assert.equal(received, sent - dropped);
  });
}
