/**
 * A program that sends as long as it may, and again at each drain, hears that its peer is gone: what a dead connection gives up makes no room.
 * Row T51 of RELIABILITY.md, from the sender's side.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Client, type Config, IPC, type PeerSocket, type Server } from '../../src/index.ts';
import { within } from '../hostile/stage.ts';

/** Drains behind the end before the sender gives up: without a bound a failure would never end. */
const DRAINS_MAX = 10;
const DATA: Buffer = Buffer.alloc(64, 7);

interface Sending {
  drainsBehindTheEnd: number;
  /** What the last `emit` said. */
  more: boolean;
}

/** Sends until `emit` says false, now and at each drain. */
function sendAlways(emitter: Client | Server, socket: () => net.Socket, emit: () => boolean): Sending {
  const sending: Sending = { drainsBehindTheEnd: 0, more: true };
  const send = (): void => {
    if (socket().destroyed && ++sending.drainsBehindTheEnd > DRAINS_MAX) return;
    do sending.more = emit();
    while (sending.more);
  };
  emitter.on('drain', send);
  send();
  return sending;
}

function place(context: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-gone-'));
  context.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'socket');
}

function makeIpc(settings: Partial<Config>): IPC {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, stopRetrying: true, ...settings });
  return ipc;
}

/** Takes something, leaves the rest unread and goes: the other side hears a reset. */
function leaveSoon(socket: net.Socket): void {
  socket.on('error', () => {});
  socket.once('data', () => socket.destroy());
}

for (const codec of ['json', 'raw'] as const) {
  const wire = codec === 'json' ? {} : { codec };

  test(`a client whose server goes, ${codec}`, async (context) => {
    const address = place(context);
    const server = net.createServer(leaveSoon).listen(address);
    context.after(() => server.close());
    const ipc = makeIpc(wire);
    const refused = await within(
      'the disconnect',
      new Promise<Sending>((resolve) => {
        ipc.connectTo('server', address, () => {
          const client = ipc.of['server'] as Client;
          let sending: Sending;
          const socket = (): net.Socket => client.socket as net.Socket;
          const emit = (): boolean => client.emit('data', codec === 'json' ? 'text' : DATA);
          client.on('error', () => {});
          client.on('disconnect', () => resolve(sending));
          // The ringwire wire is established when a server has greeted, and sends before.
          socket().once('connect', () => setImmediate(() => (sending = sendAlways(client, socket, emit))));
        });
      }),
    );
    assert.deepEqual(refused, { drainsBehindTheEnd: 0, more: false });
  });
}

test('a server whose client goes', async (context) => {
  const address = place(context);
  const ipc = makeIpc({});
  const gone = within(
    'the disconnect',
    new Promise<Sending>((resolve) => {
      ipc.serve(address, () => leaveSoon(net.connect(address)));
      const server = ipc.server as Server;
      context.after(() => server.stop());
      server.on('error', () => {});
      server.on('connect', (socket: PeerSocket) => {
        const sending = sendAlways(
          server,
          () => socket,
          () => server.emit(socket, 'data', 'text'),
        );
        server.on('socket.disconnected', () => resolve(sending));
      });
      server.start();
    }),
  );
  assert.deepEqual(await gone, { drainsBehindTheEnd: 0, more: false });
});
