/**
 * The vectors of fixtures/vectors through the TypeScript parsers and wires: whole, byte by byte, cut once at every place and at random.
 * native-peers/vectors.c runs the same files; who passes both agrees with the other on frames, codes and offsets.
 *
 * Datagrams are not cut: each arrives whole.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { announceFrame, goodbyeFrame, greeting, pongFrame } from '../../src/frames/control.ts';
import { ackFrame, sessionFrame } from '../../src/frames/session.ts';
import { ACK_DELAY_MS, ACK_MESSAGES, DEFAULT_LIMITS, LAYOUTS_MAX } from '../../src/limits.ts';
import { projectRoot } from '../support/project.ts';
import { seeded } from '../support/seeded.ts';
import { readVectors, type Vector, VECTOR_FOLDER } from '../support/vectors.ts';
import { evenly, randomly, type Way, WAYS } from './pieces.ts';
import { replayDatagrams } from './replay-datagrams.ts';
import { replay } from './replay.ts';

/** What the wire alone does not know: who joins the parts above it does. */
const ELSEWHERE: readonly string[] = ['session', 'prelude'];

const vectors: readonly Vector[] = readVectors();
const ours: readonly Vector[] = vectors.filter(
  ({ setting, needs }) => setting.wire !== 'datagram' && !needs.some((need) => ELSEWHERE.includes(need)),
);

function* splits(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes];
  yield evenly(bytes, 1);
  const step = bytes.length > 600 ? 97 : 1;
  for (let at = 1; at < bytes.length; at += at < 64 ? 1 : step)
    yield [bytes.subarray(0, at), bytes.subarray(at)];
  const random = seeded(bytes.length);
  for (let round = 0; round < 4; round++) yield randomly(bytes, random, 24);
}

/** Whole and byte by byte in every way that a parser can be given bytes, all other cuts in one of them. */
function check({ name, setting, pieces, expected }: Vector): void {
  let round = 0;
  for (const split of splits(Buffer.concat(pieces))) {
    for (const way of round < 2 ? WAYS : [WAYS[round % WAYS.length] as Way])
      assert.equal(replay(setting, split, way), expected, `${name}, ${split.length} pieces, ${way}`);
    round++;
  }
}

test('there are enough vectors, of all kinds, and no two of one name', (context) => {
  const hostile = vectors.filter(({ expected }) => !/end OK \d+$/.test(expected));
  assert.ok(hostile.length >= 200, `${hostile.length} vectors end with a code`);
  for (const wire of ['stream', 'delimited', 'datagram'])
    assert.ok(vectors.filter(({ setting }) => setting.wire === wire).length >= 50, wire);
  assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  assert.ok(ours.length > 300, `${ours.length} vectors`);
  context.diagnostic(`${vectors.length} vectors, ${hostile.length} of them hostile, ${ours.length} run here`);
});

for (const wire of ['stream', 'delimited'] as const) {
  test(`the vectors of the ${wire} wire, in every cut`, () => {
    for (const vector of ours) if (vector.setting.wire === wire) check(vector);
  });
}

test('the vectors of datagrams', () => {
  for (const { name, setting, pieces, expected } of vectors)
    if (setting.wire === 'datagram') assert.equal(replayDatagrams(setting, pieces), expected, name);
});

test('the hostile vectors are what their tables make', async () => {
  const script = pathToFileURL(join(projectRoot(), 'fixtures', 'make-vectors.mjs')).href;
  const { makeFiles } = (await import(script)) as { makeFiles: () => [string, string][] };
  for (const [file, text] of makeFiles())
    assert.ok(
      readFileSync(join(VECTOR_FOLDER, file), 'utf8') === text,
      `${file}: run fixtures/make-vectors.mjs`,
    );
});

/** The bytes of a golden vector. */
function golden(name: string): Buffer {
  const vector = vectors.find((each) => each.name === name);
  assert.ok(vector !== undefined, name);
  return Buffer.concat(vector.pieces);
}

/** The bytes that a block of PROTOCOL.md shows, without its comments. */
function shown(block: string): Buffer {
  const lines = block
    .split('\n')
    .map((line) => /^(?:[0-9A-F]{2} {1,2})*[0-9A-F]{2}(?= |$)/.exec(line)?.[0] ?? '');
  return Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
}

test('PROTOCOL.md shows both sides of the golden session, the golden frames of a resumed one, and the golden datagrams', () => {
  const page = readFileSync(join(projectRoot(), 'PROTOCOL.md'), 'utf8');
  const blocks = (from: string, to: string): Buffer[] =>
    [...page.slice(page.indexOf(from), page.indexOf(to)).matchAll(/```\n(.*?)```/gs)].map(([, block = '']) =>
      shown(block),
    );
  const session = blocks('## 6.', '## 7.');
  assert.equal(session.length, 5, 'client, server, client, server, client');
  const side = (first: number): Buffer => Buffer.concat(session.filter((_, index) => index % 2 === first));
  assert.deepEqual(side(0), golden("the client's whole side of the session of PROTOCOL.md section 6"));
  assert.deepEqual(side(1), golden("the server's whole side of it"));
  const [resuming] = blocks('### 1.5', '### 1.6');
  const [begins, remembered] = ['a session that begins, and an ack', 'a session that is remembered'].map(
    golden,
  ) as [Buffer, Buffer];
  assert.deepEqual(
    resuming,
    Buffer.concat([begins.subarray(24, 56), remembered.subarray(24), begins.subarray(56)]),
  );
  const [, one, timed] = blocks('## 4.', '## 5.');
  assert.deepEqual(one, golden('datagram: one message, as in PROTOCOL.md section 4'));
  assert.deepEqual(timed, golden('datagram: timing and an inline name, as in PROTOCOL.md section 4'));
});

test('PROTOCOL.md names the limits that the code has', () => {
  const page = readFileSync(join(projectRoot(), 'PROTOCOL.md'), 'utf8');
  const table = page.slice(page.indexOf('### 2.1'), page.indexOf('## 3.')).replaceAll(',', '');
  const { depthMax, elementsMax, keysMax, ackCountMax, ackBytesMax, sessionTtlMs, sessionsMax } =
    DEFAULT_LIMITS;
  const { handshakeTimeoutMs, heartbeatMs, heartbeatMissesMax, requestsHandledMax, frameBytesMax } =
    DEFAULT_LIMITS;
  for (const row of [
    `default ${frameBytesMax} |`,
    `| ringwire: ${depthMax}; ${elementsMax}; ${keysMax} |`,
    `| ringwire: ${requestsHandledMax} |`,
    `| ${ACK_MESSAGES} or ${ACK_DELAY_MS} ms; kept in ringwire up to ${ackCountMax} and ${ackBytesMax} bytes |`,
    `| ringwire: ${sessionTtlMs / 1000} s ${sessionsMax} of them |`,
    `| ${handshakeTimeoutMs / 1000} s |`,
    `| ${heartbeatMs / 1000} s; ${heartbeatMissesMax} |`,
    `| layouts in a hello | ${LAYOUTS_MAX} |`,
  ])
    assert.ok(table.includes(row), row);
});

test('our writers write golden bytes', () => {
  const session = golden('the session of PROTOCOL.md section 6');
  const hello = greeting(16_777_216, { codec: 3, codecSet: 0b1110, id: 'a', features: 0 });
  assert.deepEqual(Buffer.concat([hello, announceFrame(0x8000, 's')]), session.subarray(0, 48));
  const controls = golden('ping, pong and goodbye');
  const start = greeting(1024, { codec: 1, codecSet: 2, id: '', features: 0 });
  assert.deepEqual(start, controls.subarray(0, start.length));
  assert.deepEqual(pongFrame(42), controls.subarray(40, 56));
  const [begins, remembered] = ['a session that begins, and an ack', 'a session that is remembered'].map(
    golden,
  );
  const number = { session: 0x0123456789abcdefn, first: 0 };
  assert.deepEqual(sessionFrame({ ...number, remembered: false, received: 0 }), begins?.subarray(24, 56));
  assert.deepEqual(ackFrame(3), begins?.subarray(56));
  assert.deepEqual(sessionFrame({ ...number, remembered: true, received: 2 }), remembered?.subarray(24));
  const refusal = golden('goodbye with a reason');
  assert.deepEqual(goodbyeFrame('ERR_RINGWIRE_BAD_CODEC', ''), refusal.subarray(8));
});
