/**
 * A process of the chaos soak: the server, which checks what comes, or a client, which sends without end: `node --expose-gc chaos-program.js server|client <address> <id>`.
 *
 * The server's rule: in a connection numbers follow each other without a gap, and no number comes in two connections of a client. What an old connection still brings may come behind what
 * the new one began with: between connections there is no order.
 */
import { readdirSync } from 'node:fs';
import { connect, listen, type ServerPeer } from '../../src/index.ts';
import { numberOf, Outgoing } from './traffic.ts';

export interface ChaosReading {
  readonly messages: number;
  readonly connections: number;
  readonly violations: readonly string[];
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly peers: number;
}

/** The numbers that came in one connection. */
interface Run {
  readonly first: number;
  last: number;
}

const [, , role, address = '', id = ''] = process.argv;
const OPTIONS = { codec: 'raw', receive: 'view', limits: { heartbeatMs: 1_000 } } as const;
const BURST = 32;

process.on('disconnect', () => process.exit(0));

async function serve(): Promise<void> {
  const violations: string[] = [];
  const runsOf = new Map<string, Run[]>();
  const whoIs = new Map<ServerPeer, { id: string; run: Run | undefined }>();
  let messages = 0;
  let connections = 0;
  const broken = (what: string): void => void (violations.length < 20 && violations.push(what));
  process.on('uncaughtException', (error) => broken(`uncaught: ${String(error.stack)}`));
  process.on('unhandledRejection', (error) => broken(`unhandled: ${String(error)}`));
  process.on('warning', (warning) => broken(`warning: ${String(warning)}`));
  const server = await listen(address, OPTIONS);
  server.lifecycle.on('error', () => {});
  server.lifecycle.on('connect', () => connections++);
  server.lifecycle.on('disconnect', (peer) => whoIs.delete(peer));
  server.on('who', (text, peer) => whoIs.set(peer, { id: String(text), run: undefined }));
  server.on('soak', (bytes, peer) => {
    messages++;
    const who = whoIs.get(peer);
    if (who === undefined) return broken('a message before the name of its sender');
    const number = numberOf(bytes as Buffer);
    const { run } = who;
    if (number === undefined) return broken(`${who.id}: a damaged message behind ${run?.last}`);
    const runs = runsOf.get(who.id) ?? [];
    runsOf.set(who.id, runs);
    if (runs.some((each) => each !== run && number >= each.first && number <= each.last))
      broken(`${who.id}: ${number} came in another connection`);
    if (run === undefined) runs.push((who.run = { first: number, last: number }));
    else {
      if (number !== run.last + 1) broken(`${who.id}: ${number} behind ${run.last}`);
      run.last = number;
    }
    return undefined;
  });
  process.on('message', () => {
    globalThis.gc?.();
    const { heapUsed } = process.memoryUsage();
    const descriptors = readdirSync('/proc/self/fd').length;
    const reading: ChaosReading = {
      messages,
      connections,
      violations,
      heapBytes: heapUsed,
      descriptors,
      peers: server.peers.size,
    };
    process.send?.(reading);
  });
  process.send?.(server.address);
}

async function send(): Promise<void> {
  const outgoing = new Outgoing(id.length + Number(id.replaceAll(/\D/g, '')));
  const client = await connect(address, {
    ...OPTIONS,
    wait: true,
    timeout: Infinity,
    reconnect: { delayMs: 10, delayMsMax: 200 },
  });
  const introduce = (): void => void client.send('who', id);
  client.lifecycle.on('error', () => {});
  client.lifecycle.on('connect', introduce);
  introduce();
  process.send?.('up');
  for (;;) {
    let ready = true;
    for (let count = 0; count < BURST && ready; count++) ready = client.send('soak', outgoing.next());
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!ready)
      await Promise.race([client.drained(), new Promise((resolve) => setTimeout(resolve, 20))]).catch(
        () => {},
      );
  }
}

if (role === 'server') void serve();
else void send();
