/**
 * Peers that choose what a program cannot know: a codec that expresses no object, a limit of a few bytes. A program that answers them with what it
 * always sends goes on: `send`, `emit` and `broadcast` do not throw, `error` tells who was not sent what, and the others get theirs.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { IPC, type RingwireError } from '../../src/index.ts';
import { announceBytes, frame, greetingBytes, Stage, until } from '../api/support.ts';
import { udp } from '../udp/support/pair.ts';

const RAW = 3;
const STATE = { of: 'the whole world'.repeat(100) };

/** A greeting that accepts payloads of so many bytes. */
function narrow(bytes: number): Buffer {
  const greeting = greetingBytes(1, 0);
  greeting.writeUInt32LE(bytes, 4);
  return greeting;
}

const CHOICES = [
  ['a codec that expresses no object', greetingBytes(RAW, 0), 'ERR_INVALID_ARG_TYPE'],
  ['a limit of 1 KiB', narrow(1_024), 'ERR_RINGWIRE_FRAME_TOO_LARGE'],
] as const;

for (const [what, greeting, code] of CHOICES) {
  test(`modern face: a client chooses ${what}`, async (t) => {
    const stage = new Stage(t);
    const server = await stage.server({ codec: 'json' });
    const told: unknown[] = [];
    server.lifecycle.on('error', (error, peer) =>
      told.push([(error as RingwireError).code, peer !== undefined]),
    );
    const ends: boolean[] = [];
    server.lifecycle.on('connect', (peer) => {
      ends.push(peer.send('state', STATE), server.broadcast('state', STATE));
    });
    const socket = await stage.raw();
    socket.write(greeting);
    await until('both refusals', () => told.length === 2);
    assert.deepEqual(told, [
      [code, true],
      [code, true],
    ]);
    // No drain would follow a false of `send`.
    assert.deepEqual(ends, [true, false]);
    const witness = await stage.client({ codec: 'json' });
    const heard: unknown[] = [];
    witness.on('again', (data) => heard.push(data));
    assert.equal(server.broadcast('again', STATE), false);
    await until('the witness', () => heard.length === 1);
    assert.throws(() => server.broadcast('again', 1n), TypeError);
  });

  test(`node-ipc face: a client chooses ${what}`, async (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-choices-'));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const place = path.join(folder, 's');
    const ipc = new IPC();
    Object.assign(ipc.config, { silent: true, codec: 'json' });
    const told: unknown[] = [];
    await new Promise<void>((resolve) => {
      ipc.serve(place, resolve);
      assert.ok(ipc.server);
      ipc.server.on('error', (error: RingwireError) => told.push(error.code));
      ipc.server.on('ask', (_data, socket) => {
        assert.ok(ipc.server);
        assert.equal(ipc.server.emit(socket, 'state', STATE), true);
        ipc.server.broadcast('state', STATE);
      });
      ipc.server.start();
    });
    t.after(() => ipc.server && ipc.server.stop());
    const socket = net.connect(place);
    t.after(() => socket.destroy());
    socket.write(Buffer.concat([greeting, announceBytes('ask'), frame(0x8000, RAW, Buffer.alloc(8))]));
    await until('both refusals', () => told.length === 2);
    assert.deepEqual(told, [code, code]);
  });
}

test('udp: a datagram in a codec that expresses no object is answered by an error, not by an exception', async (t) => {
  const end = await udp(t, { codec: 'msgpack' });
  const other = await udp(t, { codec: 'raw' });
  const told: unknown[] = [];
  end.server.on('error', ({ code, cause }: RingwireError) =>
    told.push([code, (cause as RingwireError).code]),
  );
  const returned: boolean[] = [];
  end.server.on('ask', (_data: unknown, source: never) => {
    returned.push(end.server.emit(source, 'state', STATE), end.server.broadcast('state', STATE));
  });
  other.server.emit(end.place, 'ask', Buffer.alloc(8));
  await until('both calls', () => returned.length === 2);
  // Of one code one is told each second.
  assert.deepEqual(told, [['ERR_RINGWIRE_SEND_FAILED', 'ERR_INVALID_ARG_TYPE']]);
  assert.deepEqual(returned, [true, false]);
});

test('what a program itself throws while its message is written stays its own, an error or not', async (t) => {
  const { peer } = await new Stage(t).pair({ codec: 'msgpack' }, { codec: 'json' });
  for (const thrown of [null, undefined, 'a text']) {
    const data = {
      get state(): never {
        throw thrown as unknown as Error;
      },
    };
    assert.throws(
      () => peer.send('state', data),
      (error: unknown) => error === thrown,
    );
  }
});
