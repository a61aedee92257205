/**
 * Rows T11, T12, T14, T16 and T103 of RELIABILITY.md: what values and texts become, and that a value that cannot be sent leaves no trace.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { JsonCodec } from '../../src/codecs/json.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import { IPC, type PeerSocket, type Server } from '../../src/index.ts';
import { RingwireError } from '../../src/errors.ts';
import { decode, encode, outcome } from '../codecs/support.ts';
import { within } from '../compat/support/waiting.ts';
import { seeded } from '../support/seeded.ts';
import { type Bomb, jsonBombs, msgpackBombs } from './bombs.ts';
import { Side, WIRES } from './endpoint-parts.ts';
import { scaled } from './scale.ts';

const TIME_MS = 5;
const HEAP_BYTES: number = 1024 * 1024;

function verdict(codec: JsonCodec | MsgpackCodec, { bytes }: Bomb): string {
  const said = outcome(codec, bytes);
  return said === 'decoded' ? 'passes' : said.replace('ERR_RINGWIRE_', '');
}

test('T11 msgpack bombs: each is refused within 5 ms and 1 MiB', () => {
  const codec = new MsgpackCodec();
  const bombs = msgpackBombs();
  assert.ok(bombs.length >= 200, `${bombs.length} vectors`);
  for (const bomb of bombs) {
    let timeMs = Infinity;
    let heapBytes = Infinity;
    // Another process or a collection may come between: not each time.
    for (let times = 0; times < 20 && (timeMs > TIME_MS || heapBytes > HEAP_BYTES); times++) {
      const { heapUsed } = process.memoryUsage();
      const start = performance.now();
      const said = verdict(codec, bomb);
      timeMs = Math.min(timeMs, performance.now() - start);
      heapBytes = Math.min(heapBytes, process.memoryUsage().heapUsed - heapUsed);
      assert.match(said, bomb.outcome, bomb.name);
    }
    assert.ok(timeMs <= TIME_MS, `${bomb.name}: ${timeMs} ms`);
    assert.ok(heapBytes <= HEAP_BYTES, `${bomb.name}: ${heapBytes} bytes`);
  }
});

test('T11 what a refused msgpack message held is not in the error', () => {
  const codec = new MsgpackCodec();
  for (const { bytes } of msgpackBombs().filter((bomb) => bomb.bytes.includes('canary')))
    assert.throws(
      () => decode(codec, bytes),
      (error: Error) => !/canary/.test(`${error.stack}${String(error.cause)}`),
    );
});

test('T12 JSON bombs: each is refused by name or plain data, and nothing is polluted', (t) => {
  const codec = new JsonCodec();
  const bombs = jsonBombs(scaled(t, 1024 * 1024, 15 * 1024 * 1024));
  assert.ok(bombs.length >= 150, `${bombs.length} vectors`);
  for (const bomb of bombs) {
    const said = verdict(codec, bomb);
    assert.match(said, bomb.outcome, bomb.name);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined, bomb.name);
    if (said !== 'passes') continue;
    const value = decode(codec, bomb.bytes);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      assert.equal(Object.getPrototypeOf(value), Object.prototype, bomb.name);
  }
});

/** Every scalar value of Unicode, in strings of `size`. */
function* scalars(size: number): Generator<string> {
  let text = '';
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    text += String.fromCodePoint(code);
    if (code % size === size - 1) {
      yield text;
      text = '';
    }
  }
  yield text;
}

test('T14 UTF-8: all 1,112,064 scalar values come back, in every codec', () => {
  const codecs = [new JsonCodec(), new MsgpackCodec()];
  let count = 0;
  for (const text of scalars(4096)) {
    for (let at = 0; at < text.length; at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1) count++;
    for (const codec of codecs)
      if (decode(codec, encode(codec, text)) !== text) assert.fail(`${codec.name} at ${text.codePointAt(0)}`);
  }
  assert.equal(count, 1_112_064);
});

/** Byte sequences that are no UTF-8: cut, overlong, surrogates, above U+10FFFF, stray bytes. */
function invalidUtf8(): Buffer[] {
  const bad: Buffer[] = [];
  for (let byte = 0x80; byte < 0x100; byte++) bad.push(Buffer.of(byte), Buffer.of(0x61, byte, 0x62));
  for (const text of ['\u00e4', '\u20ac', '\u{1f600}']) {
    const whole = Buffer.from(text);
    for (let cut = 1; cut < whole.length; cut++)
      bad.push(whole.subarray(0, cut), Buffer.concat([whole.subarray(0, cut), Buffer.from('a')]));
  }
  for (const text of [
    'c080',
    'c1bf',
    'e08080',
    'e09fbf',
    'f0808080',
    'f08fbfbf',
    'eda080',
    'edbfbf',
    'f4908080',
    'f8888080',
  ])
    bad.push(Buffer.from(text, 'hex'));
  for (let high = 0xa0; high <= 0xbf; high++) bad.push(Buffer.of(0xed, high, 0x80));
  return bad;
}

test('T14 UTF-8: what is none becomes U+FFFD or is refused, never anything else', () => {
  const vectors = invalidUtf8();
  assert.ok(vectors.length >= 300, `${vectors.length} vectors`);
  const [jsonCodec, msgpack] = [new JsonCodec(), new MsgpackCodec()];
  for (const bytes of vectors) {
    const name = bytes.toString('hex');
    const quoted = Buffer.concat([Buffer.from('"'), bytes, Buffer.from('"')]);
    const fromJson = outcome(jsonCodec, quoted) === 'decoded' ? decode(jsonCodec, quoted) : '\ufffd';
    assert.equal(typeof fromJson === 'string' && fromJson.includes('\ufffd'), true, `JSON ${name}`);
    const string = Buffer.concat([Buffer.of(0xd9, bytes.length), bytes]);
    assert.match(outcome(msgpack, string), /^(?:decoded|ERR_RINGWIRE_INVALID_MSGPACK)$/, `msgpack ${name}`);
  }
});

test('T16 raw mode: all pairs of bytes come back as they went, whatever the encoding says', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-raw-'));
  const rounds = scaled(t, 20, 100);
  const pairs = Buffer.alloc(131_072);
  for (let pair = 0; pair < 65_536; pair++) pairs.writeUInt16BE(pair, 2 * pair);
  for (const encoding of ['utf8', 'hex', 'base64', 'latin1', 'utf16le', 'ascii'] as const) {
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, rawBuffer: true, encoding });
    const path = join(folder, encoding);
    ipc.serve(path);
    const server = ipc.server as Server;
    server.on(
      'data',
      (data: Buffer, socket: PeerSocket) => void server.emit(socket, data as unknown as string),
    );
    const started = once(server as unknown as NodeJS.EventEmitter, 'start');
    server.start();
    await within('the server', started);
    const peer = net.connect(path);
    const random = seeded(16);
    const sent = Buffer.concat([
      Buffer.from('fffe0080', 'hex'),
      ...Array.from({ length: rounds }, () => pairs),
      random.bytes(1001),
    ]);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const all = new Promise<void>((resolve) => {
      peer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= sent.length) resolve();
      });
    });
    peer.write(sent);
    await within('all bytes', all, 20_000);
    assert.ok(Buffer.concat(chunks).equals(sent), encoding);
    peer.destroy();
    server.stop();
  }
  rmSync(folder, { recursive: true });
});

/** Values that no codec, or not each, can send; and some that all can. */
function strangeValues(): unknown[] {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const endless: unknown = { toJSON: () => ({ again: endless }) };
  const throwing = {
    get boom(): unknown {
      throw new Error('a getter');
    },
  };
  const proxy = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('a proxy');
      },
    },
  );
  const deep = JSON.parse('['.repeat(3000) + ']'.repeat(3000)) as unknown;
  const wraps = [
    (value: unknown) => value,
    (value: unknown) => [value],
    (value: unknown) => ({ a: value }),
    (value: unknown) => [1, { b: [value] }],
  ];
  const base: unknown[] = [
    circular,
    endless,
    throwing,
    proxy,
    deep,
    1n,
    2n ** 70n,
    -(2n ** 63n),
    Symbol('s'),
    () => 0,
    undefined,
    null,
    Number.NaN,
    Infinity,
    -0,
    '',
    '\ud800',
    'x'.repeat(2000),
    new Date(0),
    new Date(Number.NaN),
    new Map([[1, 2]]),
    new Map([[{}, 1]]),
    new Set([1]),
    /x/,
    new Error('e'),
    new WeakMap(),
    Promise.resolve(1),
    new Uint8Array(3),
    new Float64Array(2),
    new ArrayBuffer(2),
    new SharedArrayBuffer(2),
    Buffer.alloc(3),
    Object.create(null),
    new (class Own {
      x = 1;
    })(),
    new Proxy([], {}),
    new Boolean(true),
    new String('s'),
    new Number(1),
    Object(1n),
    Object(Symbol('s')),
    { toJSON: () => undefined },
    { toJSON: 5 },
    JSON.parse('{"then":1}'),
    globalThis,
    {
      toJSON: () => {
        throw new Error('toJSON');
      },
    },
    'y'.repeat(1_100_000),
    new Uint8Array(170_000),
    Array.from({ length: 5 }),
    { __proto__: null, a: 1 },
    new Date('2020'),
    'ä\u{1f600}',
    { '': { '': '' } },
    [[[[]]]],
    { a: undefined },
    [undefined],
    { constructor: 1 },
    new Intl.NumberFormat(),
    new URL('a:b'),
  ];
  return base.flatMap((value) => wraps.map((wrap) => wrap(value)));
}

test('T103 emit values: what cannot be sent is an error for the caller, and no byte of it is written', () => {
  const values = strangeValues();
  assert.ok(values.length >= 200, `${values.length} values`);
  for (const name of WIRES) {
    const side = new Side(name, { maxMessageSize: 1024 * 1024 });
    side.wire.encode('event', Buffer.from('first'), side.out);
    const plain = side.take();
    let refused = 0;
    for (const value of values) {
      const before = side.out.unsealedBytes;
      try {
        side.wire.encode('event', value, side.out);
      } catch (error) {
        refused++;
        assert.ok(error instanceof Error, 'what is thrown is an Error');
        if (error instanceof RingwireError) assert.equal(error.closed, false);
        assert.equal(side.out.unsealedBytes, before, 'nothing is written');
        assert.equal(side.segments.length, 0);
      }
      side.take();
      side.wire.encode('event', Buffer.from('first'), side.out);
      const next = side.take();
      assert.ok(
        next.equals(plain.subarray(plain.length - next.length)),
        `${name}: the message behind it is whole`,
      );
    }
    assert.ok(
      refused > 10 && refused < values.length,
      `${name}: ${refused} of ${values.length} were refused`,
    );
    assert.equal(side.pool.inUseCount, 0, 'all slabs are back');
  }
});
