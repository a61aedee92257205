/**
 * Runs one measurement in processes of its own and hands back what they report. Every child is ended by its pid; a run that says nothing
 * for a minute is an error.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Contestant, EchoResult, PeerTask, SinkResult } from './peer-task.ts';
import { loadPayloads, projectRoot } from './payloads.ts';

const PEER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'peer.js');
const SILENCE_MS = 60_000;
const IDLE_CONNECTIONS = 1_000;

/** A child and the JSON lines that it prints. */
class Peer {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: string[]) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const input = this.child.stdout;
    if (input === null) throw new Error('no output to read');
    this.#lines = readline.createInterface({ input })[Symbol.asyncIterator]();
  }

  async line<T>(): Promise<T> {
    const timer = globalThis.setTimeout(() => this.child.kill(), SILENCE_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`${this.child.spawnfile} ended without a result`);
    return JSON.parse(value) as T;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill();
    await once(this.child, 'exit');
  }
}

function node(task: PeerTask, ...flags: string[]): Peer {
  return new Peer(process.execPath, [...flags, PEER, JSON.stringify(task)]);
}

async function withPath<T>(use: (socket: string) => Promise<T>): Promise<T> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-bench-'));
  try {
    return await use(path.join(folder, 's'));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The object of 64 bytes of JSON. */
export function sensorJson(): unknown {
  return loadPayloads().sensor.json;
}

type OneWay = Pick<PeerTask, 'contestant' | 'bytes' | 'count' | 'receive' | 'json'>;

/** One sender, one receiver, messages in one direction. */
export function oneWay(task: OneWay): Promise<SinkResult> {
  return withPath(async (socket) => {
    const sink = node({ ...task, role: 'sink', path: socket });
    await sink.line();
    const source = node({ ...task, role: 'source', path: socket });
    const result = await sink.line<SinkResult>();
    const sent = task.contestant === 'node-ipc' ? { allocated: 0 } : await source.line<SinkResult>();
    await Promise.all([sink.end(), source.end()]);
    return { ...result, sourceAllocated: sent.allocated };
  });
}

/** The same between the C peers. */
export function oneWayC(bytes: number, count: number): Promise<SinkResult> {
  const bin = path.join(projectRoot(), 'native-peers', 'bin');
  execFileSync('make', ['-s', '-C', path.join(projectRoot(), 'native-peers')]);
  return withPath(async (socket) => {
    const sink = new Peer(path.join(bin, 'sink'), [socket, '--count', String(count)]);
    await sink.line();
    const source = new Peer(path.join(bin, 'source'), [
      socket,
      '--size',
      String(bytes),
      '--count',
      String(count),
    ]);
    const result = await sink.line<SinkResult & { messages_per_second: number }>();
    await source.line();
    await Promise.all([sink.end(), source.end()]);
    return { ...result, perSecond: result.messages_per_second, allocated: 0, sourceAllocated: 0 };
  });
}

/** Round trips of 64 bytes, one in flight. */
export function echo(contestant: Contestant, count: number): Promise<EchoResult> {
  return withPath(async (socket) => {
    const task = { contestant, path: socket, count, bytes: 64, receive: 'copy' } as const;
    const server = node({ ...task, role: 'echo-server' });
    await server.line();
    const client = node({ ...task, role: 'echo-client' });
    const result = await client.line<EchoResult>();
    await Promise.all([client.end(), server.end()]);
    return result;
  });
}

/** A full backlog refuses with EAGAIN: the server gets a moment. */
async function connected(socket: string): Promise<net.Socket> {
  for (;;) {
    const client = net.connect(socket);
    try {
      await once(client, 'connect');
      return client;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await setTimeout(10);
    }
  }
}

/** Resident bytes that one accepted, idle connection costs a server. */
export function idleBytes(contestant: Contestant): Promise<number> {
  return withPath(async (socket) => {
    const task = { contestant, path: socket, count: IDLE_CONNECTIONS, bytes: 0, receive: 'copy' } as const;
    const server = node({ ...task, role: 'idle-server' }, '--expose-gc');
    await server.line();
    const sockets: net.Socket[] = [];
    const connect = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        sockets.push(await connected(socket));
      }
    };
    const resident = async (): Promise<number> => {
      server.child.stdin?.write('\n');
      return (await server.line<{ rss: number }>()).rss;
    };
    // The first connections warm the server up.
    await connect(IDLE_CONNECTIONS / 2);
    const before = await resident();
    await connect(IDLE_CONNECTIONS);
    const after = await resident();
    for (const client of sockets) client.destroy();
    await server.end();
    return (after - before) / IDLE_CONNECTIONS;
  });
}
