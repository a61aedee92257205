/**
 * Row S2: eight clients send to one server through a proxy that cuts, splits and delays, while clients are killed and stopped, the server is stopped and runs out of descriptors, and strangers
 * send nonsense. The server's rule is in the program of its process.
 *
 * Invariant: a part begins with a new server and ends with all its processes gone; equal seeds draw equal faults.
 */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { EXTENSION } from '../compat/support/subjects.ts';
import { StreamChaosProxy } from '../support/chaos-proxy.ts';
import { type Random, seeded } from '../support/seeded.ts';
import type { ChaosReading } from './chaos-program.ts';

export interface ChaosCounts {
  faults: number;
  byKind: Record<string, number>;
  messages: number;
  connections: number;
  violations: string[];
  ms: number;
  parts: number;
  /** Of the server, at the end of the last part, without clients. */
  heapBytes: number;
  descriptors: number;
}

export const NO_CHAOS: ChaosCounts = {
  faults: 0,
  byKind: {},
  messages: 0,
  connections: 0,
  violations: [],
  ms: 0,
  parts: 0,
  heapBytes: 0,
  descriptors: 0,
};

const CLIENTS = 8;
const PROGRAM: string = fileURLToPath(new URL(`./chaos-program${EXTENSION}`, import.meta.url));
const PROXY = {
  split: 0.05,
  coalesce: 0.05,
  delay: 0.01,
  throttle: 0.005,
  reset: 0.001,
  'half-close': 0.0005,
};
const PROXY_FAULTS = ['split', 'coalesce', 'delay', 'throttle', 'reset', 'half-close'] as const;
const FEW_DESCRIPTORS = 40;

function start(...args: string[]): ChildProcess {
  return fork(PROGRAM, args, { execArgv: ['--expose-gc', '--trace-uncaught'] });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Part {
  readonly #random: Random;
  readonly #target: net.TcpNetConnectOpts;
  readonly #server: ChildProcess;
  readonly #proxy: StreamChaosProxy;
  readonly #clients: ChildProcess[] = [];
  readonly #counts: ChaosCounts;
  #names = 0;

  private constructor(
    counts: ChaosCounts,
    random: Random,
    target: net.TcpNetConnectOpts,
    server: ChildProcess,
    proxy: StreamChaosProxy,
  ) {
    this.#counts = counts;
    this.#random = random;
    this.#target = target;
    this.#server = server;
    this.#proxy = proxy;
  }

  static async open(counts: ChaosCounts, seed: number): Promise<Part> {
    const server = start('server', 'tcp://127.0.0.1:0');
    const [address] = (await once(server, 'message')) as [string];
    const target = { host: '127.0.0.1', port: Number(address.split(':').at(-1)) };
    const proxy = await StreamChaosProxy.open(target, seed, PROXY);
    const part = new Part(counts, seeded(seed), target, server, proxy);
    for (let index = 0; index < CLIENTS; index++) part.#clients.push(part.#newClient());
    await Promise.all(part.#clients.map((each) => once(each, 'message')));
    return part;
  }

  #newClient(): ChildProcess {
    return start(
      'client',
      `tcp://127.0.0.1:${this.#proxy.port}`,
      `client-${this.#counts.parts}-${++this.#names}`,
    );
  }

  readonly #kinds: Readonly<Record<string, () => void | Promise<void>>> = {
    kill: () => {
      const index = this.#random.below(CLIENTS);
      this.#clients[index]?.kill('SIGKILL');
      this.#clients[index] = this.#newClient();
    },
    'stop a client': () => this.#stop(this.#clients[this.#random.below(CLIENTS)] as ChildProcess, 4_000),
    'stop the server': () => this.#stop(this.#server, 500),
    nonsense: () => {
      const socket = net.connect(this.#target).on('error', () => {});
      socket.end(this.#random.bytes(1 + this.#random.below(2_000)));
    },
    'few descriptors': async () => {
      const limit = (count: number): Promise<void> =>
        new Promise((resolve) =>
          execFile('prlimit', ['--pid', String(this.#server.pid), `--nofile=${count}:`], () => resolve()),
        );
      await limit(FEW_DESCRIPTORS);
      const crowd = Array.from({ length: FEW_DESCRIPTORS }, () =>
        net.connect(this.#target).on('error', () => {}),
      );
      await pause(100);
      for (const socket of crowd) socket.destroy();
      await limit(10_000);
    },
  };

  async #stop(child: ChildProcess, msMax: number): Promise<void> {
    child.kill('SIGSTOP');
    // A stopped client does not hold up the next fault.
    const going = pause(100 + this.#random.below(msMax)).then(() => void child.kill('SIGCONT'));
    if (child === this.#server) await going;
  }

  async run(endMs: number, signal: AbortSignal): Promise<void> {
    const counts = this.#counts;
    while (performance.now() < endMs && !signal.aborted) {
      await pause(20 + this.#random.below(200));
      const kind = this.#random.pick(Object.keys(this.#kinds));
      await this.#kinds[kind]?.();
      counts.byKind[kind] = (counts.byKind[kind] ?? 0) + 1;
      counts.faults++;
      if (this.#server.exitCode !== null || this.#server.signalCode !== null) {
        counts.violations.push(`the server ended: ${this.#server.signalCode ?? this.#server.exitCode}`);
        return;
      }
    }
  }

  async close(): Promise<void> {
    const counts = this.#counts;
    for (const child of this.#clients) child.kill('SIGKILL');
    this.#proxy.close();
    for (const kind of PROXY_FAULTS) {
      const done = this.#proxy.count(kind, 'up') + this.#proxy.count(kind, 'down');
      counts.byKind[kind] = (counts.byKind[kind] ?? 0) + done;
      counts.faults += done;
    }
    await this.#read();
    this.#server.kill('SIGKILL');
  }

  /** What the server says once its clients are gone; its silence is a violation. */
  async #read(): Promise<void> {
    const counts = this.#counts;
    for (let tries = 0; tries < 50 && this.#server.connected; tries++) {
      this.#server.send('read');
      const answer = once(this.#server, 'message') as Promise<[ChaosReading]>;
      const reading = (await Promise.race([answer, pause(5_000)]))?.[0];
      if (reading === undefined) break;
      if (reading.peers > 0) {
        await pause(100);
        continue;
      }
      counts.messages += reading.messages;
      counts.connections += reading.connections;
      counts.violations.push(...reading.violations);
      counts.heapBytes = reading.heapBytes;
      counts.descriptors = reading.descriptors;
      return;
    }
    counts.violations.push('the server did not answer, or kept clients that are gone');
  }
}

export async function runChaos(
  counts: ChaosCounts,
  seed: number,
  endMs: number,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  const part = await Part.open(counts, seed * 7_919 + counts.parts);
  try {
    await part.run(endMs, signal);
  } finally {
    await part.close();
    counts.parts++;
    counts.ms += performance.now() - began;
  }
}
