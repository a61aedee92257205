/**
 * The C peers talk to Node: echo with clients of the ringwire wire in each codec, node-ipc in both roles with ringwire and with the
 * original node-ipc, source to a ringwire server.
 *
 * Without make and a compiler it is skipped, with the reason.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type Client,
  type Ipc,
  loadSubject,
  type Server,
  type SubjectName,
} from '../compat/support/subjects.ts';
import { compilerMissing, make, nativePeer } from '../support/native.ts';

const missing = compilerMissing('gcc');
const options = { skip: missing ?? false, timeout: 30_000 };
let folder = '';
let sockets = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringwire-peers-'));
  if (missing === undefined) make('native-peers');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function freshPath(): string {
  return join(folder, `socket ${++sockets}`);
}

async function makeIpc(name: SubjectName): Promise<Ipc> {
  const { IPCModule } = await loadSubject(name);
  const ipc = new IPCModule();
  ipc.config.silent = true;
  ipc.config.maxRetries = 0;
  return ipc;
}

/** A C peer, and what it prints until it ends. */
class Native {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; lines: string[] }>;
  readonly listening: Promise<unknown>;

  constructor(name: string, ...args: readonly string[]) {
    const child = spawn(nativePeer(name), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    this.listening = once(child.stdout, 'data');
    this.ended = once(child, 'close').then(([code]) => ({
      code: code as number | null,
      lines: printed.trim().split('\n'),
    }));
  }
}

function connect(ipc: Ipc, path: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    ipc.connectTo('native', path, () => {
      const client = ipc.of['native'] as Client;
      client.on('connect', () => resolve(client));
      client.on('error', (error: Error) => reject(error));
    });
  });
}

function answers(client: Client, event: string, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  return new Promise((resolve) => {
    client.on(event, (data: unknown) => {
      if (seen.push(data) === count) resolve(seen);
    });
  });
}

const MESSAGES: readonly object[] = [{ a: 1 }, ['x', 'é\u{1f600}', null], { deep: { er: [true] } }];

for (const codec of ['json', 'msgpack'] as const) {
  test(`echo answers a ringwire client in ${codec}`, options, async () => {
    const path = freshPath();
    const echo = new Native('echo', path);
    await echo.listening;
    const ipc = await makeIpc('ringwire');
    Object.assign(ipc.config, { codec });
    const client = await connect(ipc, path);
    const seen = answers(client, 'second', MESSAGES.length);
    client.emit('first', 'not asked for');
    for (const message of MESSAGES) client.emit('second', message);
    assert.deepEqual(await seen, MESSAGES);
    ipc.disconnect('native');
    const { code, lines } = await echo.ended;
    assert.deepEqual([code, lines.at(-1)], [0, `{"role":"echo","count":${MESSAGES.length + 1},"refused":0}`]);
  });
}

test('source sends to a ringwire server', options, async () => {
  const path = freshPath();
  const ipc = await makeIpc('ringwire');
  let count = 0;
  await new Promise<void>((resolve) => {
    ipc.serve(path, () => resolve());
    ipc.server.start();
  });
  ipc.server.on('bench', (data: Buffer) => {
    assert.equal(data.readBigUInt64LE(0), BigInt(count++));
  });
  const { code } = await new Native('source', path, '--count', '5000', '--size', '200').ended;
  ipc.server.stop();
  assert.deepEqual([code, count], [0, 5000]);
});

for (const name of ['ringwire', 'oracle'] as const) {
  const who = name === 'oracle' ? 'the original node-ipc' : 'ringwire';

  test(`node-ipc in C serves ${who}`, options, async () => {
    const path = freshPath();
    const native = new Native('node-ipc', path, '--listen', '--echo', '--expect', String(MESSAGES.length));
    await native.listening;
    const ipc = await makeIpc(name);
    const client = await connect(ipc, path);
    const seen = answers(client, 'hello', MESSAGES.length);
    for (const message of MESSAGES) client.emit('hello', message);
    assert.deepEqual(await seen, MESSAGES);
    ipc.disconnect('native');
    const { code, lines } = await native.ended;
    assert.equal(code, 0);
    const sent = MESSAGES.map((data) => JSON.stringify({ type: 'hello', data }));
    assert.deepEqual(lines, ['{"listening":true}', ...sent]);
  });

  test(`node-ipc in C is a client of ${who}`, options, async () => {
    const path = freshPath();
    const ipc = await makeIpc(name);
    await new Promise<void>((resolve) => {
      ipc.serve(path, () => resolve());
      ipc.server.start();
    });
    const server: Server = ipc.server;
    server.on('question', (data: unknown, socket: unknown) => {
      server.emit(socket, 'answer', { asked: data });
    });
    const args = ['--send', 'question', '{"n":1}', '--send', 'question', '[2,"é"]', '--expect', '2'];
    const { code, lines } = await new Native('node-ipc', path, ...args).ended;
    server.stop();
    assert.equal(code, 0);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        { type: 'answer', data: { asked: { n: 1 } } },
        { type: 'answer', data: { asked: [2, 'é'] } },
      ],
    );
  });
}
