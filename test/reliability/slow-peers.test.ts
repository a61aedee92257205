/**
 * Rows T21, T30, T33, T37, T40 and T51 of RELIABILITY.md: peers that do not read, read late, leave in mid-message or close one direction, and
 * handlers that misbehave. Others notice nothing, memory stays bounded, and what is lost is counted.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inlineFrame } from '../frames/naive.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { seeded } from '../support/seeded.ts';
import { ANSWER, Attacker, greetingIn, json, JSON_CODEC, QUESTION, giveWay } from './attacker.ts';
import { scaled } from './scale.ts';
import { Harness, type RowOptions, type Target } from './witness.ts';

let harness: Harness;
let certificates: Certificates;
before(async () => {
  harness = await Harness.start();
  giveWay();
  certificates = await makeCertificates(harness.folder);
});
after(() => harness.end());

const MIB: number = 1024 * 1024;
const TRANSPORTS = ['unix', 'tcp', 'tls'] as const;
type TransportName = (typeof TRANSPORTS)[number];

function optionsFor(transport: TransportName, settings: RowOptions['settings'] = {}): RowOptions {
  const tls = { private: certificates.server.key, public: certificates.server.cert };
  return {
    settings: transport === 'tls' ? { ...settings, tls } : settings,
    tcp: transport !== 'unix',
    witnesses: transport === 'tls' ? 'beside' : 'here',
  };
}

function open(transport: TransportName, { address }: Target, allowHalfOpen = false): Promise<Attacker> {
  if (transport !== 'tls') return Attacker.connect(address, allowHalfOpen);
  return Attacker.connectTls(address, readFileSync(certificates.ca), allowHalfOpen);
}

interface Pushed {
  readonly n: number;
  readonly text: string;
}

/** Checks the messages of a push as they arrive and keeps only their numbers. */
class Reader {
  readonly numbers: number[] = [];
  last = 0;
  #rest = '';

  constructor(peer: Attacker, bytes: number) {
    peer.keeps = false;
    peer.socket.on('data', (chunk: Buffer) => {
      const texts = (this.#rest + chunk.toString('latin1')).split('\f');
      this.#rest = texts.pop() as string;
      for (const text of texts) {
        const { type, data } = JSON.parse(text) as { type: string; data: Pushed | number };
        if (type === 'pushed all') this.last = data as number;
        if (typeof data === 'object') this.#check(data, bytes);
      }
    });
  }

  #check({ n, text }: Pushed, bytes: number): void {
    this.numbers.push(n);
    assert.ok(text === String.fromCharCode(97 + (n % 26)).repeat(bytes), `message ${n} is damaged`);
  }
}

for (const transport of TRANSPORTS) {
  test(`T21 write slab reused early: a peer that reads in fits gets every byte as it was sent, over ${transport}`, async (t) => {
    const count = scaled(t, 20_000, 100_000);
    const settings = { highWaterMark: MIB / 2 };
    await harness.row(optionsFor(transport, settings), async (target) => {
      const peer = await open(transport, target);
      const reader = new Reader(peer, 2000);
      const random = seeded(21);
      const fits = setInterval(() => {
        if (random.below(2) === 0) peer.socket.pause();
        else peer.socket.resume();
      }, 5);
      peer.write(json('push please', { count, bytes: 2000, polite: true }));
      await peer.until('all messages', () => reader.last === count).finally(() => clearInterval(fits));
      assert.equal(reader.numbers.length, count);
      assert.ok(reader.numbers.every((n, index) => n === index + 1));
      await peer.leave();
    });
  });
}

/** Connects, asks for a push and stops itself: a process that nobody will see reading. */
const STOPPED_PEER = `
const socket = require('node:net').connect(process.argv[1]);
socket.on('error', () => {});
socket.write(process.argv[2], () => process.kill(process.pid, 'SIGSTOP'));
`;

async function stoppedPeer(path: string, bytes: Buffer): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', STOPPED_PEER, path, bytes.toString()], { stdio: 'ignore' });
  await once(child, 'spawn');
  return child;
}

for (const kind of ['paused', 'SIGSTOP'] as const) {
  test(`T30 non-reading client, ${kind}, policy disconnect: cut at maxPendingBytes, and a GiB on offer costs no more than that`, async () => {
    const settings = { maxPendingBytes: 8 * MIB, highWaterMark: MIB, slowConsumer: 'disconnect' } as const;
    const please = json('push please', { count: 16_384, bytes: 65_536 });
    let child: ChildProcess | undefined;
    const account = await harness.row({ settings, rssMib: 40 }, async ({ address, until }) => {
      if (kind === 'paused') {
        const peer = await Attacker.connect(address);
        peer.socket.pause();
        peer.write(please);
      } else child = await stoppedPeer(address.path as string, please);
      const now = await until('the cut', ({ errors }) => errors['SLOW_CONSUMER_BYTES'] === 1);
      assert.ok(now.falses > 0 && now.pendingMax <= 8 * MIB + 2 * 65_536, JSON.stringify(now));
      await until('the peer to be gone', ({ closes }) => closes >= 1);
    });
    child?.kill('SIGKILL');
    assert.deepEqual(account.errors, { SLOW_CONSUMER_BYTES: 1 });
    assert.ok((account.stats?.unsentBytes ?? 0) > 0, 'what was given up is counted');
  });
}

test('T30 non-reading client, policy drop-newest: a GiB on offer is refused by emit, and the peer may come back', async () => {
  const settings = { maxPendingBytes: 8 * MIB, highWaterMark: MIB };
  const account = await harness.row({ settings, rssMib: 40 }, async ({ address, until }) => {
    const peer = await Attacker.connect(address);
    peer.keeps = false;
    peer.socket.pause();
    peer.write(json('push please', { count: 16_384, bytes: 65_536 }));
    const now = await until('a GiB to be offered', ({ offered }) => offered === 16_384);
    assert.ok(now.pendingMax <= 8 * MIB + 2 * 65_536, `${now.pendingMax} bytes were pending`);
    peer.socket.resume();
    await until('all to be sent', ({ stats, drains }) => stats?.pendingBytes === 0 && drains > 0);
    await peer.leave();
  });
  assert.deepEqual(account.errors, { BACKPRESSURE: 1 });
  assert.ok((account.stats?.dropped['newest'] ?? 0) > 16_000, 'each refusal is counted');
});

const POLICIES = ['drop-newest', 'drop-oldest', 'latest', 'disconnect'] as const;
const DROPPED = { 'drop-newest': 'newest', 'drop-oldest': 'oldest', latest: 'replaced', disconnect: 'none' };

for (const slowConsumer of POLICIES) {
  test(`T33 policy ${slowConsumer}: the gaps that the peer sees are the drops that are counted`, async (t) => {
    const count = scaled(t, 50_000, 1_000_000);
    const settings = { slowConsumer, maxPendingBytes: MIB, highWaterMark: MIB / 4 };
    let seen: number[] = [];
    const account = await harness.row({ settings, blocks: true }, async ({ address, until }) => {
      const peer = await Attacker.connect(address);
      const reader = new Reader(peer, 1000);
      seen = reader.numbers;
      peer.socket.pause();
      peer.write(
        json('push please', { count, bytes: 1000, ...(slowConsumer === 'latest' ? { keys: 10 } : {}) }),
      );
      await until('all to be offered', ({ offered }) => offered === count);
      peer.socket.resume();
      if (slowConsumer === 'disconnect') await peer.untilClosed();
      else {
        await until('all to be sent', ({ stats }) => stats?.pendingBytes === 0);
        peer.write(json('push please', { count: 1, bytes: 1000 }));
        await peer.until('the second push', () => reader.last === 1);
        await peer.leave();
      }
    });
    if (slowConsumer === 'disconnect') {
      assert.deepEqual(account.errors, { SLOW_CONSUMER_BYTES: 1 });
      assert.ok(
        seen.every((n, index) => n === index + 1),
        'what arrived is the beginning, without a gap',
      );
      return;
    }
    const dropped = account.stats?.dropped[DROPPED[slowConsumer]] ?? 0;
    // Beside the pushed messages, `pushed all` may have been dropped or replaced.
    const gaps = count - (seen.length - 1);
    assert.ok(gaps > count / 2, `${gaps} of ${count} are missing: the peer was slow enough`);
    assert.ok(dropped === gaps || dropped === gaps + 1, `${gaps} are missing, ${dropped} were counted`);
    const first = seen.slice(0, -1);
    assert.equal(new Set(first).size, first.length, 'nothing comes twice');
    if (slowConsumer === 'latest') assert.ok(first.includes(count), 'the newest value arrives');
    else
      assert.ok(
        first.every((n, index) => index === 0 || n > (first[index - 1] as number)),
        'in order',
      );
    assert.equal(account.errors['SLOW_CONSUMER_BYTES'], undefined);
  });
}

for (const codec of [undefined, JSON_CODEC]) {
  test(`T37 handlers throw, block and re-enter: every message is handled once, ${codec === undefined ? 'node-ipc' : 'ringwire'} wire`, async (t) => {
    const count = scaled(t, 20_000, 100_000);
    const options = { witnesses: 'beside', blocks: true, uncaught: /wild/ } as const;
    let helpers = 0;
    const account = await harness.row(options, async ({ address, until }) => {
      const peer = await Attacker.connect(address);
      peer.keeps = false;
      const expendable = await Attacker.many(address, 20);
      helpers = expendable.length;
      for (const each of expendable) each.write(json('msg', { id: 'expendable' }));
      await until('the expendable', ({ delivered }) => delivered === helpers);
      if (codec !== undefined) peer.write(greetingIn(codec));
      for (let first = 1; first <= count; first += 200) {
        const burst = Array.from({ length: Math.min(200, count - first + 1) }, (_, index) => first + index);
        const messages = burst.map((each) =>
          codec === undefined ? json('wild', each) : inlineFrame('wild', codec, String(each)),
        );
        peer.write(Buffer.concat(messages));
      }
      await until('all messages', ({ delivered }) => delivered >= count + helpers);
      for (const each of [peer, ...expendable]) await each.leave();
    });
    assert.equal(account.delivered, count + helpers);
    const throwing = Array.from({ length: count }, (_, index) => index + 1).filter(
      (n) => seeded(n).below(8) === 0,
    );
    assert.equal(account.uncaught, throwing.length, 'each exception reaches the process, once');
    assert.deepEqual(
      Object.keys(account.errors).filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE'),
      [],
    );
  });
}

for (const transport of TRANSPORTS) {
  test(`T40 half-closed writer over ${transport}: who has said all still gets its answer`, async (t) => {
    const count = scaled(t, 400, 1000);
    const account = await harness.row(optionsFor(transport), async (target) => {
      for (let done = 0; done < count; done += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            const peer = await open(transport, target, true);
            peer.socket.end(QUESTION);
            await peer.until('the answer', () => peer.receivedBytes >= ANSWER.length);
            await peer.untilClosed();
            assert.deepEqual(peer.all, ANSWER);
          }),
        );
      }
    });
    assert.deepEqual(account.errors, {});
  });
}

test('T51 a reset in the middle of a thousand writes: one disconnect, and what did not leave is counted', async (t) => {
  const count = scaled(t, 80, 10_000);
  const account = await harness.row({ tcp: true, rssMib: 128 }, async ({ address, until }) => {
    for (let done = 0; done < count; done += 4) {
      const peers = await Attacker.many(address, 4);
      for (const peer of peers) {
        peer.keeps = false;
        peer.socket.pause();
        peer.write(json('push please', { count: 1000, bytes: 8000 }));
      }
      await until('all to be offered', ({ offered }) => offered === 1000 * (done + 4));
      for (const peer of peers) peer.socket.resetAndDestroy();
      await Promise.all(peers.map((each) => each.untilClosed()));
      await until('all to be gone', ({ closes }) => closes >= done + 4);
    }
  });
  const { ECONNRESET = 0, EPIPE = 0, ...others } = account.errors;
  assert.deepEqual(others, {});
  assert.ok(ECONNRESET + EPIPE <= count, `${ECONNRESET + EPIPE} errors for ${count} peers`);
  assert.equal(account.stats?.pendingBytes, 0);
  assert.ok((account.stats?.unsentBytes ?? 0) > 0, 'what did not leave is counted');
});
