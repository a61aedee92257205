/**
 * Peers that lie about sessions, as plain bytes: acks for what was never sent, numbers of others, counts that cannot be, frames out of turn. Each gets a
 * goodbye with its reason; the session that it spoke of, and the client that it belongs to, notice nothing.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import type { PeerClient, PeerServer, RingwireError } from '../../src/index.ts';
import { ackFrame, sessionFrame, type SessionState } from '../../src/frames/session.ts';
import { announceBytes, frame, greetingBytes, next, Stage, until } from '../api/support.ts';

const RAW = 3;
const FEATURES = 3;
const BAD_CONTROL = 6;
const SESSION_TAKEN = 17;
const START: SessionState = { session: 7n, remembered: false, received: 0, first: 0 };

interface Wire {
  readonly socket: net.Socket;
  /** Everything that came. */
  bytes(): Buffer;
}

/** A raw client that has greeted. */
async function greeted(stage: Stage): Promise<Wire> {
  const socket = await stage.raw();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  socket.write(greetingBytes(RAW, FEATURES));
  const wire = { socket, bytes: () => Buffer.concat(chunks) };
  await until('the greeting', () => framesOf(wire).length > 0);
  return wire;
}

function framesOf(wire: Wire): Buffer[] {
  const bytes = wire.bytes();
  const frames: Buffer[] = [];
  for (let at = 8; at + 8 <= bytes.length;) {
    const end = at + 8 + Math.ceil(bytes.readUInt32LE(at) / 8) * 8;
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** What the server said of the session: remembered, received, first. */
async function answer(wire: Wire): Promise<number[]> {
  const found = (): Buffer | undefined => framesOf(wire).find((each) => each[4] === 0 && each[8] === 6);
  await until('the answer', () => found() !== undefined);
  const bytes = found() as Buffer;
  return [bytes[9] as number, bytes.readUInt32LE(12), bytes.readUInt32LE(24)];
}

async function reason(wire: Wire): Promise<number> {
  const found = (): Buffer | undefined => framesOf(wire).find((each) => each[4] === 0 && each[8] === 5);
  await until('a goodbye', () => found() !== undefined);
  return (found() as Buffer).readUInt16LE(10);
}

/** A server with a client that is well, and a check that it still is. */
async function witnessed(
  t: TestContext,
): Promise<{ stage: Stage; server: PeerServer; codes: string[]; isWell: () => Promise<void> }> {
  const stage = new Stage(t);
  const { server, client } = await stage.pair({ ack: true, codec: 'raw' }, { ack: true, codec: 'raw' });
  const codes: string[] = [];
  server.lifecycle.on('error', (error) => void codes.push((error as RingwireError).code));
  const isWell = async (): Promise<void> => {
    const heard = next(server, 'well');
    (client as PeerClient).send('well', Buffer.from('yes'));
    assert.equal(String(await heard), 'yes');
    assert.equal(client.stats().refused['ERR_RINGWIRE_SESSION_LOST'], undefined);
  };
  await isWell();
  return { stage, server, codes, isWell };
}

const message = frame(0x8000, RAW, Buffer.from('x'));
const named = announceBytes('m');
const request = frame(0x8000, RAW, Buffer.from('x'), { correlation: 1, kind: 1 });

for (const [name, ...frames] of [
  ['an ack before the session', ackFrame(0)],
  ['a message before the session', named, message],
  ['a request before the session', named, request],
  ['an ack for what was never sent', sessionFrame(START), ackFrame(1)],
  ['an ack half the numbers ahead', sessionFrame(START), ackFrame(2 ** 31)],
  ['an ack behind an earlier one', sessionFrame({ ...START, received: 5 }), ackFrame(4)],
  ['a second session frame', sessionFrame(START), sessionFrame(START)],
  ['a client that remembers', sessionFrame({ ...START, remembered: true })],
  ['session 0', sessionFrame({ ...START, session: 0n })],
] as const) {
  test(`${name}: BAD_CONTROL, and nobody else notices`, async (t) => {
    const { stage, server, codes, isWell } = await witnessed(t);
    let heard = 0;
    server.on('m', () => heard++);
    const wire = await greeted(stage);
    wire.socket.write(Buffer.concat(frames));
    assert.equal(await reason(wire), BAD_CONTROL);
    assert.equal(heard, 0);
    assert.deepEqual(codes, ['ERR_RINGWIRE_BAD_CONTROL']);
    await isWell();
  });
}

/** A raw client in a session in which it has sent three messages, and was sent two. */
async function inSession(stage: Stage, server: PeerServer): Promise<Wire> {
  const wire = await greeted(stage);
  const three = new Promise<void>((resolve) => {
    let heard = 0;
    server.on('m', () => ++heard === 3 && resolve());
  });
  const connected = new Promise<void>((resolve) => {
    server.lifecycle.once('connect', (peer) => {
      peer.send('n', Buffer.from('1'));
      peer.send('n', Buffer.from('2'));
      resolve();
    });
  });
  wire.socket.write(Buffer.concat([sessionFrame(START), named, message, message, message]));
  assert.deepEqual(await answer(wire), [0, 0, 0]);
  await Promise.all([three, connected]);
  await until('two messages', () => messagesOf(wire).length === 2);
  return wire;
}

function messagesOf(wire: Wire): string[] {
  return framesOf(wire)
    .filter((each) => each.readUInt16LE(4) !== 0)
    .map((each) => each.toString('latin1', 8, 8 + each.readUInt32LE(0)));
}

for (const [name, state] of [
  ['has received what was never sent', { ...START, received: 3 }],
  ['has received fewer than nothing', { ...START, received: 2 ** 32 - 1 }],
  ['was acknowledged what was never received', { ...START, first: 4 }],
] as const) {
  test(`somebody with the number of another’s session who ${name}: BAD_CONTROL, and it is not taken over`, async (t) => {
    const { stage, server, isWell } = await witnessed(t);
    const owner = await inSession(stage, server);
    const thief = await greeted(stage);
    thief.socket.write(sessionFrame(state));
    assert.equal(await reason(thief), BAD_CONTROL);
    assert.deepEqual(messagesOf(thief), [], 'nothing of the owner’s');
    const heard = next(server, 'm');
    owner.socket.write(message);
    await heard;
    await isWell();
  });
}

test('numbers that are nobody’s: a session of their own, with nothing of anybody', async (t) => {
  const { stage, server, isWell } = await witnessed(t);
  await inSession(stage, server);
  for (const session of [1n, 6n, 8n, 2n ** 64n - 1n]) {
    const wire = await greeted(stage);
    wire.socket.write(sessionFrame({ ...START, session, received: 9, first: 2 ** 32 - 1 }));
    assert.deepEqual(await answer(wire), [0, 2 ** 32 - 1, 9]);
    assert.deepEqual(messagesOf(wire), []);
  }
  await isWell();
});

test('a session that is resumed: the old connection is cut, the rest comes again behind its announce, across the wrap of the counts', async (t) => {
  const { stage, server, codes, isWell } = await witnessed(t);
  const owner = await inSession(stage, server);
  const again = await greeted(stage);
  again.socket.write(sessionFrame({ ...START, received: 1, first: 3 }));
  assert.deepEqual(await answer(again), [1, 3, 1]);
  assert.equal(await reason(owner), SESSION_TAKEN);
  await until('the second message again', () => messagesOf(again).length === 1);
  assert.deepEqual(messagesOf(again), ['2']);
  assert.deepEqual(codes, ['ERR_RINGWIRE_SESSION_TAKEN']);
  again.socket.write(ackFrame(2));
  await until('its acknowledgement', () => server.stats().unacknowledged.messages === 0);
  const late = await greeted(stage);
  const wrapping = { ...START, session: 9n, received: 0, first: 2 ** 32 - 2 };
  late.socket.write(Buffer.concat([sessionFrame(wrapping), named, message, message, message]));
  const lastAck = (): Buffer | undefined => framesOf(late).findLast((each) => each[4] === 0 && each[8] === 7);
  await until('an ack', () => lastAck() !== undefined);
  assert.equal(lastAck()?.readUInt32LE(12), 1);
  await isWell();
});

test('a hello that accepts less than what is kept: BAD_CONTROL, and the session stays', async (t) => {
  const { stage, server } = await witnessed(t);
  const owner = await inSession(stage, server);
  owner.socket.destroy();
  await until('the owner gone', () => server.stats().peersAway === 1);
  const socket = await stage.raw();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  const hello = greetingBytes(1, FEATURES);
  hello.writeUInt16LE(0b10, 18);
  socket.write(Buffer.concat([hello, sessionFrame({ ...START, first: 3 })]));
  assert.equal(await reason({ socket, bytes: () => Buffer.concat(chunks) }), BAD_CONTROL);
  assert.equal(server.stats().peersAway, 1);
  const again = await greeted(stage);
  again.socket.write(sessionFrame({ ...START, first: 3 }));
  await until('both messages', () => messagesOf(again).length === 2);
});
