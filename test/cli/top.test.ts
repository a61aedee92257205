/**
 * `ringwire top` beside a server that allows it and one that does not: rates of an interval, peers, refusals; JSON and lines as a process, the
 * screen as text.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { after, test, type TestContext } from 'node:test';
import type { InspectedPeer, Inspection } from '../../src/api/inspection.ts';
import { between, screenOf } from '../../src/cli/top-view.ts';
import { bytesText, countText, durationText, microsecondsText } from '../../src/cli/units.ts';
import { connect, listen, type PeerClient, type PeerServer } from '../../src/index.ts';
import { CLI, freeAddress, removeFolder, run, start } from './support.ts';

after(removeFolder);

async function inspectable(context: TestContext, where: string = freeAddress()): Promise<PeerServer> {
  const server = await listen(where, { inspect: true, id: 'watched' });
  context.after(() => server.close());
  return server;
}

/** `top --json` and its looks, one after the other. */
function looks(context: TestContext, ...args: string[]): AsyncIterator<Inspection> {
  const child = spawn(process.execPath, [CLI, 'top', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  return (async function* () {
    let text = '';
    for await (const chunk of child.stdout) {
      const lines = (text + String(chunk)).split('\n');
      text = lines.pop() as string;
      for (const line of lines) yield JSON.parse(line) as Inspection;
    }
  })();
}

function sensorOf({ peers }: Inspection): InspectedPeer {
  return peers.find(({ id }) => id === 'sensor') as InspectedPeer;
}

function messagesOf(inspection: Inspection): number {
  return sensorOf(inspection).stats.received.messages;
}

test('what passes between two looks is what the second one shows, for the server and for each peer', async (context) => {
  const server = await inspectable(context, 'tcp://127.0.0.1:0');
  const client = await connect(server.address, { id: 'sensor', codec: 'raw' });
  context.after(() => client.close());
  const seen = looks(context, server.address, '--interval', '0.2');
  const first = (await seen.next()).value as Inspection;
  assert.deepEqual([first.id, first.pid, first.address], ['watched', process.pid, server.address]);
  const arrived = new Promise<void>((resolve) => server.on('last', () => resolve()));
  for (let message = 0; message < 999; message++) client.send('reading', Buffer.alloc(64));
  client.send('last', Buffer.alloc(64));
  await arrived;
  let [before, second] = [first, (await seen.next()).value as Inspection];
  // A look may have been taken while they arrived.
  while (messagesOf(second) < messagesOf(first) + 1_000)
    [before, second] = [second, (await seen.next()).value as Inspection];
  assert.equal(messagesOf(second) - messagesOf(first), 1_000);
  const [then, now] = [sensorOf(before), sensorOf(second)];
  assert.equal(now.number, then.number);
  assert.match(now.from ?? '', /^127\.0\.0\.1:\d+$/);
  const seconds = (now.stats.atMs - then.stats.atMs) / 1e3;
  const messages = messagesOf(second) - messagesOf(before);
  assert.ok(Math.abs(now.stats.received.messagesPerSecond * seconds - messages) < 1e-6);
  const bytes = second.stats.received.bytes - before.stats.received.bytes;
  const serverSeconds = (second.stats.atMs - before.stats.atMs) / 1e3;
  assert.ok(Math.abs(second.stats.received.bytesPerSecond * serverSeconds - bytes) < 1e-3);
  assert.ok(second.stats.received.bytes - first.stats.received.bytes > 64_000);
  assert.deepEqual(
    second.peers.map(({ id }) => id),
    ['sensor', 'ringwire top'],
  );
});

test('elsewhere than on a terminal each look is a line', async (context) => {
  const listening = await start(context, 'listen', freeAddress(), '--inspect');
  const { out, err, code } = await run('top', listening.where, '--interval', '0.05', '--count', '3');
  assert.equal(code, 0, err);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 3);
  for (const line of lines)
    assert.match(
      line,
      /^\d\d:\d\d:\d\d {2}peers 1 {2}in .*\/s {2}out .*waiting 0 B {2}handling 0 {2}refused 0$/,
    );
});

test('a server that did not allow it says nothing, and the command says why', async (context) => {
  const server = await listen(freeAddress());
  context.after(() => server.close());
  const { out, err, code } = await run('top', server.address);
  assert.deepEqual([out, code], ['', 1]);
  assert.match(err, /does not allow it; its program has to say listen\(address, \{ inspect: true \}\)/);
});

test('a server that goes ends the command, with exit code 2', async (context) => {
  const server = await inspectable(context);
  const child = spawn(process.execPath, [CLI, 'top', server.address, '--interval', '0.05'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close') as Promise<[number]>;
  await once(child.stdout, 'data');
  await server.close();
  const [code] = await closed;
  assert.equal(code, 2);
});

test('an interrupt is an end like any other', async (context) => {
  const server = await inspectable(context);
  const child = spawn(process.execPath, [CLI, 'top', server.address, '--interval', '60'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [0, null]);
});

test('the screen: busiest peers first, refusals by code, bars; never wider or higher than the terminal', async (context) => {
  const server = await inspectable(context);
  const clients: PeerClient[] = [];
  for (let n = 0; n < 5; n++) clients.push(await connect(server.address, { id: `client\u001b[2J ${n}` }));
  context.after(() => Promise.all(clients.map((client) => client.close())));
  for (const client of clients) client.handle('where', () => 1);
  const before = (await clients[0]?.request('ringwire.inspect')) as Inspection;
  clients[3]?.send('much', 'x'.repeat(10_000));
  for (const peer of server.peers) await peer.request('where');
  const now = (await clients[0]?.request('ringwire.inspect')) as Inspection;
  const failed: Inspection = { ...now, stats: { ...now.stats, refused: { ERR_RINGWIRE_FLOOD: 2 } } };
  const lines = screenOf(between(before, failed), { columns: 120, rows: 40, paint: tagged });
  assert.match(lines[0] as string, /^<bold>unix:.* {2}watched {2}pid \d+ {2}up /);
  assert.ok(lines.includes('<red>refused 2: FLOOD 2'), lines.join('\n'));
  assert.match(lines.join('\n'), /round trips 5 {3}p50 .*\n +< .* +\d #+\n/);
  const rows = lines.slice(lines.findIndex((line) => line.startsWith('<bold>   # peer')) + 1);
  assert.equal(rows.length, 5);
  assert.match(rows[0] as string, /^ +4 client\?\[2J 3 /, 'what moves a cursor is not shown');
  const forged = { ...now, id: 'a\u001b[2J', stats: { ...now.stats, refused: { 'B\u009b2J': 1 } } };
  const shown = screenOf(forged, { columns: 120, rows: 40, paint: tagged }).join('');
  assert.doesNotMatch(shown, /\p{C}/u, 'nor anything else that a server says');
  const small = screenOf(failed, { columns: 40, rows: 15, paint: (_style, text) => text });
  assert.ok(small.length <= 14 && small.every((line) => line.length <= 40), small.join('\n'));
  assert.match(small.at(-1) as string, /^and \d more$/);
});

function tagged(style: string, text: string): string {
  return `<${style}>${text}`;
}

test('figures as people read them', () => {
  assert.deepEqual([0, 7, 999, 999.6, 1_000, 12_345, 123_456, 2.5e6, 1e13].map(countText), [
    '0',
    '7',
    '999',
    '1.00 k',
    '1.00 k',
    '12.3 k',
    '123 k',
    '2.50 M',
    '10.0 T',
  ]);
  assert.deepEqual([0, 1_500, 20e6].map(bytesText), ['0 B', '1.50 kB', '20.0 MB']);
  assert.deepEqual([12, 1_280, 3.2e6].map(microsecondsText), ['12 us', '1.28 ms', '3.20 s']);
  assert.deepEqual([400, 61_000, 3_723_000, 90_000_000].map(durationText), [
    '0 s',
    '1 min 1 s',
    '1 h 2 min',
    '1 d 1 h',
  ]);
});
