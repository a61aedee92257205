/**
 * A program that emits and exits in the same turn: node-ipc has written by then, so ringwire must too, although its messages leave at the
 * end of the tick. The sender is a process of its own, as only that can exit.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { IPC } from '../../src/index.ts';

const INDEX = new URL('../../src/index.js', import.meta.url).href;

const PROGRAM = `
  const { IPC } = await import(process.argv[1]);
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, codec: process.argv[3] || undefined });
  ipc.connectTo('world', process.argv[2], () => {
    ipc.of.world.on('connect', () => {
      ipc.of.world.emit('last words', { count: 1 });
      process.exit(0);
    });
  });`;

for (const codec of ['', 'msgpack']) {
  void test(`what is emitted before process.exit arrives, ${codec || "node-ipc's wire"}`, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-exit-'));
    const socket = path.join(folder, 's');
    const ipc = new IPC();
    ipc.config.silent = true;
    ipc.serve(socket);
    assert.ok(ipc.server !== false);
    const server = ipc.server;
    try {
      const started = new Promise<void>((resolve) => server.on('start', () => resolve()));
      server.start();
      await started;
      const heard: unknown[] = [];
      server.on('last words', (data: unknown) => heard.push(data));
      const gone = new Promise<void>((resolve) => server.on('socket.disconnected', () => resolve()));
      const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, INDEX, socket, codec]);
      const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })) as [number];
      assert.equal(code, 0);
      await gone;
      assert.deepEqual(heard, [{ count: 1 }]);
    } finally {
      server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
}
