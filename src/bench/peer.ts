/**
 * One end of a measurement, a process of its own: `node peer.js '<json of PeerTask>'`. It prints one JSON line when it is ready to be connected to
 * and one with its result. The side that measures also checks that every message arrived and was what had been sent.
 *
 * Invariant: a peer ends by itself: after its result, or when the other side is gone.
 */
import { isDeepStrictEqual } from 'node:util';
import net from 'node:net';
import type { Frame } from '../frames/frame.ts';
import type { Client } from '../ipc/client.ts';
import { IPC } from '../ipc/ipc.ts';
import type { Server } from '../ipc/server.ts';
import { loadOriginal, ORIGINAL } from './original.ts';
import type { Scenario } from './scenarios.ts';

export interface PeerTask {
  readonly role: 'server' | 'client';
  readonly path: string;
  readonly scenario: Scenario;
}

/** What the measuring side found. */
export interface OneWayReport {
  /** Messages per second over the last nine tenths. */
  readonly perSecond: number;
  /** Processor time of the receiver over them, in microseconds per message. */
  readonly receiverCpu: number;
}

export interface EchoReport {
  /** Round trips in microseconds. */
  readonly p50: number;
  readonly p99: number;
}

const EVENT = 'bench';
const task = JSON.parse(process.argv[2] ?? '{}') as PeerTask;
const { scenario, path } = task;
const { count } = scenario;
/** The content of the first message and of every thousandth behind it is compared as well. */
const COMPARE_EVERY = 1_000;
const PACE = 500;
const PACE_BYTES: number = 256 * 1024;

function report(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function finish(result: OneWayReport | EchoReport): void {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

function fail(why: string): never {
  process.stderr.write(`${scenario.id}: ${why}\n`);
  process.exit(1);
}

function makeData(): unknown {
  return typeof scenario.data === 'number' ? Buffer.alloc(scenario.data, 0x5a) : scenario.data;
}

function makeIpc(): IPC {
  const { wire, receive } = scenario;
  const Class = wire === 'node-ipc' ? loadOriginal() : IPC;
  if (Class === undefined) fail(`${ORIGINAL} is not installed`);
  const ipc = new Class();
  Object.assign(ipc.config, { silent: true, id: 'bench', retry: 50, receive });
  if (wire !== 'net' && wire !== 'node-ipc' && wire !== 'drop-in') ipc.config.codec = wire;
  return ipc;
}

/** Counts messages in units of `unitsEach`; the clock runs over the last nine tenths. */
function makeCounter(unitsEach = 1): (units: number) => void {
  const total = count * unitsEach;
  const first = Math.ceil(total / 10);
  let counted = 0;
  let start = 0n;
  let cpu: NodeJS.CpuUsage | undefined;
  return (units) => {
    counted += units;
    if (start === 0n && counted >= first) {
      start = process.hrtime.bigint();
      cpu = process.cpuUsage();
    }
    if (counted > total) fail(`${counted} units arrived where ${total} were sent`);
    if (counted < total) return;
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    const measured = (total - first) / unitsEach;
    finish({ perSecond: measured / seconds, receiverCpu: (user + system) / measured });
  };
}

function oneWayServer(): void {
  const counter = makeCounter(scenario.wire === 'net' ? (scenario.data as number) : 1);
  if (scenario.wire === 'net') {
    const server = net.createServer((socket) => socket.on('data', (chunk: Buffer) => counter(chunk.length)));
    server.listen(path, () => report({ listening: true }));
    return;
  }
  const server = makeServer();
  const expected = makeData();
  const size = scenario.data;
  let seen = 0;
  const check = (data: unknown): void => {
    if (++seen % COMPARE_EVERY === 1 && !isDeepStrictEqual(data, expected))
      fail(`message ${seen} is not what was sent`);
  };
  if (scenario.receive === 'frame') {
    server.on(EVENT, (frame: Frame) => {
      if (frame.end - frame.start !== size) fail('a frame of another size');
      counter(1);
    });
  } else {
    server.on(EVENT, (data: unknown) => {
      check(data);
      counter(1);
    });
  }
  server.start();
}

function oneWayClient(): void {
  let left = count;
  const data = makeData();
  if (scenario.wire === 'net') {
    const socket = net.connect(path);
    const burst = (): void => {
      while (left-- > 0) if (!socket.write(data as Buffer)) return;
    };
    socket.on('connect', burst).on('drain', burst);
    socket.on('error', () => process.exit(0)).on('close', () => process.exit(0));
    return;
  }
  withClient((client) => {
    if (scenario.wire === 'node-ipc') {
      client.on('connect', () => sendPaced(client, data));
      return;
    }
    const burst = (): void => {
      while (left > 0) {
        left--;
        if (!client.emit(EVENT, data)) return;
      }
    };
    client.on('connect', burst);
    client.on('drain', burst);
  });
}

/** The original knows no backpressure: it gets as much as its socket takes in. */
function sendPaced(client: Client, data: unknown): void {
  let left = count;
  const burst = (): void => {
    for (let sent = 0; sent < PACE && left > 0; sent++, left--) client.emit(EVENT, data);
    if (left === 0) return;
    const socket = client.socket as net.Socket;
    if (socket.writableLength > PACE_BYTES) socket.once('drain', burst);
    else setImmediate(burst);
  };
  burst();
}

function echoServer(): void {
  if (scenario.wire === 'net') {
    net.createServer((socket) => socket.pipe(socket)).listen(path, () => report({ listening: true }));
    return;
  }
  const server = makeServer();
  server.on(EVENT, (data: unknown, socket: net.Socket) => void server.emit(socket, EVENT, data));
  server.start();
}

function echoClient(): void {
  const warm = Math.ceil(count / 10);
  const times: number[] = [];
  const data = makeData();
  let round = -warm;
  let start = 0;
  const next = (send: () => void): void => {
    const now = performance.now();
    if (round > 0) times.push((now - start) * 1_000);
    if (round++ === count) {
      times.sort((a, b) => a - b);
      const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? Number.NaN;
      finish({ p50: at(0.5), p99: at(0.99) });
      return;
    }
    start = performance.now();
    send();
  };
  if (scenario.wire === 'net') {
    const socket = net.connect(path, () => next(() => socket.write(data as Buffer)));
    socket.on('data', () => next(() => socket.write(data as Buffer)));
    return;
  }
  withClient((client) => {
    const send = (): void => void client.emit(EVENT, data);
    client.on('connect', () => next(send));
    client.on(EVENT, (answer: Buffer) => {
      if (answer.length !== scenario.data) fail('an answer of another size');
      next(send);
    });
  });
}

function makeServer(): Server {
  const ipc = makeIpc();
  ipc.serve(path, () => report({ listening: true }));
  if (ipc.server === false) fail('no server');
  return ipc.server;
}

function withClient(use: (client: Client) => void): void {
  const ipc = makeIpc();
  ipc.connectTo('bench', path, () => {
    const client = ipc.of['bench'];
    if (client === undefined) fail('no client');
    use(client);
    client.on('disconnect', () => process.exit(0));
  });
}

if (task.role === 'server') (scenario.shape === 'echo' ? echoServer : oneWayServer)();
else (scenario.shape === 'echo' ? echoClient : oneWayClient)();
