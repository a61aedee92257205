/**
 * `npm run demo`: one ringwire server on a Unix socket; a real node-ipc client and ringwire clients in JSON, msgpack and raw, all connected
 * at the same time, send realistic payloads. First all together, then each in turn for its rate. Every message is counted on both ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTESTANTS, type Order, type Outcome, PAYLOADS } from './demo/contestants.ts';

const TOGETHER_MS = 500;
const TURN_MS = 1_000;
const HERE = path.dirname(fileURLToPath(import.meta.url));

const total = PAYLOADS.length * (CONTESTANTS.length + 1);
let steps = 0;

function progress(text: string): void {
  const line = `[${String(++steps).padStart(2)}/${total}] ${text}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else process.stderr.write(`${line}\n`);
}

function start(script: string, ...args: string[]): ChildProcess {
  const file = path.join(HERE, 'demo', script);
  return spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(30_000) })) as [T];
  return message;
}

async function run(child: ChildProcess, order: Order): Promise<Outcome> {
  const outcome = answer<Outcome>(child);
  child.send(order);
  return outcome;
}

function rate(outcome: Outcome): number {
  return outcome.arrived / outcome.seconds;
}

function print(payload: string, outcomes: readonly Outcome[]): void {
  const reference = rate(outcomes[0] as Outcome);
  console.log(
    `\n${payload.padEnd(26)} ${'messages'.padStart(10)} ${'MB/s'.padStart(8)} ${'messages/s'.padStart(12)} ${'ratio'.padStart(8)}`,
  );
  for (const [index, outcome] of outcomes.entries()) {
    const columns = [
      `  ${(CONTESTANTS[index]?.name ?? '').padEnd(24)}`,
      outcome.arrived.toLocaleString('en').padStart(10),
      (outcome.bytes / outcome.seconds / 1e6).toFixed(1).padStart(8),
      Math.round(rate(outcome)).toLocaleString('en').padStart(12),
      `${(rate(outcome) / reference).toFixed(1)} x`.padStart(8),
    ];
    console.log(columns.join(' '));
  }
}

async function demo(folder: string): Promise<boolean> {
  const socket = path.join(folder, 'demo.sock');
  const server = start('server.js', socket);
  const clients: ChildProcess[] = [];
  try {
    await answer(server);
    for (const contestant of CONTESTANTS)
      clients.push(start('client.js', socket, JSON.stringify(contestant)));
    await Promise.all(clients.map((client) => answer(client)));

    const all: Outcome[] = [];
    for (const payload of PAYLOADS) {
      progress(`${payload}: all ${clients.length} clients together`);
      all.push(
        ...(await Promise.all(clients.map((client) => run(client, { payload, milliseconds: TOGETHER_MS })))),
      );
    }
    const rows = new Map<string, Outcome[]>();
    for (const payload of PAYLOADS) {
      const outcomes: Outcome[] = [];
      for (const [index, client] of clients.entries()) {
        progress(`${payload}: ${CONTESTANTS[index]?.name}`);
        outcomes.push(await run(client, { payload, milliseconds: TURN_MS }));
      }
      rows.set(payload, outcomes);
      all.push(...outcomes);
    }
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    console.log(
      `One ringwire server, ${clients.length} clients at once; Node ${process.version}, ${os.cpus()[0]?.model ?? 'unknown CPU'}`,
    );
    for (const [payload, outcomes] of rows) print(payload, outcomes);

    const sent = all.reduce((sum, each) => sum + each.sent, 0);
    const arrived = all.reduce((sum, each) => sum + each.arrived, 0);
    const wrong = all.reduce((sum, each) => sum + each.wrong, 0);
    const isComplete = sent === arrived && wrong === 0;
    console.log(
      `\n${isComplete ? 'complete' : 'NOT COMPLETE'}: ${sent.toLocaleString('en')} messages sent, ${arrived.toLocaleString('en')} arrived, ${wrong} with other content`,
    );
    return isComplete;
  } finally {
    for (const child of [...clients, server]) child.kill();
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-demo-'));
try {
  process.exitCode = (await demo(folder)) ? 0 : 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
