/**
 * Rows T101 and T102 of RELIABILITY.md: arguments that no program should pass, to every public call of both faces, and secrets that must not come out again.
 *
 * Invariant: a call answers, throws an Error or rejects with one; it never ends the process, and the next good call works.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, IPC, listen, type Server } from '../../src/index.ts';
import { Stage, until } from '../api/support.ts';
import { makeCertificates } from '../support/certificates.ts';
import { projectRoot } from '../support/project.ts';

const LIBRARY: string = join(projectRoot(), 'dist', 'index.js');

const hostileProxy: object = new Proxy(
  {},
  {
    get: () => {
      throw new Error('a trap');
    },
  },
);
const BAD: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  1e308,
  '',
  '\0',
  'x'.repeat(100_000),
  '__proto__',
  Symbol('s'),
  10n,
  () => 'f',
  [],
  {},
  Object.create(null),
  new Date(Number.NaN),
  new Map(),
  new Uint8Array(new SharedArrayBuffer(8)),
  hostileProxy,
];

type Call = (...args: unknown[]) => unknown;

/** Calls with no argument, each bad one, and pairs of them. @returns how many calls there were */
async function abuse(
  target: object,
  name: string,
  isSafe: (args: unknown[]) => boolean = () => true,
): Promise<number> {
  const call = (target as Record<string, Call>)[name] as Call;
  assert.equal(typeof call, 'function', name);
  const lists: unknown[][] = [
    [],
    ...BAD.map((each) => [each]),
    ...BAD.flatMap((each, index) => [
      [each, BAD[(index + 7) % BAD.length]],
      ['name', each],
    ]),
  ];
  let calls = 0;
  for (const args of lists.filter(isSafe)) {
    calls++;
    try {
      const returned: unknown = call.apply(target, args);
      if (returned instanceof Promise) {
        returned.then(
          (value) => void (value as { close?: () => Promise<void> } | undefined)?.close?.(),
          (error: unknown) => assert.ok(error instanceof Error, `${name} rejected with no error`),
        );
      }
    } catch (error) {
      assert.ok(error instanceof Error, `${name} threw what is no error`);
    }
  }
  await new Promise((resolve) => setImmediate(resolve));
  return calls;
}

test('T102 bad arguments: node-ipc’s face, a thousand calls, and a message behind them arrives', async (t) => {
  const stage = new Stage(t);
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, retry: 5, socketRoot: `${stage.folder}/`, stopRetrying: true });
  ipc.serve(stage.path);
  const server = ipc.server as Server;
  server.on('error', () => {});
  const started = new Promise((resolve) => server.on('start', resolve));
  server.start();
  await started;
  const connected = new Promise<void>((resolve) =>
    ipc.connectTo('good', stage.path, () => ipc.of['good']?.on('connect', () => resolve())),
  );
  await connected;
  const client = ipc.of['good'] as unknown as Record<string, Call>;
  (client['on'] as Call)('error', () => {});
  const heard: unknown[] = [];
  server.on('last', (data: unknown) => heard.push(data));
  let calls = 0;
  for (const name of ['emit', 'on', 'once', 'off', 'trigger'] as const)
    if (name in client) calls += await abuse(client, name, (args) => args[0] !== 'error');
  for (const name of ['emit', 'broadcast', 'on', 'once', 'off'] as const)
    if (name in server) calls += await abuse(server, name);
  for (const name of ['connectTo', 'connectToNet', 'disconnect', 'log'] as const)
    calls += await abuse(ipc, name);
  for (const id of Object.keys(ipc.of)) {
    (ipc.of[id] as unknown as Record<string, Call>)['on']?.('error', () => {});
    if (id !== 'good') ipc.disconnect(id);
  }
  assert.ok(calls >= 700, `${calls} calls`);
  (client['emit'] as Call)('last', 'still here');
  await until('the last message', () => heard.includes('still here'));
  ipc.disconnect('good');
  server.stop();
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('T102 bad arguments: the modern face', async (t) => {
  const stage = new Stage(t);
  const { server, client } = await stage.pair();
  server.handle('echo', (input) => input);
  let calls = 0;
  // Requests that are sent are answered with refusals; the handlers of bad names are never called.
  for (const name of ['send', 'request', 'on', 'off', 'handle'] as const)
    if (name in client) calls += await abuse(client, name);
  for (const name of ['broadcast', 'on', 'off', 'handle'] as const)
    if (name in server) calls += await abuse(server, name, (args) => args[0] !== 'name');
  calls += await abuse({ listen }, 'listen', (args) => typeof args[0] !== 'string');
  calls += await abuse({ connect }, 'connect', (args) => typeof args[0] !== 'string');
  assert.ok(calls >= 300, `${calls} calls`);
  const fresh = await stage.client();
  assert.equal(await fresh.request('echo', 'still here'), 'still here');
});

test('T101 secrets: neither keys nor payloads stand in a log or an error, with all of Node’s own logging on', async (t) => {
  const stage = new Stage(t);
  const made = await makeCertificates(stage.folder);
  const canary = 'canary-3f9a';
  const program = `import { IPC } from ${JSON.stringify(LIBRARY)}; import fs from 'node:fs';
    const [, folder] = process.argv; const errors = [];
    const ipc = new IPC();
    Object.assign(ipc.config, { retry: 5, maxRetries: 1, logInColor: false, handshakeTimeout: 60_000, tls: { private: ${JSON.stringify(made.server.key)}, public: ${JSON.stringify(made.server.cert)}, passphrase: '${canary}-pass' } });
    ipc.serveNet('127.0.0.1', 0);
    ipc.server.on('error', (error) => errors.push(error));
    ipc.server.on('m', () => { ipc.server.stop(); ipc.disconnect('world'); for (const error of errors) console.log(String(error.stack), JSON.stringify(error)); });
    ipc.server.on('start', () => {
      const { port } = ipc.server.server.address();
      ipc.config.tls = { trustedConnections: ${JSON.stringify(made.ca)}, passphrase: '${canary}-pass' };
      ipc.connectToNet('world', '127.0.0.1', port, () => ipc.of.world.on('connect', () => {
        try { ipc.of.world.emit('big', '${canary}-payload'.repeat(2_000_000)); } catch (error) { errors.push(error); }
        ipc.of.world.emit('m', { password: '${canary}-payload' });
      }));
    });
    ipc.server.start();`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program, stage.folder], {
    env: { ...process.env, NODE_DEBUG: 'ringwire' },
    timeout: 20_000,
  });
  const printed = String(ran.stdout) + String(ran.stderr);
  assert.equal(ran.status, 0, printed.slice(-2_000));
  assert.ok(printed.length > 100, 'there is a log at all');
  assert.ok(!printed.includes(canary), 'a secret was logged');
  const key = fs.readFileSync(made.server.key, 'utf8').split('\n')[1] as string;
  assert.ok(!printed.includes(key), 'the key was logged');
});
