/**
 * Rows T01, T11, T12, T13, T14 and T59 of RELIABILITY.md at a real server: bombs, names, texts and any bytes at all cost their sender the
 * message or the connection, and nobody else anything.
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { frame, inlineFrame } from '../frames/naive.ts';
import { randomly } from '../frames/pieces.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { seeded } from '../support/seeded.ts';
import {
  ANNOUNCE,
  Attacker,
  GREETING,
  greetingIn,
  inGroups,
  json,
  JSON_CODEC,
  MSGPACK,
  PREAMBLE,
  RAW,
  giveWay,
} from './attacker.ts';
import { jsonBombs, msgpackBombs } from './bombs.ts';
import { scaled } from './scale.ts';
import { Harness, type Target } from './witness.ts';

let harness: Harness;
let certificates: Certificates;
before(async () => {
  harness = await Harness.start();
  giveWay();
  certificates = await makeCertificates(harness.folder);
});
after(() => harness.end());

const MIB: number = 1024 * 1024;

/** Random units, some damaged, some cut. */
function garbage(seed: number): Buffer {
  const random = seeded(seed);
  const units = Array.from({ length: 1 + random.below(8) }, () => {
    const kind = random.below(8);
    if (kind === 0) return random.bytes(random.below(200));
    if (kind === 1) return json(random.pick(['msg', '__proto__', 'constructor', '']), random.below(100));
    if (kind === 2) return Buffer.from('{"type":5}\f{}\f'.slice(0, 1 + random.below(14)));
    if (kind === 3) return PREAMBLE;
    if (kind === 4) return frame(random.below(65_536), random.below(8), random.bytes(random.below(64)));
    if (kind === 5) return inlineFrame('msg', 1 + random.below(3), '1');
    return random.pick([ANNOUNCE, GREETING, GREETING]);
  });
  const bytes = Buffer.concat([random.below(3) === 0 ? Buffer.alloc(0) : GREETING, ...units]);
  for (let flips = random.below(4); flips > 0 && bytes.length > 0; flips--)
    bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}

test('T01 any bytes: random peers are served or cut, and the server goes on', async (t) => {
  const peers = scaled(t, 400, 20_000);
  await harness.row({ settings: { maxConnections: 200 } }, async ({ address }) => {
    await inGroups(peers, async (index) => {
      const peer = await Attacker.connect(address);
      for (const piece of randomly(garbage(index + 1), seeded(index + 1), 60)) peer.write(piece);
      peer.socket.end();
      await peer.untilClosed();
    });
  });
});

test('T11 msgpack bombs: each is refused by name over the wire, and the connection stays', async () => {
  const bombs = msgpackBombs();
  const account = await harness.row({ rssMib: 96 }, async ({ address }) => {
    const peer = await Attacker.connect(address);
    peer.write(Buffer.concat([greetingIn(MSGPACK), ANNOUNCE]));
    for (const { bytes } of bombs) {
      peer.write(frame(0x8000, MSGPACK, bytes));
      if (bytes.length > 10_000) await peer.settled(true);
    }
    peer.write(frame(0x8000, MSGPACK, Buffer.of(0x01)));
    await peer.settled(true);
    await peer.leave();
  });
  const refused = Object.values(account.errors).reduce((sum, count) => sum + count, 0);
  assert.equal(refused, bombs.length);
  assert.equal(account.closedErrors, 0, 'no bomb costs the connection');
  assert.equal(account.delivered, 1);
});

test('T12 JSON bombs: refused or plain data on both wires, and nothing is polluted', async (t) => {
  const bombs = jsonBombs(scaled(t, MIB, 15 * MIB));
  const plain = bombs.filter(({ outcome }) => outcome.source === '^passes$').length;
  const either = bombs.filter(({ outcome }) => outcome.source.includes('|')).length;
  // One message of 2 MB is one call of JSON.parse, for as long as that takes.
  const options = { rssMib: 160, blocks: true };
  const account = await harness.row(options, async ({ address }) => {
    const peer = await Attacker.connect(address);
    peer.write(Buffer.concat([greetingIn(JSON_CODEC), ANNOUNCE]));
    for (const { bytes } of bombs) {
      peer.write(frame(0x8000, JSON_CODEC, bytes));
      if (bytes.length > 10_000) await peer.settled(true);
    }
    await peer.settled(true);
    await peer.leave();
  });
  assert.ok(
    account.delivered >= plain && account.delivered <= plain + either,
    `${account.delivered} delivered`,
  );
  assert.equal(account.closedErrors, 0);
  const enveloped = await harness.row(options, async ({ address }) => {
    for (let from = 0; from < bombs.length; from += 20) {
      await Promise.all(
        bombs.slice(from, from + 20).map(async ({ bytes }) => {
          const other = await Attacker.connect(address);
          other.write(Buffer.concat([Buffer.from('{"type":"msg","data":'), bytes, Buffer.from('}\f')]));
          other.socket.end();
          await other.untilClosed();
        }),
      );
    }
  });
  // One level is the envelope's own, and text such as `1}}` may close it early.
  assert.ok(enveloped.delivered >= plain - 10, `${enveloped.delivered} of ${plain} delivered`);
  assert.equal(enveloped.errors['INVALID_ENVELOPE'] ?? 0, 0);
});

/** Names that mean something to objects, to emitters, or to this program. */
const NAMES: readonly string[] = [
  ...new Set([
    ...[Object, Array, Function, Map, EventEmitter].flatMap((each) =>
      Object.getOwnPropertyNames(each.prototype),
    ),
    'error',
    'newListener',
    'removeListener',
    '*',
    'start',
    'connect',
    'disconnect',
    'destroy',
    'close',
    'data',
    'drain',
    'socket.disconnected',
    ' ',
    '\0',
    '\n',
    '\f',
    '\u2028',
    '0',
    '-1',
    'ä',
    '\u{1f600}',
    'n'.repeat(256),
  ]),
];
const RESERVED = 9;
/** What no name is. */
const NO_NAMES: readonly string[] = ['5', 'null', 'true', '["msg"]', '{"toString":"msg"}', '1.5', '{}'];

async function sayAllNames(peer: Attacker, codec: number | undefined): Promise<void> {
  if (codec === undefined) for (const name of [...NAMES, '']) peer.write(json(name, 1));
  else {
    peer.write(greetingIn(codec));
    const payload = codec === MSGPACK ? '\u0001' : '1';
    for (const name of [...NAMES, '', 'n'.repeat(257)]) peer.write(inlineFrame(name, codec, payload));
  }
  await peer.settled(codec !== undefined);
}

const TRANSPORTS = ['unix', 'tcp', 'tls'] as const;

for (const transport of TRANSPORTS) {
  test(`T13 event names: every telling name in every codec over ${transport}, let in and guarded`, async () => {
    const tls = { private: certificates.server.key, public: certificates.server.cert };
    const ca = readFileSync(certificates.ca);
    const open = ({ address }: Target): Promise<Attacker> =>
      transport === 'tls' ? Attacker.connectTls(address, ca) : Attacker.connect(address);
    for (const reservedEvents of ['allow', 'reject'] as const) {
      const settings = { reservedEvents, ...(transport === 'tls' ? { tls } : {}) };
      const options = {
        settings,
        tcp: transport !== 'unix',
        witnesses: transport === 'tls' ? 'beside' : 'here',
      } as const;
      const account = await harness.row(options, async (target) => {
        for (const codec of [undefined, JSON_CODEC, MSGPACK, RAW]) {
          const peer = await open(target);
          await sayAllNames(peer, codec);
          await peer.leave();
        }
        for (const type of NO_NAMES) {
          const peer = await open(target);
          peer.write(Buffer.from(`{"type":${type},"data":1}\f`));
          await peer.untilClosed();
        }
      });
      const { INVALID_EVENT, RESERVED_EVENT = 0, INVALID_ENVELOPE, NO_CODE = 0, ...others } = account.errors;
      assert.deepEqual(others, {});
      assert.equal(INVALID_EVENT, 6, 'an empty name and one of 257 bytes, in three codecs');
      assert.equal(INVALID_ENVELOPE, NO_NAMES.length);
      assert.equal(RESERVED_EVENT, reservedEvents === 'reject' ? 4 * RESERVED : 0);
      assert.equal(
        NO_CODE,
        reservedEvents === 'reject' ? 0 : 4,
        "messages called 'error' reach its handlers, as in node-ipc",
      );
    }
  });
}

test('T14 UTF-8: characters of every length, cut at each byte on both wires, come back whole', async () => {
  const text = 'a\u00e4\u20ac\u{1f600}\u07ff\u0800\uffff\u{10ffff}\u{10000}z';
  await harness.row({}, async ({ address }) => {
    const question = json('ask', text);
    const expected = json('answer', text);
    const peer = await Attacker.connect(address);
    for (let cut = 1; cut < question.length; cut++) {
      peer.received = [];
      peer.receivedBytes = 0;
      peer.write(question.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      peer.write(question.subarray(cut));
      await peer.until('the answer', () => peer.receivedBytes >= expected.length);
      assert.deepEqual(peer.all, expected);
    }
    const binary = await Attacker.connect(address);
    binary.write(greetingIn(JSON_CODEC));
    const framed = inlineFrame('ask', JSON_CODEC, JSON.stringify(text));
    for (let cut = 1; cut < framed.length; cut++) {
      binary.received = [];
      binary.write(framed.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      binary.write(framed.subarray(cut));
      await binary.until('the answer', () => binary.all.includes(JSON.stringify(text)));
    }
  });
});

/** The names under which a program hears what happens to connections. */
const LIFECYCLE: readonly string[] = [
  'start',
  'connect',
  'disconnect',
  'destroy',
  'close',
  'error',
  'data',
  'drain',
  'socket.disconnected',
];

test('T59 spoofed lifecycle and identity: nobody is disconnected, counted or impersonated by a message', async () => {
  for (const reservedEvents of ['allow', 'reject'] as const) {
    const account = await harness.row({ settings: { reservedEvents } }, async ({ address, until }) => {
      const honest = await Attacker.connect(address);
      honest.write(json('msg', { id: 'honest' }));
      await honest.settled(false);
      const spoofs = [
        1,
        null,
        { id: 'honest' },
        { destroyed: true, id: 'honest', destroy: 1 },
        [{ id: 'honest' }],
      ];
      for (const codec of [undefined, JSON_CODEC]) {
        const peer = await Attacker.connect(address);
        if (codec !== undefined) peer.write(greetingIn(codec));
        for (const name of LIFECYCLE) {
          for (const data of spoofs)
            peer.write(
              codec === undefined ? json(name, data) : inlineFrame(name, codec, JSON.stringify(data)),
            );
        }
        await peer.settled(codec !== undefined);
        const now = await until('the account', () => true);
        assert.equal(now.closes, codec === undefined ? 0 : 1, 'nobody has left');
        await honest.settled(false);
        await peer.leave();
        await until('the peer to be gone', ({ closes }) => closes === (codec === undefined ? 1 : 2));
      }
      await honest.settled(false);
      await honest.leave();
      await until('the honest one to be gone', ({ closes }) => closes === 3);
    });
    // An id is what a peer calls itself. Guarded, the messages that carried it were refused.
    assert.equal(account.ids.filter((id) => id === 'honest').length, reservedEvents === 'allow' ? 3 : 1);
  }
});
