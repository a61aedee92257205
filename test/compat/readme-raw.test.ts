/**
 * The README of node-ipc, sentence by sentence: raw buffers as strings, arrays and explicit Buffers, in both directions.
 *
 * The examples say `ipc.server.emit` for clients too; a client emits by itself. Every encoding: raw-bytes.test.ts.
 * Invariant: what is compared are bytes.
 */
import assert from 'node:assert/strict';
import type { Stage } from './support/stage.ts';
import type { Peer } from './support/subjects.ts';
import { both } from './support/suites.ts';
import { next, record } from './support/waiting.ts';

/** Emits the value from both sides and compares what the other side got. */
async function exchange(stage: Stage, encoding: string, value: unknown, hex: string): Promise<void> {
  const config = { rawBuffer: true, encoding };
  const { server, address } = await stage.serve(config);
  const connected = next(server, 'connect');
  const { client } = await stage.connect(address, config);
  const [socket] = (await connected) as [Peer];
  const [atServer, atClient] = [next(server, 'data'), next(client, 'data')];
  server.emit(socket, value);
  client.emit(value);
  assert.deepEqual(await atServer, [Buffer.from(hex, 'hex'), socket]);
  assert.deepEqual(await atClient, [Buffer.from(hex, 'hex')]);
}

both('a string in the default encoding', (stage) => exchange(stage, 'utf8', 'hello', '68656c6c6f'));

both('a byte array', (stage) => exchange(stage, 'hex', [10, 20, 30], '0a141e'));

both('a hex array', (stage) => exchange(stage, 'hex', [0x05, 0x6d, 0x5c], '056d5c'));

both('a hex string', (stage) => exchange(stage, 'hex', '056d5c', '056d5c'));

both('an explicit Buffer', async (stage) => {
  const myBuffer = Buffer.alloc(6).fill(0);
  myBuffer.writeUInt16BE(2, 0);
  myBuffer.writeUInt32BE(0xffeecc, 2);
  await exchange(stage, 'hex', myBuffer, '000200ffeecc');
  myBuffer.writeUInt16LE(0x02, 0);
  await exchange(stage, 'hex', myBuffer, '020000ffeecc');
});

both('a Buffer may be used again once it was emitted', async (stage) => {
  const { server, address } = await stage.serve({ rawBuffer: true, encoding: 'hex' });
  const seen = record(server, 'data');
  const { client } = await stage.connect(address, { rawBuffer: true, encoding: 'hex' });
  const buffer = Buffer.from([1, 2, 3]);
  client.emit(buffer);
  buffer.fill(9);
  client.emit(buffer);
  const got = (): Buffer => Buffer.concat(seen.values('data') as Buffer[]);
  await seen.until('six bytes', () => got().length === 6);
  assert.equal(got().toString('hex'), '010203090909');
});

both('broadcast sends raw bytes to every client', async (stage) => {
  const config = { rawBuffer: true, encoding: 'hex' };
  const { server, address } = await stage.serve(config);
  const connected = record(server, 'connect');
  const clients = [];
  for (let i = 0; i < 3; i++) clients.push((await stage.connect(address, config)).client);
  await connected.count('connect', 3);
  const arrivals = clients.map((client) => next(client, 'data'));
  server.broadcast([1, 2, 255]);
  for (const args of await Promise.all(arrivals)) assert.deepEqual(args, [Buffer.from([1, 2, 255])]);
});
