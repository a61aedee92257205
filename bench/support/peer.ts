/**
 * One end of a measurement, as a process of its own: `node peer.js '<json of PeerTask>'`. A sink serves on a path and counts what
 * arrives, a source connects and sends; both print one JSON line. An echo server answers, an echo client measures round trips.
 * It only knows how each contestant is spoken to; the parent decides what is measured and compares.
 */
import { createRequire } from 'node:module';
import net from 'node:net';
import { IPC, type Client, type Frame } from '../../src/index.ts';
import type { PeerTask } from './peer-task.ts';

const EVENT = 'bench';
const task = JSON.parse(process.argv[2] ?? '{}') as PeerTask;

function report(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

interface IpcLike {
  config: Record<string, unknown>;
  of: Record<string, Client>;
  server: {
    on(type: string, handler: (...args: never[]) => void): void;
    emit(...args: unknown[]): unknown;
    start(): void;
  };
  serve(path: string, callback: () => void): void;
  connectTo(id: string, path: string, callback: () => void): void;
}

function makeIpc(): IpcLike {
  const Class =
    task.contestant === 'node-ipc'
      ? (createRequire(import.meta.url)('@achrinza/node-ipc') as { IPCModule: new () => IpcLike }).IPCModule
      : IPC;
  const ipc = new Class() as unknown as IpcLike;
  Object.assign(ipc.config, {
    silent: true,
    id: 'bench',
    retry: 50,
    receive: task.receive,
  });
  if (task.contestant === 'ringwire') ipc.config['codec'] = 'raw';
  return ipc;
}

/** Counts messages; the clock runs over the last nine tenths, when all is warm, memory is measured over the second half. */
class Counter {
  count = 0;
  bytes = 0;
  #start = 0n;
  #heap = 0;
  readonly #first = Math.ceil(task.count / 10);
  readonly #half = task.count >> 1;

  counted(length: number): void {
    this.bytes += length;
    const count = ++this.count;
    if (count === this.#first) this.#start = process.hrtime.bigint();
    else if (count === this.#half) this.#heap = heapUsed();
    else if (count === task.count) this.#finish();
  }

  #finish(): void {
    const seconds = Number(process.hrtime.bigint() - this.#start) / 1e9;
    // A garbage collection in between only makes this smaller, and there is none without allocation.
    const allocated = (heapUsed() - this.#heap) / (this.count - this.#half);
    const perSecond = (this.count - this.#first) / seconds;
    report({ count: this.count, bytes: this.bytes, perSecond, allocated });
    process.exit(0);
  }
}

function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}

function sink(): void {
  const counter = new Counter();
  const onMessage =
    task.contestant === 'ringwire' && task.receive === 'frame'
      ? (frame: Frame) => counter.counted(frame.end - frame.start)
      : task.contestant === 'ringwire'
        ? (data: Buffer) => counter.counted(data.length)
        : () => counter.counted(0);
  const ipc = makeIpc();
  ipc.serve(task.path, () => report({ listening: true }));
  ipc.server.on(EVENT, onMessage);
  ipc.server.start();
}

function source(): void {
  const ipc = makeIpc();
  ipc.connectTo('sink', task.path, () => {
    const client = ipc.of['sink'] as Client;
    client.on('connect', () => (task.contestant === 'node-ipc' ? sendPaced(client) : sendFast(client)));
    client.on('destroy', () => process.exit(0));
    client.on('disconnect', () => process.exit(0));
  });
}

function payload(): unknown {
  return task.contestant === 'ringwire' ? Buffer.alloc(task.bytes, 0x5a) : task.json;
}

function sendFast(client: Client): void {
  const data = payload();
  let left = task.count;
  const half = left >> 1;
  let heap = 0;
  const burst = (): void => {
    while (left > 0) {
      if (--left === half) heap = heapUsed();
      else if (left === 0) report({ allocated: (heapUsed() - heap) / half });
      if (!client.emit(EVENT, data)) return;
    }
  };
  client.on('drain', burst);
  burst();
}

/** node-ipc has no backpressure: it is given as much as its socket takes in. */
function sendPaced(client: Client): void {
  const data = payload();
  let left = task.count;
  const burst = (): void => {
    for (let sent = 0; sent < 500 && left > 0; sent++, left--) client.emit(EVENT, data);
    if (left === 0) return;
    const socket = client.socket as net.Socket;
    if (socket.writableLength > 256 * 1024) socket.once('drain', burst);
    else setImmediate(burst);
  };
  burst();
}

function echoServer(): void {
  if (task.contestant === 'net') {
    net
      .createServer((socket) => socket.on('data', (chunk) => socket.write(chunk)))
      .listen(task.path, () => report({ listening: true }));
    return;
  }
  const ipc = makeIpc();
  ipc.serve(task.path, () => report({ listening: true }));
  ipc.server.on(EVENT, (data: unknown, socket: net.Socket) => ipc.server.emit(socket, EVENT, data));
  ipc.server.start();
}

function echoClient(): void {
  const times = new Float64Array(task.count);
  const warm = Math.min(2000, task.count);
  let at = -warm;
  let start = 0;
  const data = payload() ?? Buffer.alloc(task.bytes, 0x5a);
  const answered = (send: () => void): void => {
    const now = performance.now();
    if (at >= 0) times[at] = now - start;
    if (++at === task.count) {
      times.sort();
      const quantile = (share: number): number =>
        (times[Math.floor(share * (task.count - 1))] as number) * 1000;
      report({ p50: quantile(0.5), p99: quantile(0.99), count: task.count });
      process.exit(0);
    }
    start = performance.now();
    send();
  };
  if (task.contestant === 'net') {
    const bytes = Buffer.alloc(task.bytes, 0x5a);
    const socket = net.connect(task.path, () => socket.write(bytes));
    socket.on('data', () => answered(() => socket.write(bytes)));
    return;
  }
  const ipc = makeIpc();
  ipc.connectTo('echo', task.path, () => {
    const client = ipc.of['echo'] as Client;
    client.on('connect', () => client.emit(EVENT, data));
    client.on(EVENT, () => answered(() => client.emit(EVENT, data)));
  });
}

/** Accepts and does nothing; tells its resident memory when asked. */
function idleServer(): void {
  if (task.contestant === 'net') {
    net
      .createServer((socket) => socket.on('data', () => {}))
      .listen(task.path, () => report({ listening: true }));
  } else {
    const ipc = makeIpc();
    ipc.config['maxConnections'] = 100_000;
    ipc.serve(task.path, () => report({ listening: true }));
    ipc.server.start();
  }
  process.stdin.on('data', () => {
    for (let round = 0; round < 3; round++) globalThis.gc?.();
    setTimeout(() => report({ rss: process.memoryUsage().rss }), 200);
  });
}

const roles = {
  sink,
  source,
  'echo-server': echoServer,
  'echo-client': echoClient,
  'idle-server': idleServer,
};
roles[task.role]();
