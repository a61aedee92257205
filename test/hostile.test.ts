/**
 * Hostile and strange bytes at a real server, over a real socket, whole and byte by byte: each has the consequence that PROTOCOL.md
 * and RELIABILITY give it, exactly one error or none, and nobody else notices anything.
 *
 * Invariant: one server and one witness live through all cases of a test.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { IPC, RingwireError } from '../src/index.ts';
import { frame } from './frames/naive.ts';
import { BINARY_CASES, HELLO, PREAMBLE } from './hostile/binary-cases.ts';
import { type Case, DELIMITED_CASES, MESSAGE_MAX } from './hostile/delimited-cases.ts';
import { Peer, Stage, within } from './hostile/stage.ts';

/** PROTOCOL.md section 2. */
const REASONS = [
  '',
  'FRAME_TOO_LARGE',
  'BAD_MAGIC',
  'BAD_VERSION',
  'BAD_FLAGS',
  'BAD_CODEC',
  'BAD_CONTROL',
  'INVALID_EVENT',
  'HANDSHAKE_TIMEOUT',
];
const PING: Buffer = frame(0, 0, Buffer.from('03000000deadbeef', 'hex'));
const PONG: Buffer = frame(0, 0, Buffer.from('04000000deadbeef', 'hex'));
const QUESTION: Buffer = Buffer.from('{"type":"ask","data":"alive"}\f');
const ANSWER: Buffer = Buffer.from('{"type":"answer","data":"alive"}\f');

/** The reason in the last goodbye among the received frames. */
function goodbyeReason(received: Buffer): number | undefined {
  let reason: number | undefined;
  let at = received.indexOf(0xf5) + 8;
  for (; at + 8 <= received.length; at += 8 + Math.ceil(received.readUInt32LE(at) / 8) * 8)
    if (received.readUInt16LE(at + 4) === 0 && received[at + 8] === 5)
      reason = received.readUInt16LE(at + 10);
  return reason;
}

async function play(stage: Stage, each: Case, byByte: boolean, isBinary: boolean): Promise<void> {
  stage.errors.length = 0;
  stage.delivered = 0;
  const peer = await stage.peer();
  await peer.send(each.bytes, byByte);
  if (each.ends === true) peer.socket.end();
  if (each.stays) {
    peer.socket.write(isBinary ? PING : QUESTION);
    await peer.until(isBinary ? PONG : ANSWER, 'a sign of life');
  } else await within('the peer to be cut', peer.closed);
  await stage.askWitness();

  const code = each.code === undefined ? [] : [`ERR_RINGWIRE_${each.code}`];
  assert.deepEqual(
    stage.errors.map((error) => error.code),
    code,
  );
  for (const error of stage.errors)
    assert.equal(error.closed, !each.stays, 'the error says whether the peer was cut');
  if (each.delivered !== undefined) assert.equal(stage.delivered, each.delivered, 'messages delivered');
  const reason = REASONS.indexOf(each.code ?? 'none');
  if (isBinary && !each.stays && each.ends !== true && !byByte && each.bytes.length < 60_000 && reason > 0)
    assert.equal(goodbyeReason(peer.received), reason, 'the peer is told why');
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  await stage.leave(peer);
}

for (const [wire, cases, isBinary] of [
  ['node-ipc', DELIMITED_CASES, false],
  ['ringwire', BINARY_CASES, true],
] as const) {
  for (const byByte of [false, true]) {
    const how = byByte ? 'byte by byte' : 'whole';
    test(`${cases.length} cases on the wire of ${wire}, ${how}`, async () => {
      const stage = await Stage.open({ maxMessageSize: MESSAGE_MAX });
      try {
        for (const each of cases) {
          await play(stage, each, byByte, isBinary).catch((cause: unknown) => {
            throw new Error(`${each.name}, ${how}: ${(cause as Error).message}`, { cause });
          });
        }
        assert.equal(stage.server.sockets.length, 1, 'only the witness is left');
      } finally {
        await stage.close();
      }
    });
  }
}

test('there are enough cases, and no two are the same', () => {
  const all = [...DELIMITED_CASES, ...BINARY_CASES];
  assert.ok(all.length >= 120, `${all.length} cases`);
  const bytes = new Set(BINARY_CASES.map((each) => `${each.bytes.toString('latin1')} ${each.ends}`));
  assert.equal(bytes.size, BINARY_CASES.length);
});

test('a peer that begins the ringwire wire and says no more is cut in time; a silent one is not', async () => {
  const stage = await Stage.open({ handshakeTimeout: 60 });
  try {
    const silent = await stage.peer();
    const peer = await stage.peer();
    const start = performance.now();
    await peer.send(PREAMBLE, false);
    await within('the peer to be cut', peer.closed);
    assert.ok(performance.now() - start > 50, 'not before its time');
    assert.deepEqual(stage.errors, [{ code: 'ERR_RINGWIRE_HANDSHAKE_TIMEOUT', closed: true }]);
    assert.equal(goodbyeReason(peer.received), 8);
    assert.equal(silent.isClosed, false, 'it may be a node-ipc peer that only listens');
    const greeted = await stage.peer();
    await greeted.send(Buffer.concat([PREAMBLE, HELLO, PING]), true);
    await greeted.until(PONG, 'a pong');
    await stage.askWitness();
  } finally {
    await stage.close();
  }
});

test('300 peers of hostile bytes at once: all are cut, the witness is answered throughout', async () => {
  const stage = await Stage.open({ maxMessageSize: MESSAGE_MAX, maxConnections: 1000 });
  try {
    const hostile = [...DELIMITED_CASES, ...BINARY_CASES].filter(
      (each) => !each.stays && each.bytes.length < 5000,
    );
    const peers = await Promise.all(Array.from({ length: 300 }, () => stage.peer()));
    const sent = peers.map(async (peer, index) => {
      const each = hostile[index % hostile.length] as Case;
      await peer.send(each.bytes, index % 2 === 0);
      peer.socket.end();
      await within(`${each.name} to be cut`, peer.closed);
    });
    for (let questions = 0; questions < 20; questions++) await stage.askWitness();
    await Promise.all(sent);
    await stage.askWitness();
    assert.ok(stage.errors.length >= 300, `${stage.errors.length} errors`);
  } finally {
    await stage.close();
  }
});

/** What a client makes of a server that sends `bytes`: its error, when it has disconnected. */
async function clientAgainst(bytes: Buffer, stage: Stage): Promise<string> {
  const path = join(stage.path, '..', 'hostile');
  const peers: Peer[] = [];
  const server = net.createServer((socket) => {
    peers.push(new Peer(socket));
    socket.write(bytes);
  });
  server.listen(path);
  await within('a raw server', once(server, 'listening'));
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, codec: 'json', handshakeTimeout: 60, maxRetries: 0 });
  const errors: string[] = [];
  let connects = 0;
  try {
    ipc.connectTo('hostile', path);
    const client = ipc.of['hostile'];
    assert.ok(client !== undefined);
    client.on('error', (error: RingwireError) => errors.push(error.code));
    client.on('connect', () => connects++);
    await within(
      'the client to give up',
      new Promise<void>((resolve) => client.on('destroy', () => resolve())),
    );
  } finally {
    ipc.disconnect('hostile');
    for (const peer of peers) peer.socket.destroy();
    server.close();
    await within('the raw server to close', once(server, 'close'));
  }
  assert.equal(connects, 0, 'a client is connected when it has heard hello');
  assert.equal(errors.length, 1, errors.join(' '));
  return errors[0] as string;
}

test('a client against a server that says nothing, or the wrong thing', async () => {
  const stage = await Stage.open();
  try {
    const rows: readonly (readonly [bytes: Buffer, code: string])[] = [
      [Buffer.alloc(0), 'HANDSHAKE_TIMEOUT'],
      [PREAMBLE, 'HANDSHAKE_TIMEOUT'],
      [Buffer.from('{"type":"msg","data":1}\f'), 'HANDSHAKE_TIMEOUT'],
      [Buffer.from('{"type":"msg","data":1}\fnope\f'), 'INVALID_JSON'],
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'BAD_MAGIC'],
      [Buffer.from('f553020000001000', 'hex'), 'BAD_VERSION'],
      [Buffer.concat([PREAMBLE, PING]), 'BAD_CONTROL'],
      [Buffer.concat([PREAMBLE, frame(0, 0, Buffer.from('010308000100000061', 'hex'))]), 'BAD_CODEC'],
      [Buffer.concat([PREAMBLE, frame(0, 0, Buffer.from('05000900', 'hex'))]), 'PEER_GOODBYE'],
    ];
    for (const [bytes, code] of rows)
      assert.equal(await clientAgainst(bytes, stage), `ERR_RINGWIRE_${code}`, bytes.toString('latin1'));
    await stage.askWitness();
  } finally {
    await stage.close();
  }
});
