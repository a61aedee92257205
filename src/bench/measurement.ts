/**
 * One measurement: starts the two sides, waits for what they found, compares their counts, ends them.
 *
 * Invariant: no child outlives it; a side that says nothing for a minute fails.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { RingwireError } from '../errors.ts';
import { makeCertificate } from './certificate.ts';
import type { Job } from './contestant.ts';
import { contestantNamed } from './contestants.ts';
import { nativeCommand, type NativeLine } from './native.ts';
import type { PeerLine, PeerTask, Role } from './peer.ts';
import type { SizedScenario } from './scenarios.ts';
import type { SideReport } from './shapes/shape.ts';

const SILENCE_MS = 60_000;
const PATIENCE_MS = 5_000;

export type Reports = Readonly<Record<Role, SideReport>>;

/** @throws RingwireError ERR_RINGWIRE_BENCH_RUN when a side fails, or the two have not counted the same */
export async function measure(
  scenario: SizedScenario,
  library: string,
  peer: string,
  execArgv: (role: Role) => readonly string[],
): Promise<Reports> {
  const { native = {}, forks } = await contestantNamed(scenario.contestant, scenario.module);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-bench-'));
  const children: Side[] = [];
  const job: Job = {
    transport: scenario.transport,
    address: scenario.transport === 'unix' ? path.join(folder, 's') : 0,
    data: scenario.data,
    library,
    tls: scenario.transport === 'tls' ? makeCertificate(folder) : undefined,
  };
  const start = (role: Role, address: string | number): Side => {
    const task: PeerTask = { role, scenario, job: { ...job, address } };
    const own = native[role];
    const side = own
      ? new Side(scenario.id, role, ...nativeCommand(role, scenario, String(address), own))
      : new Side(scenario.id, role, process.execPath, [...execArgv(role), peer, JSON.stringify(task)]);
    children.push(side);
    return side;
  };
  try {
    const server = start('server', job.address);
    // A contestant that forks prints through its parent.
    const address = (await server.get('ready')) ?? job.address;
    const client = forks ? server : start('client', address);
    const [ofServer, ofClient] = await Promise.all([server.get('server'), client.get('client')]);
    if (ofServer.counted !== ofClient.counted)
      throw failed(
        scenario.id,
        `the server counted ${ofServer.counted} messages, the client ${ofClient.counted}`,
      );
    return { server: ofServer, client: ofClient };
  } finally {
    await Promise.all(children.map((side) => side.end()));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function failed(id: string, why: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_RUN', `${id}: ${why}`);
}

/** What a child may say. */
interface Said {
  readonly ready: string | number | undefined;
  readonly server: Reports['server'];
  readonly client: Reports['client'];
}

/** A child and the JSON lines that it prints. */
class Side {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #said: { readonly [Key in keyof Said]: Deferred<Said[Key]> } = {
    ready: new Deferred(),
    server: new Deferred(),
    client: new Deferred(),
  };

  constructor(id: string, role: Role, command: string, args: readonly string[]) {
    const child = (this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    const timer = setTimeout(() => child.kill(), SILENCE_MS);
    const lines = readline.createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      timer.refresh();
      this.#take(JSON.parse(line) as PeerLine | NativeLine, role);
    });
    const gone = (why: string): void => {
      clearTimeout(timer);
      for (const each of Object.values(this.#said)) each.reject(failed(id, why));
    };
    child.on('error', (error) => gone(error.message));
    child.on('close', () => gone(`the ${role} ended without a result`));
  }

  get<Key extends keyof Said>(what: Key): Promise<Said[Key]> {
    return this.#said[what].promise;
  }

  /** Lets it go: it ends by itself, which a profiler needs, or is ended. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const timer = setTimeout(() => child.kill(), PATIENCE_MS);
    child.stdin.end();
    await once(child, 'exit');
    clearTimeout(timer);
  }

  #take(line: PeerLine | NativeLine, role: Role): void {
    if ('ready' in line) this.#said.ready.resolve(line.ready);
    else if ('listening' in line) this.#said.ready.resolve(undefined);
    else if ('report' in line) this.#said[line.role].resolve(line.report);
    else this.#said[role].resolve({ counted: line.count, perSecond: line.messages_per_second });
  }
}

/** A promise that is settled from outside; nobody has to wait for it. */
class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;
  readonly promise: Promise<T> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}
