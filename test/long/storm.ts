/**
 * Row T47: a thousand clients lose their server, which comes back after ten seconds. Each goes on trying, and they do not come all at once.
 *
 * Tries are seen where sockets are made, so that those count as well which find no server.
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { connect } from '../../src/index.ts';
import { LIBRARY, pause, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const SERVER = `import { listen } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
  const server = await listen(process.argv[1], { maxConnections: 2_000 });
  let count = 0, lastMs = 0;
  const cpu = process.cpuUsage(), startMs = performance.now();
  server.lifecycle.on('connect', () => { count++; lastMs = performance.now() - startMs; });
  console.log('ready');
  for await (const line of lines) {
    const { user, system } = process.cpuUsage(cpu);
    console.log([count, lastMs, (user + system) / 1e3 / (performance.now() - startMs)].join(' '));
  }`;
const CLIENTS = 1_000;
const DOWN_MS = 10_000;
const BACK_MS_MAX = 35_000;
const SLOT_MS = 100;
const PEAK_OVER_MEAN_MAX = 3;
/** Fewer tries in a second are no storm, and one of its slots may have many of them by chance. */
const TRIES_MIN = 100;
/** A machine that is busy may hold everybody up, and they come together afterwards: then a storm is had again. */
const HELD_MS_MAX = 200;
const ATTEMPTS = 3;

interface Storm {
  /** Clients that are not back in time. */
  readonly missing: number;
  /** Of slots of 100 ms, the largest against the mean of its second: pauses grow, so that seconds are not alike. */
  readonly peak: number;
  /** Most tries in a slot, once the server is back. */
  readonly most: number;
  readonly backMs: number;
  /** Of one core, until all are back. */
  readonly cpu: number;
  /** For how long the clients' event loop stood still, at most. */
  readonly heldMs: number;
}

async function storm(address: string): Promise<Storm> {
  const before = new Program(SERVER, [address]);
  assert.equal(await before.line(), 'ready');
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(address)));
  const start = performance.now();
  const tries: number[] = [];
  const tried = (): void => void tries.push(performance.now() - start);
  subscribe('net.client.socket', tried);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  before.end();
  await pause(DOWN_MS);
  const server = new Program(SERVER, [address]);
  try {
    assert.equal(await server.line(), 'ready');
    const back = tries.length;
    const backAt = performance.now();
    let count = 0;
    let backMs = 0;
    let cpu = 0;
    while (count < CLIENTS && performance.now() - backAt < BACK_MS_MAX) {
      await pause(200);
      [count = 0, backMs = 0, cpu = 0] = (await server.ask('?')).split(' ').map(Number);
    }
    delay.disable();
    return {
      missing: CLIENTS - count,
      peak: peakOverMean(tries),
      most: Math.max(...slotsOf(tries.slice(back))),
      backMs,
      cpu,
      heldMs: delay.max / 1e6,
    };
  } finally {
    unsubscribe('net.client.socket', tried);
    await Promise.all(clients.map((client) => client.close()));
    server.end();
  }
}

/** How many of `times` are in each slot. */
function slotsOf(times: readonly number[]): number[] {
  const slots: number[] = [];
  for (const time of times) {
    const slot = Math.floor(time / SLOT_MS);
    slots[slot] = (slots[slot] ?? 0) + 1;
  }
  return Array.from(slots, (count) => count ?? 0);
}

function peakOverMean(times: readonly number[]): number {
  const slots = slotsOf(times);
  let most = 0;
  for (let at = 0; at < slots.length; at += 10) {
    const second = slots.slice(at, at + 10);
    const all = second.reduce((sum, each) => sum + each, 0);
    if (all >= TRIES_MIN) most = Math.max(most, Math.max(...second) / (all / 10));
  }
  return most;
}

/** @throws AssertionError */
function judge({ missing, peak, backMs, cpu, heldMs }: Storm): void {
  const held = `the loop stood still for ${heldMs} ms`;
  assert.ok(
    missing === 0 && backMs <= BACK_MS_MAX,
    `${missing} are not back after ${BACK_MS_MAX} ms, ${held}`,
  );
  assert.ok(peak <= PEAK_OVER_MEAN_MAX, `${peak} times the mean in 100 ms, ${held}`);
  assert.ok(cpu <= 1, `the server took ${cpu} cores`);
}

async function storms({ count, first, folder }: Work): Promise<Figures> {
  const found = { peak: 0, most: 0, backMs: 0, cpu: 0 };
  for (let round = 0; round < count; round++) {
    for (let attempt = 1; ; attempt++) {
      const now = await storm(`unix:${join(folder, `storm-${first + round}-${attempt}`)}`);
      try {
        judge(now);
      } catch (error) {
        if (now.heldMs <= HELD_MS_MAX || attempt === ATTEMPTS) throw error;
        continue;
      }
      for (const name of ['peak', 'most', 'backMs', 'cpu'] as const)
        found[name] = Math.max(found[name], now[name]);
      break;
    }
  }
  return {
    'peak over mean of 100 ms': found.peak,
    'tries in 100 ms once the server is back': found.most,
    'all back after ms': found.backMs,
    'cores of the server': found.cpu,
  };
}

export const STORM_ROWS: readonly LongRow[] = [
  { id: 'T47', what: 'everybody reconnects at once', unit: 'storms', goal: 10, step: 1, run: storms },
];
