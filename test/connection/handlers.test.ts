/**
 * Handlers of the program that throw: the process hears of it as of any uncaught exception, the connection does not. A process of its own, because
 * the error is meant to be uncaught.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../support/project.ts';

const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-handlers-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Client and server in one process; handlers of 'connect' and of messages throw, and every message is answered all the same. */
const PROGRAM = `
const { IPC } = await import(process.argv[1]);
const [, , address, codec] = process.argv;
const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));
const [ipc, other] = [new IPC(), new IPC()];
for (const each of [ipc, other]) Object.assign(each.config, { silent: true, retry: 20 });
if (codec !== 'drop-in') other.config.codec = codec;
let connects = 0;
ipc.serve(address, () => other.connectTo('server', address, () => {
  const client = other.of.server;
  client.on('connect', () => {
    connects++;
    for (const data of [1, 2, 3]) client.emit('message', data);
    throw new Error('connect');
  });
  let answers = 0;
  client.on('answer', (data) => {
    if (++answers === 3) {
      // What was thrown in this turn is reported at its end.
      setImmediate(() => process.stdout.write(JSON.stringify({ uncaught: uncaught.sort(), connects }), () => process.exit(0)));
      return;
    }
    throw new Error('answer');
  });
}));
ipc.server.on('message', (data, socket) => {
  ipc.server.emit(socket, 'answer', data);
  throw new Error('message');
});
ipc.server.start();
`;

for (const codec of ['drop-in', 'json', 'msgpack']) {
  test(`handlers that throw cost no message and no connection, ${codec}`, () => {
    const index = pathToFileURL(path.join(projectRoot(), 'build', 'src', 'index.js')).href;
    const args = ['--input-type=module', '-e', PROGRAM, index, path.join(folder, codec), codec];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    assert.notEqual(stdout, '', stderr);
    const { uncaught, connects } = JSON.parse(stdout) as { uncaught: string[]; connects: number };
    assert.equal(connects, 1);
    assert.deepEqual(uncaught, ['answer', 'answer', 'connect', 'message', 'message', 'message']);
  });
}
