/** What a connection costs a server that nobody talks to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SERVER: string = fileURLToPath(new URL('idle-server.js', import.meta.url));
/** So many that growth steps of the heap do not show. */
const CONNECTIONS = 10_000;
const WARM_CONNECTIONS = 2_000;
/** The young generation grows with what a program allocates, to 32 MiB and more, and not with what its connections hold: a small one for both. */
const YOUNG = '--max-semi-space-size=1';

/** Resident bytes that one accepted, idle connection costs. */
export async function idleBytes(contestant: 'net' | 'ringwire'): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-idle-'));
  const socket = path.join(folder, 's');
  const server = spawn(process.execPath, ['--expose-gc', YOUNG, SERVER, contestant, socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = readline.createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const clients: net.Socket[] = [];
  const connect = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) clients.push(await connected(socket));
  };
  const resident = async (): Promise<number> => {
    server.stdin.write('\n');
    return (JSON.parse(String((await lines.next()).value)) as { rss: number }).rss;
  };
  try {
    await lines.next();
    await connect(WARM_CONNECTIONS);
    const before = await resident();
    await connect(CONNECTIONS);
    return ((await resident()) - before) / CONNECTIONS;
  } finally {
    for (const client of clients) client.destroy();
    server.kill();
    await once(server, 'exit');
    fs.rmSync(folder, { recursive: true, force: true });
  }
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
