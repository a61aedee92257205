/**
 * One session of the soak: a server and a client in processes of their own send each other so many messages over one connection, and what both counted is compared.
 *
 * Invariant: no child outlives its session.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXTENSION } from '../compat/support/subjects.ts';
import type { Certificates } from '../support/certificates.ts';
import type { Report, Session } from './peer-program.ts';
import { type Faults, NO_FAULTS } from './traffic.ts';

export const TRANSPORTS = ['unix', 'tcp', 'tls'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

export interface Outcome {
  readonly messages: number;
  readonly bytes: number;
  readonly ms: number;
  readonly faults: Faults;
  /** Directions whose running hashes differ. */
  readonly hashesDiffer: number;
  /** Growth of the heap of both sides, in bytes for a million messages. */
  readonly heapSlopes: readonly number[];
}

const PROGRAM: string = fileURLToPath(new URL(`./peer-program${EXTENSION}`, import.meta.url));
/** Collections after which the heap is warm. */
const WARM_SAMPLES = 3;

type Told = { readonly report?: Report; readonly address?: string };

/** @param messages in both directions together @throws Error when a side ends without a report */
export async function runSession(
  transport: TransportName,
  messages: number,
  seed: number,
  folder: string,
  made: Certificates,
): Promise<Outcome> {
  const place = {
    unix: `unix:${join(folder, String(seed))}`,
    tcp: 'tcp://127.0.0.1:0',
    tls: 'tls://127.0.0.1:0',
  };
  const each = Math.ceil(messages / 2);
  const certificates = { ca: made.ca, ...made.server };
  const base = { seed, messages: each, certificates };
  const start = performance.now();
  const server = spawn({ ...base, role: 'server', address: place[transport] });
  const children = [server.child];
  try {
    const { address = '' } = await server.next();
    const client = spawn({ ...base, role: 'client', address });
    children.push(client.child);
    const [ours, theirs] = (await Promise.all([server.next(), client.next()])).map(
      ({ report }) => report as Report,
    );
    return outcomeOf(ours as Report, theirs as Report, performance.now() - start);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function spawn(session: Session): { child: ChildProcess; next(): Promise<Told> } {
  const child = fork(PROGRAM, [JSON.stringify(session)], { execArgv: ['--expose-gc', '--trace-uncaught'] });
  const next = (): Promise<Told> =>
    new Promise((resolve, reject) => {
      child.once('message', (told) => resolve(told as Told));
      child.once('exit', (code, signal) => reject(new Error(`the ${session.role} ended: ${signal ?? code}`)));
    });
  return { child, next };
}

function outcomeOf(server: Report, client: Report, ms: number): Outcome {
  const faults = { ...NO_FAULTS };
  for (const key of Object.keys(faults) as (keyof Faults)[])
    faults[key] = server.faults[key] + client.faults[key];
  const differ = [
    [server.sent, client.received],
    [client.sent, server.received],
  ].filter(([sent, received]) => sent?.hash !== received?.hash);
  return {
    messages: server.received.messages + client.received.messages,
    bytes: server.received.bytes + client.received.bytes,
    ms,
    faults,
    hashesDiffer: differ.length,
    heapSlopes: [server, client].flatMap(({ heap }) => slopeOf(heap.slice(WARM_SAMPLES))),
  };
}

/** Least squares: bytes for a million messages; nothing from fewer than three points. */
function slopeOf(points: Report['heap']): number[] {
  if (points.length < 3) return [];
  const middle = (index: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [middle(0), middle(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return [(points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread) * 1e6];
}
