/**
 * Rows T45 and T46 of RELIABILITY.md, with acknowledgement: either side is killed under load again and again, and the connection is reset at every byte of its
 * beginning. What the surviving side accepted is handled, once in the life of each process and in order.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Peer, PeerServer, RingwireError } from '../../src/index.ts';
import { Stage, until } from '../api/support.ts';
import { projectRoot } from '../support/project.ts';
import { seeded } from '../support/seeded.ts';
import { countFor, OPTIONS } from './delivery-program.ts';
import { scaled } from './scale.ts';

const PROGRAM: string = join(projectRoot(), 'build', 'test', 'reliability', 'delivery-program.js');
const TCP = 'tcp://127.0.0.1:0';
/** Set by the long rows. */
const { RINGWIRE_KILLS, RINGWIRE_KILLS_SEED = '45' } = process.env;
const CLOSE_MS_MAX = 120_000;
const QUICKLY = { delayMs: 2, delayMsMax: 2 };

interface Life {
  readonly label: number;
  readonly child: ChildProcess;
  readonly file: string;
}

/** Processes of one role, the next one always warm. */
class Lives {
  readonly all: Life[] = [];
  readonly #stage: Stage;
  readonly #role: string;
  #next: Promise<Life>;
  #label = 0;

  constructor(context: TestContext, stage: Stage, role: 'server' | 'client') {
    this.#stage = stage;
    this.#role = role;
    this.#next = this.#spawn();
    context.after(async () => {
      for (const { child } of [...this.all, await this.#next]) child.kill('SIGKILL');
    });
  }

  /** The next process, on its way to be up. */
  async begin(): Promise<Life> {
    const life = await this.#next;
    this.#next = this.#spawn();
    this.all.push(life);
    life.child.send('go');
    return life;
  }

  async #spawn(): Promise<Life> {
    const label = this.#label++;
    const file = join(this.#stage.folder, `${this.#role}-${label}`);
    fs.writeFileSync(file, '');
    const child = fork(PROGRAM, [this.#role, this.#stage.address, file, String(label)]);
    await once(child, 'message');
    return { label, child, file };
  }
}

async function kill({ child }: Life): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** The numbers that a process has handled, each with the label of who counted. */
function handledBy({ file }: Life): [label: number, number: number][] {
  const bytes = fs.readFileSync(file);
  return Array.from({ length: bytes.length >> 3 }, (_, at) => [
    bytes.readUInt32LE(at * 8),
    bytes.readUInt32LE(at * 8 + 4),
  ]);
}

/** Hears counts and fails where one is missing or comes twice. */
class Counts {
  readonly next = new Map<number, number>();
  readonly faults: string[] = [];

  readonly hear = (data: unknown): void => {
    const bytes = data as Buffer;
    const label = bytes.readUInt32LE(0);
    const number = bytes.readUInt32LE(4);
    const expected = this.next.get(label) ?? 0;
    if (number !== expected) this.faults.push(`${label}: ${number} instead of ${expected}`);
    this.next.set(label, number + 1);
  };

  of(label: number): number {
    return this.next.get(label) ?? 0;
  }
}

function killsOf(t: TestContext): number {
  return RINGWIRE_KILLS === undefined ? scaled(t, 6, 1_000) : Number(RINGWIRE_KILLS);
}

const pause = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));

test('T45 the server is killed again and again: its successors get what it had not acknowledged', async (t) => {
  const kills = killsOf(t);
  const random = seeded(Number(RINGWIRE_KILLS_SEED));
  const stage = new Stage(t);
  const servers = new Lives(t, stage, 'server');
  let life = await servers.begin();
  const client = await stage.client({ ...OPTIONS, wait: true, reconnect: QUICKLY });
  const lost: number[] = [];
  client.lifecycle.on('error', (error) => {
    const { code, actual = 0 } = error as RingwireError;
    if (code === 'ERR_RINGWIRE_SESSION_LOST') lost.push(actual);
  });
  const counts = new Counts();
  client.on('count', counts.hear);
  const begin = (): void => void client.send('begin', Buffer.alloc(1));
  client.lifecycle.on('connect', begin);
  begin();
  let running = true;
  t.after(() => (running = false));
  const counting = countFor(client, 99, () => running);
  for (let n = 0; n < kills; n++) {
    const connected = client.isConnected
      ? undefined
      : new Promise((r) => void client.lifecycle.once('connect', () => r(0)));
    await connected;
    await pause(random.below(12));
    await kill(life);
    life = await servers.begin();
  }
  running = false;
  const sent = await counting;
  // The last server hears all that was said while others were dead.
  await client.close({ timeout: CLOSE_MS_MAX });
  assert.deepEqual(counts.faults, [], 'what each server sent came once and in order');
  let end = 0;
  let twice = 0;
  for (const each of servers.all) {
    const handled = handledBy(each);
    const [first] = handled;
    if (first === undefined) continue;
    assert.ok(first[1] <= end, `server ${each.label} began with ${first[1]}, and ${end} is missing`);
    handled.forEach(([, number], at) => assert.equal(number, first[1] + at, 'in order and once in one life'));
    twice += end - first[1];
    end = first[1] + handled.length;
  }
  assert.equal(end, sent, 'nothing was lost');
  assert.ok(lost.length > 0 && lost.length <= kills, 'each loss of a session was told');
  assert.ok(
    twice <= lost.reduce((sum, each) => sum + each, 0),
    'only what was told may have been handled twice',
  );
  t.diagnostic(`${sent} messages, ${kills} kills, ${twice} handled by two servers`);
});

test('T46 clients are killed again and again: the server hears each once and knows what was not acknowledged', async (t) => {
  const kills = killsOf(t);
  const random = seeded(Number(RINGWIRE_KILLS_SEED));
  const stage = new Stage(t);
  const server = await stage.server({ ...OPTIONS, limits: { sessionTtlMs: 200 } });
  const counts = new Counts();
  let givenUp = 0;
  let sent = 0;
  const ends = new Map<Peer, number>();
  server.on('count', counts.hear);
  server.lifecycle.on('error', (error) => {
    const { code, actual = 0 } = error as RingwireError;
    if (code === 'ERR_RINGWIRE_UNACKNOWLEDGED') givenUp += actual;
  });
  server.lifecycle.on('disconnect', (peer) => void ends.set(peer, (ends.get(peer) ?? 0) + 1));
  const counting: Promise<number>[] = [];
  let label = 0;
  server.on('begin', (_, peer) => {
    counting.push(countFor(peer, label++, () => peer.isConnected));
  });
  const clients = new Lives(t, stage, 'client');
  for (let n = 0; n < kills; n++) {
    const life = await clients.begin();
    await once(life.child, 'message');
    await pause(random.below(60));
    await kill(life);
  }
  for (const each of counting) sent += await each;
  // The last one may have been killed before its first message: then nothing above has waited for its end.
  await until('the end of all sessions', () => ends.size === kills && server.stats().peersAway === 0);
  assert.deepEqual(counts.faults, [], 'what each client sent came once and in order');
  assert.equal(ends.size, kills);
  assert.deepEqual(new Set(ends.values()), new Set([1]), 'each end is told once');
  let handled = 0;
  for (const life of clients.all) {
    const numbers = handledBy(life);
    numbers.forEach(([from, number], at) => {
      assert.deepEqual([from, number], [numbers[0]?.[0], at], 'in order and once');
    });
    handled += numbers.length;
  }
  assert.ok(
    sent - givenUp <= handled,
    `${sent} sent, ${givenUp} given up, ${handled} handled: nothing is lost in silence`,
  );
  t.diagnostic(`${sent} messages to ${kills} clients, ${handled} handled, ${givenUp} given up`);
});

function portOf(server: PeerServer): number {
  return Number(new URL(server.address).port);
}

/** Cuts each connection when so many bytes have passed in one direction. */
async function cuttingProxy(
  t: TestContext,
  port: number,
  next: () => { up: number; down: number } | undefined,
): Promise<string> {
  const server = net.createServer((client) => {
    const target = net.connect(port, '127.0.0.1');
    const limits = next();
    const both = [client, target];
    const cut = (): void => {
      for (const each of both) each.resetAndDestroy();
    };
    for (const [from, to, limit] of [
      [client, target, limits?.up ?? Infinity],
      [target, client, limits?.down ?? Infinity],
    ] as const) {
      let passed = 0;
      from.on('error', cut);
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        const room = limit - passed;
        passed += chunk.length;
        if (chunk.length < room) to.write(chunk);
        else to.write(chunk.subarray(0, room), cut);
      });
      if (limit === 0) cut();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('T45 resets at every byte of a connection’s beginning, and behind it: once, in order, both ways', async (t) => {
  const stage = new Stage(t);
  const server = await stage.server({ ...OPTIONS, limits: { sessionTtlMs: 10_000 } }, TCP);
  const [up, down] = [new Counts(), new Counts()];
  server.on('count', up.hear);
  const random = seeded(451);
  const later = scaled(t, 60, 20_000);
  const cuts: { up: number; down: number }[] = [];
  for (let at = 0; at < 160; at++) cuts.push({ up: at, down: Infinity }, { up: Infinity, down: at });
  for (let n = 0; n < later; n++) {
    const [one, other] = [random.below(20_000), random.below(20_000)];
    cuts.push(random.below(2) === 0 ? { up: one, down: Infinity } : { up: Infinity, down: other });
  }
  // The first connection stands, so that there is a session to resume.
  let connections = 0;
  const address = await cuttingProxy(t, portOf(server), () =>
    connections++ === 0 ? { up: 2_000, down: 2_000 } : cuts.shift(),
  );
  const client = await stage.client({ ...OPTIONS, reconnect: { delayMs: 1, delayMsMax: 1 } }, address);
  client.on('count', down.hear);
  const codes = new Set<string>();
  for (const each of [server, client]) {
    each.lifecycle.on('error', (error: Error) => void codes.add((error as RingwireError).code));
  }
  const [peer] = server.peers;
  let failed = false;
  t.after(() => (failed = true));
  const goesOn = (): boolean => cuts.length > 0 && !failed;
  const [sentUp, sentDown] = await Promise.all([
    countFor(client, 1, goesOn),
    // Also while the client is away: the peer of the first connection stands for all that follow.
    countFor(peer as Peer, 2, goesOn),
  ]);
  await until('the rest', () => up.of(1) === sentUp && down.of(2) === sentDown);
  assert.deepEqual([...up.faults, ...down.faults], []);
  assert.deepEqual(
    [...codes].filter((code) => code.startsWith('ERR_RINGWIRE') && code !== 'ERR_RINGWIRE_TRUNCATED'),
    ['ERR_RINGWIRE_SESSION_TAKEN'].filter((code) => codes.has(code)),
  );
  t.diagnostic(`${sentUp} up, ${sentDown} down, ${connections} connections`);
});

test('a message of any size survives a reset', async (t) => {
  const stage = new Stage(t);
  const server = await stage.server(OPTIONS, TCP);
  let connections = 0;
  const address = await cuttingProxy(t, portOf(server), () =>
    connections++ < 6 ? { up: 900_000, down: Infinity } : undefined,
  );
  const client = await stage.client({ ...OPTIONS, reconnect: QUICKLY }, address);
  const heard: string[] = [];
  server.on('blob', (data) => void heard.push(`${(data as Buffer).length} of ${(data as Buffer)[0]}`));
  const sizes = [0, 1, 31, 4_096, 8_192, 32_767, 32_768, 100_000, 700_000];
  const sent: string[] = [];
  for (let n = 0; n < 27; n++) {
    const blob = Buffer.alloc(sizes[n % sizes.length] as number, n);
    client.send('blob', blob);
    sent.push(`${blob.length} of ${blob[0]}`);
    // The program’s memory is its own again once the message was accepted.
    blob.fill(0xee);
  }
  await until('all', () => heard.length === sent.length);
  assert.deepEqual(heard, sent);
  assert.ok(connections > 6);
});
