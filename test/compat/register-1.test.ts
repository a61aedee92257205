/**
 * The bug register, B1 to B6: what arrives on the wire and what becomes of it. Peers are plain `net`, so that every byte
 * and every cut is the test's own.
 *
 * Exhaustive chunking belongs to the parser's own tests. Invariant: each row is planted on the original.
 */
import assert from 'node:assert/strict';
import { frame } from './support/raw.ts';
import type { Peer } from './support/subjects.ts';
import { both, fixed, fixedKind, ours } from './support/suites.ts';
import { next, record } from './support/waiting.ts';

const ENVELOPE = 'ERR_RINGWIRE_INVALID_ENVELOPE';
const JSON_CODE = 'ERR_RINGWIRE_INVALID_JSON';

const ODD_FRAMES: readonly (readonly [text: string, code: string])[] = [
  ['{}', ENVELOPE],
  ['{"data":1}', ENVELOPE],
  ['{"type":5}', ENVELOPE],
  ['{"type":null,"data":1}', ENVELOPE],
  ['{"type":["m"],"data":1}', ENVELOPE],
  ['{"type":{"toString":1},"data":1}', ENVELOPE],
  ['null', ENVELOPE],
  ['5', ENVELOPE],
  ['"m"', ENVELOPE],
  ['[]', ENVELOPE],
  ['[{"type":"m"}]', ENVELOPE],
  ['{"type":"m"', JSON_CODE],
  ["{'type':'m'}", JSON_CODE],
  ['{"type":"m","data":1}}', JSON_CODE],
  ['nonsense', JSON_CODE],
  ['', JSON_CODE],
];

fixed(
  'B1: a malformed frame is an error with a code, its sender is cut, the server lives',
  /TypeError/,
  async (stage) => {
    const { server, address } = await stage.serve();
    const seen = record(server, 'error', 'm', 'socket.disconnected');
    const witness = await stage.connect(address);
    for (const [text, code] of ODD_FRAMES) {
      const before = seen.of('error').length;
      const peer = await stage.rawPeer(address);
      peer.write(`${text}\f`);
      await peer.untilClosed(`the sender of ${text} to be cut`);
      await seen.count('error', before + 1);
      const error = seen.values('error').at(-1) as NodeJS.ErrnoException;
      assert.ok(error instanceof Error, text);
      assert.equal(error.code, code, text);
      assert.equal(seen.of('error').length, before + 1, text);
    }
    await seen.count('socket.disconnected', ODD_FRAMES.length);
    witness.client.emit('m', 'still here');
    await seen.count('m');
    assert.equal(server.sockets.length, 1);
  },
);

fixed(
  'B1: messages before a malformed frame are delivered, those behind it are not',
  /TypeError/,
  async (stage) => {
    const { server, address } = await stage.serve();
    const seen = record(server, 'error', 'm');
    const peer = await stage.rawPeer(address);
    peer.write(`${frame('m', 1)}${frame('m', 2)}{}\f${frame('m', 3)}`);
    await peer.untilClosed();
    await seen.count('error');
    assert.deepEqual(seen.names(), ['m', 'm', 'error']);
  },
);

fixed('B1: names that every object has are event names like any other', /TypeError/, async (stage) => {
  const { server, address } = await stage.serve();
  const peer = await stage.rawPeer(address);
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', ''];
  const seen = record(server, 'error', ...names);
  for (const name of names) peer.write(`{"type":${JSON.stringify(name)},"data":0}\f`);
  peer.write('{"type":"__proto__","data":{"__proto__":{"polluted":true}}}\f');
  for (const name of names.slice(1)) peer.write(frame(name, 1));
  await seen.count('', 2);
  assert.equal(seen.of('error').length, 0);
  assert.equal(seen.of('toString').at(-1)?.args[0], 1);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

fixed('B1: a client survives the same frames', /TypeError/, async (stage) => {
  for (const [text, code] of ODD_FRAMES) {
    const { raw, address } = await stage.rawServer();
    const { client } = stage.dial(address, { maxRetries: 0 });
    const seen = record(client, 'error', 'disconnect', 'm');
    const peer = await stage.accept(raw);
    peer.write(`${text}\f${frame('m', 1)}`);
    await peer.untilClosed(`the server that sent ${text} to be cut`);
    await seen.count('disconnect');
    assert.deepEqual(seen.names(), ['error', 'disconnect'], text);
    assert.equal((seen.values('error')[0] as NodeJS.ErrnoException).code, code, text);
    raw.close();
  }
});

fixed('B2: each instance keeps its own delimiter', /in vain/, async (stage) => {
  const delimiters = ['\n', '\f', '\u0001'];
  const pairs = [];
  for (const delimiter of delimiters) {
    const { server, address } = await stage.serve({ delimiter });
    server.on('m', (data: string, socket: Peer) => server.emit(socket, 'm', `${data}!`));
    const { client } = await stage.connect(address, { delimiter });
    pairs.push({ delimiter, client, address });
  }
  for (const { delimiter, client, address } of pairs) {
    const answer = next(client, 'm');
    client.emit('m', 'hi');
    assert.deepEqual(await answer, ['hi!']);
    const peer = await stage.rawPeer(address);
    peer.write(frame('m', 'raw', delimiter));
    const expected = frame('m', 'raw!', delimiter);
    assert.equal((await peer.untilBytes(expected.length)).toString(), expected);
  }
});

for (const delimiter of ['\r\n', '\f\f', '\n--\n', '\u0001\u0002\u0001']) {
  const name = JSON.stringify(delimiter);
  const title = `B3: a delimiter of several characters works: ${name}`;
  fixedKind(delimiter === '\r\n', title, /in vain/, async (stage) => {
    const { server, address } = await stage.serve({ delimiter });
    server.on('m', (data: string, socket: Peer) => server.emit(socket, 'm', data));
    const { client } = await stage.connect(address, { delimiter });
    const seen = record(client, 'm');
    for (let i = 0; i < 3; i++) client.emit('m', `line${i}\r\n`);
    await seen.count('m', 3);
    assert.deepEqual(seen.values('m'), ['line0\r\n', 'line1\r\n', 'line2\r\n']);
    const peer = await stage.rawPeer(address);
    const text = frame('m', 'raw', delimiter);
    for (const character of text) await peer.push(character); // the delimiter comes in pieces too
    assert.equal((await peer.untilBytes(text.length)).toString(), text);
  });
}

fixed('B4: a complete message is delivered although the next one has begun', /in vain/, async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const peer = await stage.rawPeer(address);
  const second = frame('m', 'second');
  peer.write(frame('m', 'first') + second.slice(0, 9));
  await seen.count('m');
  peer.write(second.slice(9));
  await seen.count('m', 2);
  assert.deepEqual(seen.values('m'), ['first', 'second']);
});

fixed('B4: so it is for a client', /in vain/, async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address);
  const seen = record(client, 'm');
  const peer = await stage.accept(raw);
  peer.write(`${frame('m', 'first')}{"par`);
  await seen.count('m');
  assert.deepEqual(seen.values('m'), ['first']);
});

ours('B4: a large message in a great many pieces is delivered whole', async (stage) => {
  const { server, address } = await stage.serve();
  const seen = record(server, 'm');
  const peer = await stage.rawPeer(address);
  const bytes = Buffer.from(frame('m', 'x'.repeat(4 * 1024 * 1024)));
  for (let at = 0; at < bytes.length; at += 1024) await peer.push(bytes.subarray(at, at + 1024));
  await seen.count('m');
  assert.equal((seen.values('m')[0] as string).length, 4 * 1024 * 1024);
});

fixed(
  "B5: '', null and objects with _maxListeners arrive as they were sent",
  /AssertionError/,
  async (stage) => {
    const { server, address } = await stage.serve();
    server.on('m', (data: unknown, socket: Peer) => server.emit(socket, 'm', data));
    const { client } = await stage.connect(address);
    const seen = record(client, 'm');
    const values = ['', null, { _maxListeners: 10, a: 1 }, { _maxListeners: 0 }, 0, false];
    for (const value of [...values, Number.NaN]) client.emit('m', value);
    await seen.count('m', values.length + 1);
    assert.deepEqual(seen.values('m'), [...values, null]);
  },
);

both('B5: undefined arrives as {}', async (stage) => {
  const { server, address } = await stage.serve();
  server.on('m', (data: unknown, socket: Peer) => server.emit(socket, 'm'));
  const { client } = await stage.connect(address);
  const arrived = next(server, 'm');
  const answered = next(client, 'm');
  client.emit('m');
  assert.deepEqual((await arrived)[0], {});
  assert.deepEqual(await answered, [{}]);
});

for (const encoding of ['utf8', 'ascii', 'latin1', 'binary', 'hex', 'base64', 'utf16le', 'ucs2']) {
  const exact = ['latin1', 'binary', 'hex'].includes(encoding);
  const check = exact ? both : encoding === 'utf8' || encoding === 'base64' ? planted : ours;
  check(`B6: raw bytes pass unchanged in both directions: ${encoding}`, async (stage) => {
    const config = { rawBuffer: true, encoding };
    const bytes = Buffer.from(Array.from({ length: 257 }, (_, i) => i & 0xff)); // odd, and no multiple of 3
    const { server, address } = await stage.serve(config);
    let atServer = Buffer.alloc(0);
    server.on('data', (data: Buffer, socket: Peer) => {
      atServer = Buffer.concat([atServer, data]);
      server.emit(socket, data);
    });
    const { client } = await stage.connect(address, config);
    const seen = record(client, 'data');
    const atClient = (): Buffer => Buffer.concat(seen.values('data') as Buffer[]);
    client.emit(bytes);
    await seen.until('all bytes to come back', () => atClient().length >= bytes.length);
    assert.equal(atServer.toString('hex'), bytes.toString('hex'));
    assert.equal(atClient().toString('hex'), bytes.toString('hex'));
  });
}

function planted(title: string, check: Parameters<typeof both>[1]): void {
  fixed(title, /AssertionError|in vain/, check);
}
