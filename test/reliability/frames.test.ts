/**
 * Rows T06, T08, T09, T17 and T18 of RELIABILITY.md: frames that promise, drip, flood, lie or end too early.
 *
 * The bad peers are plain sockets; the witnesses are on the same server.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { frame } from '../frames/naive.ts';
import {
  ANNOUNCE,
  Attacker,
  GREETING,
  goodbyeReason,
  header,
  inGroups,
  json,
  JSON_CODEC,
  PREAMBLE,
  RAW,
  giveWay,
} from './attacker.ts';
import { scaled } from './scale.ts';
import { Harness } from './witness.ts';

let harness: Harness;
before(async () => {
  harness = await Harness.start();
  giveWay();
});
after(() => harness.end());

const MIB: number = 1024 * 1024;

test('T06 length-prefix bomb: 15 GiB promised by 1,000 peers cost nothing, more than 16 MiB is refused at the header', async (t) => {
  const settings = { maxConnections: 1100 };
  const account = await harness.row({ settings, rssMib: 64 }, async ({ address, until }) => {
    const promise = Buffer.concat([GREETING, ANNOUNCE, header(15 * MIB, 0x8000, RAW), Buffer.alloc(10)]);
    const promising: Attacker[] = [];
    await inGroups(1000, async (index) => {
      const peer = (promising[index] = await Attacker.connect(address));
      peer.write(promise);
      await peer.until('the greeting', () => peer.receivedBytes > 0);
    });
    const lies = [16 * MIB + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 16 * MIB];
    for (const length of lies) {
      const liar = await Attacker.connect(address);
      liar.write(Buffer.concat([GREETING, ANNOUNCE, header(length, 0x8000, RAW)]));
      await liar.untilClosed();
      assert.equal(goodbyeReason(liar.all), 1, `FRAME_TOO_LARGE for ${length}`);
    }
    await until('the refusals', ({ errors }) => errors['FRAME_TOO_LARGE'] === lies.length);
    await inGroups(1000, (index) => (promising[index] as Attacker).leave());
  });
  t.diagnostic(`${account.grownMib.toFixed(1)} MiB more for 15 GiB that were promised`);
  assert.deepEqual(account.errors, { FRAME_TOO_LARGE: 5, TRUNCATED: 1000 });
});

/** The first bytes of a message of `size` bytes, or of one that does not say how long it will be. */
function beginningOf(wire: 'node-ipc' | 'ringwire', size: number): Buffer {
  if (wire === 'node-ipc') return Buffer.from('{"type":"msg","data":"');
  return Buffer.concat([GREETING, ANNOUNCE, header(size, 0x8000, RAW)]);
}

// V8 begins to look for Buffers that are used no more when there are some 64 MiB.
const UNFINISHED_RSS_MIB = 112;

for (const wire of ['node-ipc', 'ringwire'] as const) {
  test(`T06 most of 15 MiB from each of 12 peers at once, wire of ${wire}: together they keep maxTotalPendingBytes`, async (t) => {
    const settings = { maxTotalPendingBytes: 16 * MIB };
    // Growing the memory of twelve such messages in one turn takes longer than witnesses may wait: the bytes of one peer after the other, below, do not.
    const options = { settings, rssMib: UNFINISHED_RSS_MIB, blocks: true };
    const account = await harness.row(options, async ({ address, until }) => {
      const peers = await Attacker.many(address, 12);
      for (const peer of peers) {
        peer.write(beginningOf(wire, 15 * MIB));
        peer.write(Buffer.alloc(14 * MIB, 'x'));
      }
      await until('most of them to be cut', ({ errors }) => (errors['MEMORY_LIMIT'] ?? 0) >= 11);
      await until('the rest to be there', ({ stats }) => (stats?.receivedBytes ?? 0) >= 14 * MIB);
      for (const peer of peers) peer.socket.destroy();
      await Promise.all(peers.map((each) => each.untilClosed()));
      await until('all to be gone', ({ closes }) => closes >= 12);
    });
    t.diagnostic(`${account.grownMib.toFixed(1)} MiB more for 168 MiB that came`);
    assert.deepEqual(account.errors, { MEMORY_LIMIT: 11, TRUNCATED: 1 });
  });

  test(`T06 most of 4 MiB from each of 48 peers in turn, wire of ${wire}: the same, and others do not wait`, async (t) => {
    const settings = { maxTotalPendingBytes: 16 * MIB };
    const most = Buffer.alloc(3.5 * MIB, 'x');
    const options = { settings, rssMib: UNFINISHED_RSS_MIB };
    const account = await harness.row(options, async ({ address, until }) => {
      const peers = await Attacker.many(address, 48);
      // Four fit: each one behind them costs the largest its place.
      for (const [index, peer] of peers.entries()) {
        peer.write(beginningOf(wire, 4 * MIB));
        peer.write(most);
        await until('its bytes', ({ stats }) => (stats?.receivedBytes ?? 0) >= (index + 1) * most.length);
      }
      await until('44 to be cut', ({ errors }) => errors['MEMORY_LIMIT'] === 44);
      for (const peer of peers) peer.socket.destroy();
      await Promise.all(peers.map((each) => each.untilClosed()));
      await until('all to be gone', ({ closes }) => closes >= 48);
    });
    t.diagnostic(`${account.grownMib.toFixed(1)} MiB more for 168 MiB that came`);
    assert.deepEqual(account.errors, { MEMORY_LIMIT: 44, TRUNCATED: 4 });
  });
}

test('T08 many tiny frames: a million empty ones in one write, and others keep their turn', async (t) => {
  const writes = scaled(t, 1, 10);
  const account = await harness.row({ rssMib: 64 }, async ({ address, until }) => {
    const flooder = await Attacker.connect(address);
    flooder.write(Buffer.concat([GREETING, ANNOUNCE]));
    const million = Buffer.alloc(8 * 1_000_000, header(0, 0x8000, RAW));
    for (let count = 1; count <= writes; count++) {
      flooder.write(million);
      await until('all frames', ({ delivered }) => delivered === count * 1_000_000);
    }
    await flooder.leave();
  });
  assert.deepEqual(account.errors, {});
});

test('T09 partial-frame slowloris: 500 peers that drip a byte at a time are cut at the deadline, not before', async () => {
  const frameTimeout = 800;
  const settings = { maxConnections: 600, frameTimeout };
  const account = await harness.row({ settings, rssMib: 16 }, async ({ address }) => {
    const peers: Attacker[] = [];
    const lives: number[] = [];
    while (peers.length < 500) {
      for (const peer of await Attacker.many(address, 25)) {
        const isBinary = peers.push(peer) % 2 === 0;
        const opening = isBinary ? header(1000, 0x8000, RAW) : Buffer.from('{"type":"msg","data":"');
        const start = performance.now();
        peer.write(isBinary ? Buffer.concat([GREETING, ANNOUNCE, opening]) : opening);
        void peer.closed.then(() => lives.push(performance.now() - start));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const drip = setInterval(() => {
      for (const peer of peers) if (!peer.isClosed) peer.write(Buffer.of(0x61));
    }, 100);
    await Promise.all(peers.map((each) => each.untilClosed()));
    clearInterval(drip);
    assert.equal(lives.length, 500);
    assert.ok(Math.min(...lives) >= frameTimeout * 0.95, `one was cut after ${Math.min(...lives)} ms`);
    assert.ok(Math.max(...lives) <= 3 * frameTimeout + 1000, `one was cut after ${Math.max(...lives)} ms`);
  });
  assert.equal(account.errors['FRAME_TIMEOUT'], 500);
  assert.equal(account.closedErrors, 500);
});

function preamble(at: number, value: number): Buffer {
  const bytes = Buffer.from(PREAMBLE);
  bytes[at] = value;
  return bytes;
}

/** One bad thing each, and the name of the reason in the goodbye. */
function skews(): { name: string; bytes: Buffer; reason: number; code: string }[] {
  const skewed: { name: string; bytes: Buffer; reason: number; code: string }[] = [];
  const add = (name: string, reason: number, code: string, ...bytes: Buffer[]): void => {
    skewed.push({ name, reason, code, bytes: Buffer.concat(bytes) });
  };
  const rest = GREETING.subarray(8);
  for (let version = 0; version < 256; version += version < 8 ? 1 : 31)
    if (version !== 1) add(`version ${version}`, 3, 'BAD_VERSION', preamble(2, version), rest);
  for (let bit = 0; bit < 8; bit++) add(`preamble flag ${bit}`, 4, 'BAD_FLAGS', preamble(3, 1 << bit), rest);
  for (let bit = 2; bit < 8; bit++)
    add(`frame flag ${bit}`, 4, 'BAD_FLAGS', GREETING, ANNOUNCE, header(0, 0x8000, RAW, 1 << bit));
  for (let bit = 0; bit < 32; bit++) {
    if (bit < 3) continue; // kinds 1 to 7
    const extension = Buffer.alloc(8);
    extension.writeUInt32LE(2 ** bit, 4);
    add(`extension bit ${bit}`, 4, 'BAD_FLAGS', GREETING, ANNOUNCE, header(0, 0x8000, RAW, 1), extension);
  }
  for (let bit = 0; bit < 56; bit++) {
    const trace = Buffer.alloc(32);
    trace[25 + (bit >> 3)] = 1 << (bit & 7);
    add(`trace bit ${bit}`, 4, 'BAD_FLAGS', GREETING, ANNOUNCE, header(0, 0x8000, RAW, 2), trace);
  }
  for (let codec = 0; codec < 256; codec++) {
    if (codec >= JSON_CODEC && codec <= RAW) continue;
    add(`codec ${codec}`, 5, 'BAD_CODEC', GREETING, ANNOUNCE, header(0, 0x8000, codec));
    if (codec > RAW) {
      const hello = frame(0, 0, Buffer.of(1, codec, 0xff, 0xff, 0, 0, 0, 0));
      add(`hello in codec ${codec}`, 5, 'BAD_CODEC', PREAMBLE, hello);
    }
  }
  return skewed;
}

test('T17 version skew: each reserved bit, version and codec is refused with its name and cut', async () => {
  const all = skews();
  const account = await harness.row({ rssMib: 32 }, async ({ address, until }) => {
    for (let from = 0; from < all.length; from += 50) {
      await Promise.all(
        all.slice(from, from + 50).map(async ({ name, bytes, reason }) => {
          const peer = await Attacker.connect(address);
          peer.write(bytes);
          await peer.untilClosed();
          assert.equal(goodbyeReason(peer.all), reason, name);
        }),
      );
    }
    await until('all errors', ({ closedErrors }) => closedErrors === all.length);
  });
  const expected: Record<string, number> = {};
  for (const { code } of all) expected[code] = (expected[code] ?? 0) + 1;
  assert.deepEqual(account.errors, expected);
});

const STREAMS: readonly (readonly [wire: string, head: Buffer, units: readonly Buffer[]])[] = [
  ['node-ipc', Buffer.alloc(0), ['a', 'two', 'three'].map((text) => json('msg', text))],
  [
    'ringwire',
    Buffer.concat([GREETING, ANNOUNCE]),
    ['', 'abc', 'exactly8'].map((text) => frame(0x8000, RAW, text)),
  ],
];

/** How many whole units lie before `end`, and whether it stands in the middle of one. */
function judge(head: Buffer, units: readonly Buffer[], end: number): { whole: number; inside: boolean } {
  let at = head.length;
  let whole = 0;
  for (const unit of units) {
    if (at + unit.length > end) break;
    at += unit.length;
    whole++;
  }
  const starts = [0, 8, 32, 56].filter((start) => start < head.length);
  return { whole, inside: end >= head.length ? end > at : head.length > 0 && !starts.includes(end) };
}

for (const [wire, head, units] of STREAMS) {
  const stream: Buffer = Buffer.concat([head, ...units]);
  test(`T18 truncated stream: every byte position, FIN, on the wire of ${wire}`, async () => {
    let whole = 0;
    let cut = 0;
    const account = await harness.row({ rssMib: 32 }, async ({ address, until }) => {
      whole = 0;
      cut = 0;
      for (let end = 0; end <= stream.length; end++) {
        const expected = judge(head, units, end);
        whole += expected.whole;
        cut += expected.inside ? 1 : 0;
        const peer = await Attacker.connect(address);
        peer.socket.end(stream.subarray(0, end));
        await peer.untilClosed();
      }
      await until('all messages', ({ delivered }) => delivered === whole);
    });
    assert.deepEqual(account.errors, { TRUNCATED: cut });
    assert.equal(account.delivered, whole);
  });

  test(`T18 truncated stream: every byte position, RST, on the wire of ${wire}`, async () => {
    let whole = 0;
    const account = await harness.row({ tcp: true, rssMib: 32 }, async ({ address }) => {
      whole = 0;
      for (let end = 0; end <= stream.length; end++) {
        const peer = await Attacker.connect(address);
        if (end > 0) await new Promise((resolve) => peer.socket.write(stream.subarray(0, end), resolve));
        peer.socket.resetAndDestroy();
        whole += judge(head, units, end).whole;
        await peer.untilClosed();
      }
    });
    assert.ok(account.delivered <= whole, 'nothing is delivered that was not whole');
    const { ECONNRESET = 0, EPIPE = 0, TRUNCATED = 0, ...others } = account.errors;
    assert.deepEqual(others, {});
    assert.ok(ECONNRESET + EPIPE + TRUNCATED <= stream.length + 1, 'at most one error for each peer');
  });
}
