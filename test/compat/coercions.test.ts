/**
 * The golden table: what a value becomes on its way to the wire and off it, byte for byte, against plain `net` peers in
 * both roles. JSON mode here, raw mode in raw-bytes.test.ts.
 *
 * Expected bytes are written down, not computed by the code under test. Invariant: where ringwire differs from the
 * original on purpose, the row says what each of them sends.
 */
import assert from 'node:assert/strict';
import type { Stage } from './support/stage.ts';
import type { Peer } from './support/subjects.ts';
import { both, fixedKind } from './support/suites.ts';
import { frame } from './support/raw.ts';
import { next, record } from './support/waiting.ts';

/** `original` only where it differs. */
interface Row {
  readonly what: string;
  readonly value: unknown;
  readonly sent: string;
  readonly original?: string;
}

const EMPTY = '"data":{}';
const NULL = '"data":null';
const OMITTED = '';

class Point {
  x = 1;
  #hidden = 2;
  get y(): number {
    return this.#hidden;
  }
}

const ROWS: readonly Row[] = [
  { what: 'undefined', value: undefined, sent: EMPTY },
  { what: 'null', value: null, sent: NULL, original: EMPTY },
  { what: 'the empty string', value: '', sent: '"data":""', original: EMPTY },
  { what: 'NaN', value: Number.NaN, sent: NULL, original: EMPTY },
  { what: 'Infinity', value: Infinity, sent: NULL },
  { what: '-Infinity', value: -Infinity, sent: NULL },
  { what: '0', value: 0, sent: '"data":0' },
  { what: '-0', value: -0, sent: '"data":0' },
  { what: 'false', value: false, sent: '"data":false' },
  { what: 'true', value: true, sent: '"data":true' },
  { what: 'a large number', value: 1e21, sent: '"data":1e+21' },
  { what: 'a fraction', value: 0.1, sent: '"data":0.1' },
  { what: 'the largest safe integer', value: 2 ** 53 - 1, sent: '"data":9007199254740991' },
  { what: 'a string', value: 'text', sent: '"data":"text"' },
  { what: 'a string with a form feed', value: 'a\fb', sent: '"data":"a\\fb"' },
  { what: 'control characters', value: '\u0000\n\u001f"\\', sent: '"data":"\\u0000\\n\\u001f\\"\\\\"' },
  { what: 'unicode', value: 'žluť 😀 \u2028', sent: '"data":"žluť 😀 \u2028"' },
  { what: 'a lone surrogate', value: 'a\ud83d', sent: '"data":"a\\ud83d"' },
  { what: 'an array', value: [1, [2], []], sent: '"data":[1,[2],[]]' },
  { what: 'holes in arrays', value: [undefined, () => 1, Number.NaN], sent: '"data":[null,null,null]' },
  { what: 'an object', value: { a: { b: null } }, sent: '"data":{"a":{"b":null}}' },
  { what: 'undefined members', value: { a: undefined, b: () => 1, c: 1 }, sent: '"data":{"c":1}' },
  {
    what: 'a truthy _maxListeners',
    value: { _maxListeners: 1 },
    sent: '"data":{"_maxListeners":1}',
    original: EMPTY,
  },
  { what: 'a falsy _maxListeners', value: { _maxListeners: 0 }, sent: '"data":{"_maxListeners":0}' },
  { what: 'a function', value: () => 1, sent: OMITTED },
  { what: 'a symbol', value: Symbol('s'), sent: OMITTED },
  { what: 'toJSON', value: { toJSON: () => ['j'] }, sent: '"data":["j"]' },
  { what: 'toJSON with its key', value: { toJSON: (key: string) => key }, sent: '"data":"data"' },
  { what: 'toJSON to undefined', value: { toJSON: () => undefined }, sent: OMITTED },
  { what: 'a date', value: new Date(0), sent: '"data":"1970-01-01T00:00:00.000Z"' },
  { what: 'an invalid date', value: new Date(Number.NaN), sent: NULL },
  { what: 'a Buffer', value: Buffer.from([0, 255]), sent: '"data":{"type":"Buffer","data":[0,255]}' },
  { what: 'bytes', value: new Uint8Array([7, 8]), sent: '"data":{"0":7,"1":8}' },
  { what: 'a map', value: new Map([[1, 2]]), sent: EMPTY },
  { what: 'an instance', value: new Point(), sent: '"data":{"x":1}' },
  { what: 'a boxed string', value: Object('x'), sent: '"data":"x"' },
  { what: 'a key called __proto__', value: JSON.parse('{"__proto__":1}'), sent: '"data":{"__proto__":1}' },
];

function wire(data: string): string {
  return `{"type":"m"${data === OMITTED ? '' : `,${data}`}}\f`;
}

function expected(stage: Stage, row: Row): string {
  return wire(stage.name === 'oracle' ? (row.original ?? row.sent) : row.sent);
}

/** One message at a time, so that a failing row is named. */
async function compare(stage: Stage, emit: (value: unknown) => void, read: ReadExactly): Promise<void> {
  for (const row of ROWS) {
    emit(row.value);
    const bytes = expected(stage, row);
    assert.equal(await read(Buffer.byteLength(bytes)), bytes, row.what);
  }
}

type ReadExactly = (count: number) => Promise<string>;

/** Reads what is new since the last time. */
function reader(peer: { untilBytes(count: number): Promise<Buffer> }): ReadExactly {
  let at = 0;
  return async (count) => {
    const bytes = await peer.untilBytes(at + count);
    const text = bytes.toString('utf8', at);
    at = bytes.length;
    return text;
  };
}

both('what a client sends', async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address);
  const peer = await stage.accept(raw);
  await compare(stage, (value) => client.emit('m', value), reader(peer));
});

both('what a server sends to one', async (stage) => {
  const { server, address } = await stage.serve();
  const connected = next(server, 'connect');
  const peer = await stage.rawPeer(address);
  const [socket] = await connected;
  await compare(stage, (value) => server.emit(socket, 'm', value), reader(peer));
});

both('what a server broadcasts', async (stage) => {
  const { server, address } = await stage.serve();
  const connected = record(server, 'connect');
  const peers = [await stage.rawPeer(address), await stage.rawPeer(address)];
  await connected.count('connect', 2);
  const readers = peers.map(reader);
  await compare(
    stage,
    (value) => server.broadcast('m', value),
    async (count) => {
      const [one, other] = await Promise.all(readers.map((read) => read(count)));
      assert.equal(one, other);
      return one ?? other ?? '';
    },
  );
});

both('what a sync client sends', async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address, { sync: true });
  const peer = await stage.accept(raw);
  const read = reader(peer);
  for (const row of ROWS) {
    client.emit('m', row.value);
    const bytes = expected(stage, row);
    assert.equal(await read(Buffer.byteLength(bytes)), bytes, row.what);
    const released = next(client, 'go');
    peer.write(frame('go', 1));
    await released;
  }
});

both('names of events are written as JSON strings', async (stage) => {
  const { raw, address } = await stage.rawServer();
  const { client } = await stage.connect(address);
  const read = reader(await stage.accept(raw));
  for (const type of ['m', 'žluť 😀', 'a"b\\', 'a\fb', 'message.sub', '*', '']) {
    client.emit(type, 1);
    const bytes = frame(type, 1);
    assert.equal(await read(Buffer.byteLength(bytes)), bytes, type);
  }
});

both('what cannot be encoded throws at once and writes nothing', async (stage) => {
  const circular: { self?: object } = {};
  circular.self = circular;
  const bad: [unknown, RegExp][] = [
    [5n, /BigInt/],
    [{ deep: [1, { big: 5n }] }, /BigInt/],
    [circular, /circular/i],
    [
      {
        toJSON: () => {
          throw new RangeError('own');
        },
      },
      /own/,
    ],
  ];
  const { server, address } = await stage.serve();
  const connected = next(server, 'connect');
  const atPeer = await stage.rawPeer(address);
  const [socket] = await connected;
  const { raw, address: rawAddress } = await stage.rawServer();
  const { client } = await stage.connect(rawAddress);
  const atRaw = await stage.accept(raw);
  const ways: [(data: unknown) => unknown, ReadExactly][] = [
    [(data) => client.emit('m', data), reader(atRaw)],
    [(data) => server.emit(socket, 'm', data), reader(atPeer)],
    [(data) => server.broadcast('m', data), reader(atPeer)],
  ];
  for (const [emit] of ways) {
    emit('before');
    for (const [data, message] of bad) assert.throws(() => emit(data), { message });
    emit('after');
  }
  const text = wire('"data":"before"') + wire('"data":"after"');
  assert.equal((await atRaw.untilBytes(text.length)).toString(), text);
  assert.equal((await atPeer.untilBytes(2 * text.length)).toString(), text + text);
});

const RECEIVED: readonly (readonly [text: string, data: unknown])[] = [
  ['{"type":"m"}', undefined],
  ['{"data":1,"type":"m"}', 1],
  [' { "type" : "m" , "data" : [ 1 , 2 ] } ', [1, 2]],
  ['{"type":"m","data":"x","more":true,"to":[]}', 'x'],
  ['{"type":"\\u006d","data":"\\ud83d\\ude00\\f"}', '😀\f'],
  ['{"type":"m","data":null}', null],
  ['{"type":"m","data":""}', ''],
  ['{"type":"m","data":"one","data":"two"}', 'two'],
  ['{"type":"m","data":{"type":"n","data":1}}', { type: 'n', data: 1 }],
  ['{"type":"m","data":1e400}', Infinity],
  ['{"type":"m","data":"žluť 😀"}', 'žluť 😀'],
];

both('what a server and a client make of what they receive', async (stage) => {
  const { server, address } = await stage.serve();
  const { raw, address: rawAddress } = await stage.rawServer();
  const { client } = await stage.connect(rawAddress);
  const [atServer, atClient] = [record(server, 'm'), record(client, 'm')];
  const peers = [await stage.rawPeer(address), await stage.accept(raw)];
  for (const [text] of RECEIVED) for (const peer of peers) peer.write(`${text}\f`);
  for (const seen of [atServer, atClient]) {
    await seen.count('m', RECEIVED.length);
    assert.deepEqual(
      seen.values('m'),
      RECEIVED.map(([, data]) => data),
    );
  }
});

for (const encoding of ['hex', 'base64', 'utf16le', 'ascii', 'latin1']) {
  const title = `JSON is UTF-8, whatever the encoding: ${encoding}`;
  fixedKind(encoding === 'latin1', title, /AssertionError/, async (stage) => {
    const { server, address } = await stage.serve({ encoding });
    server.on('m', (data: string, socket: Peer) => server.emit(socket, 'm', data));
    const { client } = await stage.connect(address, { encoding });
    const answer = next(client, 'm');
    client.emit('m', 'žluť 😀');
    assert.deepEqual(await answer, ['žluť 😀']);
    const peer = await stage.rawPeer(address);
    const bytes = frame('m', 'žluť');
    peer.write(bytes);
    assert.equal((await peer.untilBytes(Buffer.byteLength(bytes))).toString(), bytes);
  });
}
