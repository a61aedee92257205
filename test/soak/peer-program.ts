/**
 * One side of a session of the soak, as a process: `node --expose-gc peer-program.js '<json of Session>'`. It sends so many messages, checks as many, and tells its
 * parent what it saw.
 *
 * Invariant: it ends when its parent goes; a session that stands still ends with what is missing counted as lost.
 */
import { readFileSync } from 'node:fs';
import { connect, listen, type PeerClient, type ServerPeer } from '../../src/index.ts';
import { type Count, type Faults, Incoming, Outgoing } from './traffic.ts';

export interface Session {
  readonly role: 'server' | 'client';
  readonly address: string;
  readonly seed: number;
  /** In each direction. */
  readonly messages: number;
  readonly certificates: { readonly ca: string; readonly key: string; readonly cert: string };
}

export interface Report {
  readonly sent: Count;
  readonly received: Count;
  readonly faults: Faults;
  /** Messages received, and bytes of the heap after a collection. */
  readonly heap: readonly (readonly [messages: number, bytes: number])[];
  readonly descriptors: number;
}

/** What one turn sends before others get theirs. */
const BURST = 512;
const HEAP_EVERY = 100_000;
const STILL_MS = 20_000;

const session = JSON.parse(process.argv[2] as string) as Session;
const outgoing = new Outgoing(session.seed + (session.role === 'server' ? 1 : 2));
const incoming = new Incoming();
const heap: [number, number][] = [];

function hear(bytes: unknown): void {
  incoming.take(bytes as Buffer);
  if (incoming.count.messages % HEAP_EVERY !== 0) return;
  globalThis.gc?.();
  heap.push([incoming.count.messages, process.memoryUsage().heapUsed]);
}

async function sendAll(peer: PeerClient | ServerPeer): Promise<void> {
  while (outgoing.count.messages < session.messages) {
    let ready = true;
    for (let count = 0; count < BURST && ready && outgoing.count.messages < session.messages; count++)
      ready = peer.send('soak', outgoing.next());
    if (ready) await new Promise((resolve) => setImmediate(resolve));
    else await peer.drained();
  }
}

/** Until all has come, or nothing comes any more. */
async function receiveAll(): Promise<void> {
  let seen = -1;
  for (let stillMs = 0; incoming.count.messages < session.messages && stillMs < STILL_MS;) {
    stillMs = incoming.count.messages === seen ? stillMs + 10 : 0;
    seen = incoming.count.messages;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function exchange(peer: PeerClient | ServerPeer): Promise<void> {
  await Promise.all([sendAll(peer), receiveAll()]);
  const report: Report = {
    sent: outgoing.count,
    received: incoming.count,
    faults: incoming.settle(session.messages),
    heap,
    descriptors: process.getActiveResourcesInfo().length,
  };
  process.send?.({ report });
}

async function main(): Promise<void> {
  const { certificates, address } = session;
  const isTls = address.startsWith('tls:');
  const options = { codec: 'raw', receive: 'view' } as const;
  process.on('disconnect', () => process.exit(0));
  if (session.role === 'server') {
    const own = { private: certificates.key, public: certificates.cert };
    const server = await listen(address, { ...options, ...(isTls ? { tls: own } : {}) });
    server.on('soak', hear);
    server.once('ready', (_data, peer) => void exchange(peer));
    process.send?.({ address: server.address });
  } else {
    const trust = { ca: readFileSync(certificates.ca) };
    const client = await connect(address, { ...options, reconnect: false, ...(isTls ? { tls: trust } : {}) });
    client.on('soak', hear);
    // What comes before somebody listens is nobody's.
    client.send('ready', Buffer.alloc(0));
    await exchange(client);
  }
}

void main();
