/**
 * The golden table for `rawBuffer`: what leaves and what arrives, byte for byte, against plain `net` peers in both roles,
 * for every encoding that the README names and those that Node knows beside them.
 *
 * Nothing here frames messages: raw bytes have no borders. Invariant: bytes received are exact in every encoding; the
 * original manages that in three of them, which prove the rest of the test.
 */
import assert from 'node:assert/strict';
import type { Peer } from './support/subjects.ts';
import { both, fixedKind } from './support/suites.ts';
import { next, record } from './support/waiting.ts';
import type { Stage } from './support/stage.ts';

const ENCODINGS = ['utf8', 'ascii', 'latin1', 'binary', 'hex', 'base64', 'utf16le', 'ucs2'] as const;
type Encoding = (typeof ENCODINGS)[number];

/** A string and the bytes that it stands for. */
const STRINGS: Readonly<Record<Encoding, readonly [text: string, hex: string]>> = {
  utf8: ['hé€', '68c3a9e282ac'],
  ascii: ['hello', '68656c6c6f'],
  latin1: ['h\u00e9', '68e9'],
  binary: ['h\u00e9\u00ff', '68e9ff'],
  hex: ['056d5c', '056d5c'],
  base64: ['BW1c/w==', '056d5cff'],
  utf16le: ['h€', '6800ac20'],
  ucs2: ['h€', '6800ac20'],
};

/** What may be emitted beside strings, and the bytes that it stands for. */
const BYTES: readonly (readonly [what: string, value: unknown, hex: string])[] = [
  ['an array', [10, 20, 30], '0a141e'],
  ['a hex array', [0x05, 0x6d, 0x5c], '056d5c'],
  ['an array out of range', [256, -1, 1.9], '00ff01'],
  ['a Buffer', Buffer.from('007f80ff41', 'hex'), '007f80ff41'],
  ['a part of a Buffer', Buffer.from('007f80ff41', 'hex').subarray(1, 4), '7f80ff'],
  ['a Uint8Array', new Uint8Array([0, 255]), '00ff'],
];

/** No peer may begin with 0xF5. */
const SAMPLE = Buffer.from('007f80ff41', 'hex');

interface Way {
  readonly what: string;
  readonly emit: (bytes: unknown) => unknown;
  readonly read: (count: number) => Promise<string>;
}

async function ways(stage: Stage, encoding: Encoding): Promise<Way[]> {
  const config = { rawBuffer: true, encoding };
  const { server, address } = await stage.serve(config);
  const connected = next(server, 'connect');
  const atPeer = await stage.rawPeer(address);
  const [socket] = await connected;
  const { raw, address: rawAddress } = await stage.rawServer();
  const { client } = await stage.connect(rawAddress, config);
  const atRaw = await stage.accept(raw);
  const read = (peer: typeof atRaw) => async (count: number) => {
    await peer.untilBytes(count);
    const hex = peer.received.toString('hex');
    peer.received = Buffer.alloc(0);
    return hex;
  };
  return [
    { what: 'client', emit: (bytes) => client.emit(bytes), read: read(atRaw) },
    { what: 'server', emit: (bytes) => server.emit(socket, bytes), read: read(atPeer) },
    { what: 'broadcast', emit: (bytes) => server.broadcast(bytes), read: read(atPeer) },
  ];
}

for (const encoding of ENCODINGS) {
  both(
    `sending raw, ${encoding}: a string is decoded, arrays and Buffers are bytes as they are`,
    async (stage) => {
      for (const { what, emit, read } of await ways(stage, encoding)) {
        const [text, hex] = STRINGS[encoding];
        for (const [kind, value, sent] of [['a string', text, hex], ...BYTES] as typeof BYTES) {
          emit(value);
          assert.equal(await read(sent.length / 2), sent, `${what}: ${kind}`);
        }
      }
    },
  );
}

both('sending raw: anything else throws ERR_INVALID_ARG_TYPE and writes nothing', async (stage) => {
  for (const { what, emit, read } of await ways(stage, 'utf8')) {
    emit('<');
    for (const bad of [5, 0, true, undefined, null, {}, { type: 'm' }, () => 1, Symbol('s'), 5n]) {
      assert.throws(() => emit(bad), { code: 'ERR_INVALID_ARG_TYPE' }, `${what}: ${typeof bad}`);
    }
    emit('>');
    assert.equal(await read(2), '3c3e');
  }
});

async function receive(stage: Stage, encoding: Encoding): Promise<void> {
  const config = { rawBuffer: true, encoding };
  const { server, address } = await stage.serve(config);
  const { raw, address: rawAddress } = await stage.rawServer();
  const { client } = await stage.connect(rawAddress, config);
  const peers = [await stage.rawPeer(address), await stage.accept(raw)];
  for (const [at, seen] of [record(server, 'data'), record(client, 'data')].entries()) {
    const got = (): Buffer => Buffer.concat(seen.values('data') as Buffer[]);
    let sent = Buffer.alloc(0);
    for (const piece of [SAMPLE, Buffer.from([0x0c]), SAMPLE.subarray(2), Buffer.from('{"type":"m"}\f')]) {
      await peers[at]?.push(piece);
      sent = Buffer.concat([sent, piece]);
      await seen.until(`${sent.length} bytes`, () => got().length >= sent.length);
      assert.equal(got().toString('hex'), sent.toString('hex'), at === 0 ? 'server' : 'client');
    }
  }
}

for (const encoding of ENCODINGS) {
  const title = `receiving raw, ${encoding}: bytes arrive as they were sent, at once`;
  const check = (stage: Stage): Promise<void> => receive(stage, encoding);
  if (['latin1', 'binary', 'hex'].includes(encoding)) both(title, check);
  else fixedKind(encoding === 'ascii' || encoding === 'utf16le', title, /AssertionError|in vain/, check);
}

both('raw: a megabyte goes there and back', async (stage) => {
  const config = { rawBuffer: true, encoding: 'hex' };
  const bytes = Buffer.alloc(1024 * 1024 + 1, SAMPLE);
  const { server, address } = await stage.serve(config);
  server.on('data', (data: Buffer, socket: Peer) => server.emit(socket, data));
  const { client } = await stage.connect(address, config);
  let arrived = 0;
  client.on('data', (data: Buffer) => (arrived += data.length));
  const seen = record(client, 'data');
  client.emit(bytes);
  await seen.until('a megabyte', () => arrived >= bytes.length);
  assert.ok(Buffer.concat(seen.values('data') as Buffer[]).equals(bytes));
});
