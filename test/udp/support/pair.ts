/**
 * UDP servers of ringwire for tests: made, started, stopped, and waited for without sleeping.
 *
 * Invariant: whatever `udp` opened is closed when the test ends.
 */
import type { TestContext } from 'node:test';
import { IPC } from '../../../src/ipc/ipc.ts';
import type { Config } from '../../../src/ipc/config.ts';
import type { Server } from '../../../src/ipc/server.ts';
import type { DatagramStats } from '../../../src/endpoints/datagram-stats.ts';
import { Transcript, within } from '../../compat/support/waiting.ts';

export interface UdpEnd {
  readonly server: Server;
  readonly port: number;
  /** Where others send to. */
  readonly place: { readonly address: string; readonly port: number };
  readonly stats: () => DatagramStats;
}

export async function udp(
  test: TestContext,
  settings: Partial<Config>,
  kind: 'udp4' | 'udp6' = 'udp4',
): Promise<UdpEnd> {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, ...settings });
  ipc.serveNet(0, kind);
  const server = ipc.server as Server;
  const started = new Promise<{ address: string; port: number }>((resolve, reject) => {
    server.on('start', resolve);
    server.on('error', reject);
  });
  server.start();
  test.after(() => server.stop());
  const place = await within('a UDP server to start', started);
  return { server, port: place.port, place, stats: () => server.stats() as DatagramStats };
}

/** What a server hears, by event. */
export function record(server: Server, ...types: string[]): Transcript {
  return new Transcript().listen(server as never, types);
}

/** Asks again in each turn of the event loop until it is so. */
export async function until(what: string, done: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Some turns of the event loop, so that a receiver on the same thread keeps up. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
