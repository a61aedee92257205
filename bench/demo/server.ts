/**
 * The demo's server: one ringwire server, the same handlers for every client, whatever its library, wire and codec. It counts and checks
 * what arrives and tells each client, when that asks, what it saw.
 */
import { isDeepStrictEqual } from 'node:util';
import { IPC, type PeerSocket } from '../../src/index.ts';
import { loadPayloads } from '../support/payloads.ts';
import { PAYLOADS } from './contestants.ts';

/** Objects are compared in full once in so many messages, bytes always. */
const COMPARE_STRIDE = 64;

const payloads = loadPayloads();
const seen = new WeakMap<PeerSocket, { arrived: number; wrong: number }>();
const ipc = new IPC();
ipc.config.silent = true;

function tally(socket: PeerSocket): { arrived: number; wrong: number } {
  let entry = seen.get(socket);
  if (entry === undefined) seen.set(socket, (entry = { arrived: 0, wrong: 0 }));
  return entry;
}

ipc.serve(process.argv[2] ?? '', () => process.send?.('listening'));
if (ipc.server !== false) {
  const server = ipc.server;
  for (const name of PAYLOADS) {
    const expected = payloads[name];
    server.on(name, (data: unknown, socket: PeerSocket) => {
      const entry = tally(socket);
      if (Buffer.isBuffer(data)) {
        if (!data.equals(expected.bytes)) entry.wrong++;
      } else if (entry.arrived % COMPARE_STRIDE === 0 && !isDeepStrictEqual(data, expected.json))
        entry.wrong++;
      entry.arrived++;
    });
  }
  server.on('end', (_: unknown, socket: PeerSocket) => {
    // A string goes through every codec, raw included.
    server.emit(socket, 'seen', JSON.stringify({ ...tally(socket), bytesRead: socket.bytesRead }));
    seen.delete(socket);
  });
  server.start();
}
process.on('disconnect', () => process.exit());
