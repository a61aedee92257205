/**
 * What can be seen from outside the program's own code: diagnostics channels, a logger, traces that cross from one process to the other, NODE_DEBUG.
 *
 * Invariant: names and codes are told, data never.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connect, IPC, type Logger, type RequestTracer } from '../../src/index.ts';
import { projectRoot } from '../support/project.ts';
import { next, Stage, until } from './support.ts';

/** What is told on a channel until the test is over. */
function heard(context: TestContext, name: string): unknown[] {
  const all: unknown[] = [];
  const hear = (message: unknown): void => void all.push(message);
  subscribe(name, hear);
  context.after(() => unsubscribe(name, hear));
  return all;
}

function fail(what: string): () => never {
  return () => {
    throw new Error(what);
  };
}

/** A logger that keeps its lines. */
function keeping(): Logger & { readonly lines: [level: string, fields: object, text: string][] } {
  const lines: [string, object, string][] = [];
  const at = (level: string) => (fields: object, text: string) => void lines.push([level, fields, text]);
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

test('channels tell of connections and messages, with names and without data', async (context) => {
  const opened = heard(context, 'ringwire:connection:open');
  const closed = heard(context, 'ringwire:connection:close');
  const sent = heard(context, 'ringwire:message:out');
  const received = heard(context, 'ringwire:message:in');
  const stage = new Stage(context);
  const { server, client, peer } = await stage.pair({ id: 'the server' }, { id: 'the client' });
  const asClient = { side: 'client', id: 'the server' };
  const asServer = { side: 'server', id: 'the client' };
  await until('both ends', () => opened.length === 2);
  assert.deepEqual(new Set(opened), new Set([asClient, asServer]));
  const arrived = next(server as never, 'secret');
  client.send('secret', 'the data');
  await arrived;
  const back = next(client, 'all');
  server.broadcast('all', 1);
  await back;
  peer.send('one', 2);
  assert.deepEqual(sent, [
    { peer: asClient, event: 'secret' },
    { peer: asServer, event: 'all' },
    { peer: asServer, event: 'one' },
  ]);
  assert.deepEqual(received.slice(0, 2), [
    { peer: asServer, event: 'secret' },
    { peer: asClient, event: 'all' },
  ]);
  assert.equal(
    (sent[0] as { peer: unknown }).peer,
    opened.find((each) => (each as { side: string }).side === 'client'),
  );
  await client.close();
  await until('both ends', () => closed.length === 2);
});

test('the tracing channel follows a request on both sides, and handlers run in its stores', async (context) => {
  const stage = new Stage(context);
  const { server, client } = await stage.pair();
  const told: string[] = [];
  const note =
    (what: string) =>
    (notice: unknown): void => {
      const { side, request, error } = notice as { side: string; request: string; error?: { code: string } };
      told.push(`${side} ${request} ${what}${error === undefined ? '' : ` ${error.code}`}`);
    };
  const channel = tracingChannel('ringwire:request');
  const hooks = {
    start: note('start'),
    end: note('end'),
    asyncStart: () => {},
    asyncEnd: note('asyncEnd'),
    error: () => {},
  };
  const store = new AsyncLocalStorage<string>();
  channel.subscribe(hooks);
  channel.start.bindStore(store, (notice) => (notice as { request: string }).request);
  context.after(() => {
    channel.unsubscribe(hooks);
    channel.start.unbindStore(store);
  });
  server.handle('add', async () => {
    await Promise.resolve();
    return store.getStore();
  });
  server.handle('fail', () => {
    throw Object.assign(new Error('no'), { code: 'E_NO' });
  });
  server.handle('rows', async function* () {
    yield 1;
    yield store.getStore();
  });
  assert.equal(await client.request('add', 'secret'), 'add');
  assert.deepEqual(told.toSorted(), [
    'asker add asyncEnd',
    'asker add end',
    'asker add start',
    'handler add asyncEnd',
    'handler add end',
    'handler add start',
  ]);
  told.length = 0;
  await assert.rejects(client.request('fail'));
  assert.ok(told.includes('asker fail asyncEnd ERR_RINGWIRE_REQUEST_FAILED'), told.join());
  assert.ok(told.includes('handler fail asyncEnd E_NO'), told.join());
  told.length = 0;
  for await (const row of client.stream('rows')) assert.ok(row === 1 || row === 'rows');
  await until('the end of both', () => told.filter((each) => each.endsWith('asyncEnd')).length === 2);
});

test('a tracer: its 25 bytes reach the handler of the other side, small and large, in every codec', async (context) => {
  const stage = new Stage(context);
  const ended: string[] = [];
  const bytes = Buffer.from(Array.from({ length: 25 }, (_, n) => n + 1));
  const seen: (Buffer | undefined)[] = [];
  const tracer: RequestTracer = {
    asking: (request) => ({
      context: bytes,
      ended: (error) => void ended.push(`asked ${request} ${String(error)}`),
    }),
    handling: (request, _peer, carried) => {
      seen.push(carried && Buffer.from(carried));
      return {
        run: (part) => part(),
        ended: (error) => void ended.push(`handled ${request} ${String(error)}`),
      };
    },
  };
  const server = await stage.server({ tracer });
  server.handle('echo', (input) => input);
  for (const codec of ['json', 'msgpack', 'raw'] as const) {
    const client = await stage.client({ codec, tracer });
    for (const input of codec === 'raw'
      ? [Buffer.from('a'), Buffer.alloc(100_000, 7)]
      : ['a', 'b'.repeat(100_000)]) {
      assert.deepEqual(await client.request('echo', input), input);
      assert.deepEqual(seen.pop(), bytes);
    }
    const untraced = await stage.client({ codec });
    await untraced.request('echo', codec === 'raw' ? Buffer.from('a') : 1);
    assert.equal(seen.pop(), undefined);
  }
  assert.equal(ended.filter((each) => each === 'asked echo undefined').length, 6);
  assert.equal(ended.filter((each) => each === 'handled echo undefined').length, 9);
});

test('what a tracer throws is thrown again later, and costs no request its answer', async (context) => {
  const thrown: string[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const note = (error: Error): void => void thrown.push(error.message);
  process.on('uncaughtException', note);
  context.after(() => {
    process.off('uncaughtException', note);
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const ending = { context: undefined, run: <T>(part: () => T): T => part(), ended: fail('ended') };
  const stage = new Stage(context);
  const server = await stage.server({ tracer: { asking: fail('no'), handling: () => ending } });
  server.handle('echo', (input) => input);
  const atTheEnd = await stage.client({ tracer: { asking: () => ending, handling: fail('no') } });
  assert.equal(await atTheEnd.request('echo', 1), 1);
  await until('both ends', () => thrown.length === 2);
  const atTheStart = await stage.client({ tracer: { asking: fail('asking'), handling: fail('no') } });
  assert.equal(await atTheStart.request('echo', 2), 2);
  await until('the start and the end', () => thrown.length === 4);
  assert.deepEqual(thrown.toSorted(), ['asking', 'ended', 'ended', 'ended']);
});

test('a logger is told of connections and errors, never of data; nothing else will do', async (context) => {
  const stage = new Stage(context);
  const [forServer, forClient] = [keeping(), keeping()];
  const { server, client, peer } = await stage.pair({ logger: forServer }, { logger: forClient, id: 'me' });
  const arrived = next(server as never, 'secret');
  client.send('secret', 'the data');
  await arrived;
  peer.socket.destroy(new Error('gone'));
  await until('the loss', () => forClient.lines.some(([, , text]) => text === 'ringwire disconnect'));
  await client.close();
  await server.close();
  const lines = [...forServer.lines, ...forClient.lines];
  assert.ok(
    forServer.lines.some(
      ([level, fields]) => level === 'info' && (fields as { peer?: string }).peer === 'me',
    ),
  );
  assert.deepEqual(forServer.lines.at(-1)?.slice(1), [
    { side: 'server', address: stage.address },
    'ringwire close',
  ]);
  assert.doesNotMatch(JSON.stringify(lines), /secret|the data/);
  await assert.rejects(connect(stage.address, { logger: console.log as never }), {
    code: 'ERR_RINGWIRE_BAD_CONFIG',
  });
});

test('the node-ipc face writes to a logger with info too', () => {
  const ipc = new IPC();
  const lines: string[] = [];
  ipc.config.logger = { info: (line) => void lines.push(line) };
  ipc.log('a', { b: 1 });
  assert.equal(lines.length, 1);
  assert.match(lines[0] as string, /^a \{/);
});

const PROGRAM = `
const { listen, connect, IPC } = await import(process.argv[1]);
const server = await listen(process.argv[2]);
const client = await connect(process.argv[2]);
client.send('secret', 'the data');
await client.close();
await server.close();
const ipc = new IPC();
ipc.config.silent = true;
ipc.log('said by the other face');
`;

test('NODE_DEBUG=ringwire writes to stderr; without it nothing is written', (context) => {
  const index = pathToFileURL(join(projectRoot(), 'build', 'src', 'index.js')).href;
  for (const NODE_DEBUG of ['ringwire', '']) {
    const stage = new Stage(context);
    const args = ['--input-type=module', '-e', PROGRAM, index, stage.address];
    const options = { encoding: 'utf8', timeout: 15_000, env: { ...process.env, NODE_DEBUG } } as const;
    const { stdout, stderr } = spawnSync(process.execPath, args, options);
    assert.equal(stdout, '');
    if (NODE_DEBUG === '') assert.equal(stderr, '');
    else assert.match(stderr, /RINGWIRE \d+: connect \{.*"side":"client"[^]*said by the other face/);
    assert.doesNotMatch(stderr, /the data/);
  }
});
