/**
 * Shows what the firmware measures: `node dashboard.mjs [--samples 2000] [--rate 200]`. It serves a local socket, builds and starts the firmware,
 * and reads each struct where it lies in the received bytes.
 *
 * Invariant: a view is read inside of its handler and not kept.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { IPC, structsFromJson } from 'ringwire';

const { values } = parseArgs({
  options: { samples: { type: 'string', default: '2000' }, rate: { type: 'string', default: '200' } },
});
const place = import.meta.dirname;
const schema = JSON.parse(fs.readFileSync(path.join(place, 'imu.json'), 'utf8'));
const { imu, control } = structsFromJson(schema);

execFileSync('make', ['-C', place], { stdio: ['ignore', 'ignore', 'inherit'] });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'imu-'));
const socketPath = path.join(folder, 'line');

const ipc = new IPC();
Object.assign(ipc.config, {
  silent: true,
  codec: 'struct',
  receive: 'view',
  structs: { imu, control },
  events: schema.events,
});

let count = 0;
let lost = 0;
let hot = 0;
let latest = '';
let peak = 0;

ipc.serve(socketPath, () => {
  const firmware = spawn(path.join(place, 'bin', 'firmware'), [socketPath, values.samples], {
    stdio: 'inherit',
  });
  firmware.on('exit', (code) => (process.exitCode = code ?? 1));
});
const { server } = ipc;
server.on('imu', (sample, socket) => {
  if (sample.mode === 'idle')
    server.emit(socket, 'control', { rate: Number(values.rate), mode: 'run', name: 'dashboard' });
  lost = sample.seq - count;
  count++;
  if (sample.status.hot) hot++;
  const { x, y, z } = sample.acceleration;
  peak = Math.max(peak, Math.hypot(x, y, z));
  if (process.stdout.isTTY)
    latest = `${bar(x)} ${bar(y)} ${(sample.temperature / 100).toFixed(2)} °C ${sample.mode}`;
});
server.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
const timer = setInterval(() => latest && process.stdout.write(`\r${count} ${latest}\x1b[K`), 50);
server.on('socket.disconnected', () => {
  clearInterval(timer);
  server.stop();
  fs.rmSync(folder, { recursive: true, force: true });
  if (latest) process.stdout.write('\r\x1b[K');
  console.log(`${count} samples, ${lost} lost, ${hot} hot, peak ${peak.toFixed(2)} m/s²`);
});
server.start();

/** -0.25 to 0.25 m/s² as a bar. */
function bar(value) {
  const position = Math.round((value + 0.25) * 40);
  return `[${'-'.repeat(Math.max(0, position))}|${'-'.repeat(Math.max(0, 20 - position))}]`;
}
