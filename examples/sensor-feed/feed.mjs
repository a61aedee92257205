/**
 * A sensor that is read 1,000 times a second, over a network that loses: `node feed.mjs [--readings 0] [--loss 0.2] [--seed 1]`. Sender and reader
 * are in this process, a proxy between them drops datagrams by seed. It ends after that many readings and prints the figures, or
 * shows them for ever.
 */
import { parseArgs } from 'node:util';
import { IPC } from 'ringwire';
import { openProxy } from './chaos-proxy.mjs';

const { values } = parseArgs({
  options: {
    readings: { type: 'string', default: '0' },
    loss: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: '1' },
  },
});
const READINGS = Number(values.readings);
const udp = { events: { reading: { mode: 'sequenced' } } };

const reader = await open();
const proxy = await openProxy(reader.port, { loss: Number(values.loss), seed: Number(values.seed) });
const sender = await open();
const target = { address: '127.0.0.1', port: proxy.port };

/** Ages of the value that the reader has, looked at once a millisecond. */
const ages = [];
let newest;
reader.server.on('reading', (reading) => (newest = reading));
reader.server.on('end', finish);

const start = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = Math.floor(performance.now() - start);
  while (sent < due && (READINGS === 0 || sent < READINGS)) {
    sent++;
    sender.server.emit(target, 'reading', {
      n: sent,
      at: performance.now(),
      celsius: 21 + Math.sin(sent / 500),
    });
    // Each reading in a datagram of its own: a late timer must not hide what the network loses.
    sender.server.flush();
  }
  if (newest !== undefined) ages.push(performance.now() - newest.at);
  if (READINGS > 0 && sent === READINGS) end();
}, 1);
const display = process.stdout.isTTY ? setInterval(show, 100) : undefined;

function open() {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, codec: 'msgpack', events: { reading: 1, end: 2 }, udp });
  ipc.serveNet('127.0.0.1', 0, 'udp4');
  const { server } = ipc;
  return new Promise((resolve) => {
    server.on('start', ({ port }) => resolve({ server, port }));
    server.start();
  });
}

function figures() {
  const { received, lost, jitterMs } = reader.server.stats();
  const sorted = Float64Array.from(ages.slice(-60_000)).sort();
  const age = (share) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
  return { received, lost, jitter: jitterMs.toFixed(2), p50: age(0.5), p99: age(0.99) };
}

function show() {
  const { received, lost, jitter, p50, p99 } = figures();
  const share = lost / Math.max(1, received + lost);
  const bar = '#'.repeat(Math.round(share * 40)).padEnd(40, '.');
  const line = `${received} received, ${lost} lost [${bar}] ${(share * 100).toFixed(1)} %, jitter ${jitter} ms, age p50 ${p50} p99 ${p99} ms`;
  process.stdout.write(`\r\u001B[K${line}`);
}

function end() {
  clearInterval(timer);
  // The reader learns of what was lost at the end when something comes behind it.
  proxy.lossless();
  sender.server.emit(target, 'end');
}

function finish() {
  clearInterval(display);
  const { received, lost, jitter, p50, p99 } = figures();
  console.log(
    `${display === undefined ? '' : '\n'}received ${received}, lost ${lost}, dropped by the proxy ${proxy.dropped}`,
  );
  console.log(`jitter ${jitter} ms, age of the value p50 ${p50} ms, p99 ${p99} ms`);
  for (const { server } of [reader, sender]) server.stop();
  proxy.close();
}
