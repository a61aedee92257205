/**
 * The process of the witnesses: two well-behaved peers of a server, one on each wire, that send 1,000 messages a second each and check what
 * comes back. A bare `net` server in a thread beside them answers the same load: what it suffers is the machine's fault.
 *
 * It imports nothing from src.
 * Invariant: a message that is lost, doubled, damaged or out of turn is told.
 */
import net from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort, Worker, isMainThread, workerData } from 'node:worker_threads';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Testimony } from './witness.ts';
import {
  faultOf,
  jsonMessage,
  RAW_GREETING,
  rawFaultOf,
  rawMessage,
  takeJson,
  takeRaw,
} from './witness-wire.ts';

const TICK_MS = 4;
const PREAMBLE_BYTES = 8;

type Wire = 'json' | 'raw';

class Witness {
  readonly latencies: number[] = [];
  readonly faults: string[] = [];
  sent = 0;
  received = 0;
  readonly #socket: net.Socket;
  readonly #wire: Wire;
  readonly #sentAt: number[] = [];
  #start = 0;
  #stopped = false;
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(address: net.NetConnectOpts, wire: Wire) {
    this.#wire = wire;
    this.#socket = net.connect(address);
    this.#socket.setNoDelay?.(true);
    this.#socket.on('error', (error) => this.faults.push(`the connection failed: ${error.message}`));
    this.#socket.on('close', () => this.#stopped || this.faults.push('the connection was closed'));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  async begin(): Promise<void> {
    await once(this.#socket, 'connect');
    if (this.#wire === 'raw') this.#socket.write(RAW_GREETING);
    this.#start = performance.now();
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  /** Sends no more, and waits for what is under way. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    const end = performance.now() + 5000;
    while (this.received < this.sent && this.faults.length === 0 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 2));
    if (this.received !== this.sent) this.faults.push(`${this.sent} were sent, ${this.received} came back`);
    this.#stopped = true;
    this.#socket.destroy();
  }

  #send(): void {
    // One a millisecond, on average; what a late timer missed is made up for.
    const due = Math.floor(performance.now() - this.#start);
    while (this.sent < due) {
      const n = ++this.sent;
      this.#sentAt[n] = performance.now();
      this.#socket.write(this.#wire === 'json' ? jsonMessage(n) : rawMessage(n));
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const isRaw = this.#wire === 'raw';
    if (isRaw && !this.#greeted && bytes.length < PREAMBLE_BYTES) {
      this.#rest = bytes;
      return;
    }
    const from = isRaw && !this.#greeted ? PREAMBLE_BYTES : 0;
    this.#greeted = true;
    const { found, rest } = isRaw ? takeRaw(bytes.subarray(from)) : takeJson(bytes);
    this.#rest = rest;
    for (const each of found) {
      const n = ++this.received;
      const fault = isRaw ? rawFaultOf(each, n) : faultOf(each, n);
      if (fault !== undefined && this.faults.length < 10) this.faults.push(`${this.#wire}: ${fault}`);
      this.latencies.push(performance.now() - (this.#sentAt[n] ?? 0));
    }
  }
}

function p99(latencies: readonly number[]): number {
  const sorted = latencies.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

/** The thread: a bare server that echoes, and a look at how late its own loop runs. */
function serveControl(path: string): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(path, () => parentPort?.postMessage('listening'));
  parentPort?.on('message', (what) => {
    if (what === 'begin') {
      delay.reset();
      delay.enable();
    } else parentPort?.postMessage(delay.max / 1e6);
  });
}

class Court {
  readonly #thread: Worker;
  readonly #path: string;
  #witnesses: Witness[] = [];
  #control: Witness | undefined = undefined;

  private constructor(thread: Worker, path: string) {
    this.#thread = thread;
    this.#path = path;
  }

  static async open(path: string): Promise<Court> {
    const thread = new Worker(fileURLToPath(import.meta.url), { workerData: path });
    await once(thread, 'message');
    return new Court(thread, path);
  }

  async begin(address: net.NetConnectOpts): Promise<void> {
    this.#thread.postMessage('begin');
    this.#witnesses = [new Witness(address, 'json'), new Witness(address, 'raw')];
    this.#control = new Witness({ path: this.#path }, 'json');
    await Promise.all([...this.#witnesses, this.#control].map((each) => each.begin()));
  }

  async finish(): Promise<Testimony> {
    const control = this.#control as Witness;
    await Promise.all([...this.#witnesses, control].map((each) => each.finish()));
    this.#thread.postMessage('report');
    const [delayMs] = (await once(this.#thread, 'message')) as [number];
    return {
      messages: this.#witnesses.reduce((sum, each) => sum + each.received, 0),
      faults: this.#witnesses.flatMap((each) => each.faults),
      p99Ms: Math.max(...this.#witnesses.map((each) => p99(each.latencies))),
      controlP99Ms: p99(control.latencies),
      controlDelayMs: delayMs,
    };
  }
}

async function main(): Promise<void> {
  const court = await Court.open(process.argv[2] as string);
  process.on('message', async (message: { id: number; begin?: net.NetConnectOpts }) => {
    const answer = message.begin === undefined ? await court.finish() : await court.begin(message.begin);
    process.send?.({ id: message.id, answer });
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ id: 0 });
}

if (isMainThread) void main();
else serveControl(workerData as string);
