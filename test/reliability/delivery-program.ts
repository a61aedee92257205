/**
 * One side of acknowledged delivery, in a process of its own that may be killed at any moment: it counts up for its peers as fast as they take it, and writes what
 * it has handled into a file before its handler returns, so that the file knows it however the process ends.
 *
 * It waits for the word to begin, so that starting it takes no time from the test.
 */
import fs from 'node:fs';
import { connect, listen, type Peer } from '../../src/index.ts';

export const OPTIONS = {
  ack: true,
  codec: 'raw',
  limits: { sessionTtlMs: 60_000 },
} as const;

/** So many messages may be under way: enough that a kill meets many. */
const BURST = 8;

/** Sends 0, 1, 2 ... to a peer, as it takes them, until `goesOn` says no. @returns how many were accepted */
export async function countFor(
  peer: Peer,
  label: number,
  goesOn: (sent: number) => boolean,
): Promise<number> {
  let sent = 0;
  while (goesOn(sent)) {
    for (let n = 0; n < BURST && goesOn(sent); n++) peer.send('count', numbered(label, sent++));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return sent;
}

function numbered(label: number, number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(label, 0);
  bytes.writeUInt32LE(number, 4);
  return bytes;
}

if (process.argv[2] === 'server' || process.argv[2] === 'client') {
  const [, , role, address = '', file = '', label = '0'] = process.argv;
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
  await new Promise((resolve) => process.once('message', resolve));
  const log = fs.openSync(file, 'a');
  const handled = (bytes: unknown): void => void fs.writeSync(log, bytes as Buffer);
  if (role === 'server') {
    const server = await listen(address, OPTIONS);
    server.on('count', handled);
    const counting = new Set<Peer>();
    server.on('begin', (_, peer) => {
      // What an earlier server had not acknowledged comes before what this one is told.
      if (counting.has(peer)) return;
      counting.add(peer);
      void countFor(peer, Number(label), () => peer.isConnected);
    });
  } else {
    const client = await connect(address, OPTIONS);
    client.on('count', handled);
    client.send('begin', Buffer.alloc(1));
    void countFor(client, Number(label), () => true);
  }
  process.send?.('up');
}
