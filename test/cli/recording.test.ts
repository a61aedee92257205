/**
 * `record` and `replay`: what clients said arrives again, byte for byte, on the wire and in the codecs of before: a recording of the replay says the
 * same as the first one.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { after, test, type TestContext } from 'node:test';
import {
  connect,
  defineProtocol,
  type Protocol,
  type PeerClient,
  defineStruct,
  IPC,
  listen,
  type PeerServer,
} from '../../src/index.ts';
import type { Server } from '../../src/ipc/server.ts';
import type { Recorded } from '../../src/cli/recording.ts';
import { file, folder, freeAddress, removeFolder, run, start } from './support.ts';

after(removeFolder);

const Pose = defineStruct('pose', { x: 'f32', y: 'f32', seq: 'u32' });
const protocol: Protocol = defineProtocol({
  events: { pose: { id: 7, codec: Pose }, text: { codec: 'json' }, bytes: { codec: 'raw' } },
});

const LINE: Recorded = {
  t: 0,
  connection: 1,
  from: 'client',
  event: 'e',
  id: 0,
  codec: 'raw',
  kind: 'request',
  correlation: 1,
  payload: '',
};

/** Of the clients, without times. */
function said(name: string): Recorded[] {
  return fs
    .readFileSync(path.join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
    .filter(({ from }) => from === 'client')
    .map((line) => Object.assign(line, { t: 0 }));
}

async function answering(context: TestContext): Promise<{ listening: PeerServer; heard: unknown[] }> {
  const listening = (await listen(freeAddress(), { protocol })) as unknown as PeerServer;
  context.after(() => listening.close());
  const heard: unknown[] = [];
  listening.on('*', ((event: string, data: unknown) => heard.push([event, data])) as never);
  listening.handle('double', (input) => Number(input) * 2);
  listening.handle('fail', () => {
    throw new Error('no');
  });
  listening.handle('rows', async function* (count) {
    for (let row = 0; row < Number(count); row++) yield row;
  });
  return { listening, heard };
}

test('a replay says what was recorded: messages of each codec, requests, streams', async (context) => {
  const { listening, heard } = await answering(context);
  const first = await start(
    context,
    'record',
    freeAddress(),
    listening.address,
    path.join(folder, 'first.ndjson'),
    '--connections',
    '2',
    '--json',
  );
  const client = (await connect(first.where, { protocol })) as unknown as PeerClient;
  client.send('pose', { x: 1.5, y: -2, seq: 3 });
  client.send('text', { at: '\u00e4' });
  client.send('bytes', Buffer.from([0, 255, 10]));
  client.send('packed', { big: 2n ** 60n, none: undefined });
  assert.equal(await client.request('double', 21), 42);
  await assert.rejects(client.request('fail'));
  const rows = [];
  for await (const row of client.stream('rows', 40)) rows.push(row);
  assert.equal(rows.length, 40);
  await client.close();
  const json = await connect(first.where, { codec: 'json' });
  json.send('empty');
  await json.close();
  const ended = await first.done;
  assert.equal(ended.code, 0, ended.err);
  const summary = JSON.parse(ended.out) as { messages: number; connections: number };
  assert.equal(summary.connections, 2);
  const heardFirst = heard.splice(0);

  const second = await start(
    context,
    'record',
    freeAddress(),
    listening.address,
    path.join(folder, 'second.ndjson'),
    '--connections',
    '2',
  );
  const { out, err, code } = await run(
    'replay',
    path.join(folder, 'first.ndjson'),
    second.where,
    '--speed',
    '0',
    '--json',
  );
  assert.equal(code, 0, err);
  const { milliseconds: _, ...replayed } = JSON.parse(out) as Record<string, number>;
  assert.deepEqual(replayed, { sent: 8, connections: 2, answers: 2, errors: 1, unanswered: 0 });
  await second.done;
  assert.deepEqual(heard, heardFirst);
  const [recorded, again] = [said('first.ndjson'), said('second.ndjson')];
  assert.ok(recorded.some(({ kind }) => kind === 'credit'));
  assert.deepEqual(
    new Set(recorded.map(({ codec }) => codec)),
    new Set(['struct', 'json', 'raw', 'msgpack']),
  );
  assert.deepEqual(again, recorded);
});

test("node-ipc's wire is recorded and replayed as such", async (context) => {
  const ipc = new IPC();
  Object.assign(ipc.config, { id: 'world', silent: true });
  const place = freeAddress().slice('unix:'.length);
  const heard: unknown[] = [];
  await new Promise<void>((resolve) => {
    ipc.serve(place, () => resolve());
    (ipc.server as Server).start();
  });
  const server = ipc.server as Server;
  context.after(() => server.stop());
  server.on('message', (data: unknown, socket: never) => {
    heard.push(data);
    server.emit(socket, 'answer', data);
  });
  const recording = await start(
    context,
    'record',
    freeAddress(),
    `unix:${place}`,
    path.join(folder, 'text.ndjson'),
    '--connections',
    '1',
  );
  const socket = net.connect(recording.where.slice('unix:'.length));
  socket.write('{"type":"message","data":{"a":[1,"\u00e4"]}}\f{"type":"message"}\f');
  // More digits than a double holds; what is not written as usual is recorded by its meaning.
  socket.write('{"type":"message","data":12345678901234567890}\f{ "data": 1.0, "type": "message" }\f');
  let answers = '';
  for await (const chunk of socket) if ((answers += String(chunk)).split('\f').length === 5) break;
  await recording.done;
  const expected = [{ a: [1, '\u00e4'] }, undefined, 12345678901234567000, 1];
  assert.deepEqual(heard.splice(0), expected);
  assert.deepEqual(
    said('text.ndjson').map(({ codec, event, payload }) => [
      codec,
      event,
      Buffer.from(payload, 'base64').toString(),
    ]),
    [
      ['node-ipc', 'message', '{"a":[1,"\u00e4"]}'],
      ['node-ipc', 'message', ''],
      ['node-ipc', 'message', '12345678901234567890'],
      ['node-ipc', 'message', '1'],
    ],
  );
  const { code, err } = await run(
    'replay',
    path.join(folder, 'text.ndjson'),
    `unix:${place}`,
    '--speed',
    '0',
  );
  assert.equal(code, 0, err);
  assert.match(err, /^sent 4 messages over 1 connections in \d+ ms\n$/);
  assert.deepEqual(heard, expected);
});

test('pauses are kept, or shortened by the speed', async (context) => {
  const sink = net.createServer((socket) => socket.resume());
  const place = freeAddress().slice('unix:'.length);
  sink.listen(place);
  await once(sink, 'listening');
  context.after(() => sink.close());
  const line = { ...LINE, codec: 'node-ipc', kind: 'message', correlation: 0 };
  const lines = [5_000, 25_000].map((t) => `${JSON.stringify({ ...line, t })}\n`);
  const recording = file('pauses.ndjson', lines.join(''));
  const { out } = await run('replay', recording, `unix:${place}`, '--speed', '100', '--json');
  const { milliseconds } = JSON.parse(out) as { milliseconds: number };
  // What comes before the first message is no pause. Timers may run a millisecond early.
  assert.ok(milliseconds >= 199 && milliseconds < 20_000, `${milliseconds} ms`);
});

test('what a replay cannot do is told: no line, nobody there, a peer that goes', async (context) => {
  const bad = file('bad.ndjson', '{"t":1}\n');
  assert.match(
    (await run('replay', bad, freeAddress())).err,
    /bad\.ndjson, line 1: this is no recorded message/,
  );
  const good = file('good.ndjson', `${JSON.stringify(LINE)}\n`);
  const nobody = await run('replay', good, freeAddress());
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /ENOENT/);
  const hangup = net.createServer((socket) => socket.destroy());
  const place = freeAddress().slice('unix:'.length);
  hangup.listen(place);
  await once(hangup, 'listening');
  context.after(() => hangup.close());
  const cut = await run('replay', good, `unix:${place}`);
  assert.equal(cut.code, 2, cut.err);
  const silent = await listen(freeAddress());
  context.after(() => silent.close());
  silent.handle('e', () => new Promise(() => {}));
  const { out, code } = await run('replay', good, silent.address, '--timeout', '50', '--json');
  assert.deepEqual([code, (JSON.parse(out) as { unanswered: number }).unanswered], [0, 1]);
});
