/**
 * ringwire with real node-ipc, each in both roles, in processes of their own: over every stream transport, JSON and raw,
 * sync and not, one client and many, and through restarts of either side. What the processes print is compared with what
 * the original prints with itself.
 *
 * It tests no single feature. Invariant: every row of the matrix shows in what the server printed.
 */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Child } from './support/children.ts';
import { play, type Pair, type Row } from './support/play.ts';
import { PROVEN, register } from './support/suites.ts';

const MESSAGES = 8;
const MANY = 5;
/** What program.ts sends and broadcasts raw. */
const RECORD = '007f80ff0c0a00c3';
const NEWS = 'fffe00';

type Told = { id: string; n: number; bytes: string; text: string };

const CROSS: readonly Pair[] = [
  ['ringwire', 'oracle'],
  ['oracle', 'ringwire'],
];
const ORACLE: Pair = ['oracle', 'oracle'];
const RINGWIRE: Pair = ['ringwire', 'ringwire'];

function ids(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

/** The values of one field, by id, in the order in which they were told. */
function byId<K extends 'n' | 'bytes' | 'text'>(
  child: Child,
  event: string,
  field: K,
): Record<string, Told[K][]> {
  const found: Record<string, Told[K][]> = {};
  for (const line of child.told.values(event) as Told[]) (found[line.id] ??= []).push(line[field]);
  return found;
}

function each<T>(names: readonly string[], value: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

const NUMBERS = Array.from({ length: MESSAGES }, (_, at) => at + 1);
const SENT = NUMBERS.map((n) => n.toString(16).padStart(2, '0') + RECORD).join('');

/** Everything that these clients and all before them were told; those left, so they must hear no later news. */
async function talkJson(
  server: Child,
  client: Child,
  names: readonly string[],
  before: number,
): Promise<void> {
  const total = before + names.length;
  await client.count('answer', total * MESSAGES);
  server.tell('news');
  await client.count('news', total);
  client.tell('leave');
  await client.count('disconnect', total);
  await server.count('hello', total * MESSAGES);
  for (const name of names) {
    assert.deepEqual(byId(client, 'answer', 'n')[name], NUMBERS);
    assert.deepEqual(byId(server, 'hello', 'n')[name], NUMBERS);
  }
  const news = byId(client, 'news', 'text');
  assert.equal(Object.keys(news).length, total);
  for (const texts of Object.values(news)) assert.deepEqual(texts, ['for all']);
}

async function talkRaw(
  server: Child,
  client: Child,
  names: readonly string[],
  before: number,
): Promise<void> {
  const complete = (bytes: string): (() => boolean) => {
    return () => names.every((name) => byId(client, 'bytes', 'bytes')[name]?.at(-1) === bytes);
  };
  await client.until('all bytes to come back', complete(SENT));
  server.tell('news');
  await client.until('the broadcast', complete(SENT + NEWS));
  client.tell('leave');
  await client.count('disconnect', before + names.length);
}

function titleOf(pair: Pair, { transport, raw }: Row): string {
  return `${pair[0]} server, ${pair[1]} clients: ${transport}, ${raw ? 'raw' : 'JSON'}`;
}

/** Who talks one after the other, all in one process: one client and many, sync and not. */
const GROUPS = [
  ['one', 1, ''],
  ['many', MANY, ''],
  ['sync-one', 1, 'sync'],
  ['sync-many', MANY, 'sync'],
] as const;
const ALL = GROUPS.flatMap(([prefix, count]) => ids(prefix, count)).toSorted();

function talkAndCompare(pair: Pair, row: Row): void {
  const { raw } = row;
  const talk = raw ? talkRaw : talkJson;
  register(titleOf(pair, row), () =>
    play(pair, row, async (stage) => {
      const server = await stage.server();
      const client = stage.clients();
      let before = 0;
      for (const [prefix, count, sync] of GROUPS) {
        client.tell(`dial ${prefix} ${count} ${sync}`);
        await talk(server, client, ids(prefix, count), before);
        before += count;
      }
      client.tell('stop');
      assert.equal(await client.exit(), 0, client.stderr);
      await server.count('gone', ALL.length);
      const gone = server.told.values('gone') as Told[];
      const told = gone.map((line) => (raw ? line.bytes : line.id)).toSorted();
      assert.deepEqual(told, raw ? ALL.map(() => SENT) : ALL);
      assert.equal(server.told.of('connect').length, ALL.length);
      assert.equal(server.told.of('error').length, 0);
      server.tell('stop');
      assert.equal(await server.exit(), 0, server.stderr);
    }),
  );
}

function killServer(pair: Pair, row: Row, sync: string): void {
  register(`${titleOf(pair, row)} ${sync}: the server is killed and comes back`, () =>
    play(pair, row, async (stage) => {
      const first = await stage.server();
      const client = stage.clients();
      client.tell(`dial c ${MANY} ${sync}`);
      const names = ids('c', MANY);
      await client.count('answer', MANY * MESSAGES);
      await first.kill();
      await client.count('disconnect', MANY);
      const second = await stage.server();
      await client.count('answer', 2 * MANY * MESSAGES);
      assert.deepEqual(byId(client, 'answer', 'n'), each(names, [...NUMBERS, ...NUMBERS]));
      await second.count('hello', MANY * MESSAGES);
      assert.deepEqual(byId(second, 'hello', 'n'), each(names, NUMBERS));
      assert.equal(client.told.of('connect').length, 2 * MANY);
    }),
  );
}

function killClient(pair: Pair, row: Row, sync: string): void {
  register(`${titleOf(pair, row)} ${sync}: a client is killed and comes back`, () =>
    play(pair, row, async (stage) => {
      const server = await stage.server();
      const witness = stage.clients();
      witness.tell(`dial witness 1 ${sync}`);
      await witness.count('answer', MESSAGES);
      for (let round = 1; round <= 2; round++) {
        const client = stage.clients();
        client.tell(`dial c 1 ${sync}`);
        await client.count('answer', MESSAGES);
        await client.kill();
        await server.count('gone', round);
      }
      await server.count('hello', 3 * MESSAGES);
      assert.deepEqual(byId(server, 'hello', 'n'), { witness0: NUMBERS, c0: [...NUMBERS, ...NUMBERS] });
      const gone = server.told.values('gone') as Told[];
      const whose = gone.map((line) => line.id);
      assert.deepEqual(whose, ['c0', 'c0']);
      server.tell('news');
      await witness.count('news');
      assert.equal(witness.told.of('disconnect').length, 0);
    }),
  );
}

const ROWS: Row[] = [];
for (const transport of ['unix', 'tcp', 'tls'] as const) {
  for (const raw of [false, true]) ROWS.push({ transport, raw, messages: MESSAGES });
}

const KILL_ROW: Row = { transport: 'unix', raw: false, messages: MESSAGES };

void describe('the original with itself proves the scenarios', { concurrency: 3, skip: PROVEN }, () => {
  for (const row of ROWS) talkAndCompare(ORACLE, row);
  for (const kill of [killServer, killClient]) kill(ORACLE, KILL_ROW, '');
});

void describe('cross', { concurrency: 3 }, () => {
  for (const pair of CROSS) for (const row of ROWS) talkAndCompare(pair, row);
  talkAndCompare(RINGWIRE, { transport: 'unix', raw: false, messages: MESSAGES });
  talkAndCompare(RINGWIRE, { transport: 'tls', raw: true, messages: MESSAGES });
  for (const kill of [killServer, killClient]) {
    for (const pair of CROSS) kill(pair, KILL_ROW, '');
    for (const pair of CROSS) kill(pair, { ...KILL_ROW, transport: 'tcp' }, 'sync');
  }
});
