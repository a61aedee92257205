/**
 * One process at a time: a lock that the kernel gives back when its holder dies, however it dies. There is nothing stale to clean up, so nothing
 * to race for.
 *
 * Linux: a socket in the abstract namespace, which is no file. Windows: a pipe. macOS and the BSDs: an open file with O_EXLOCK.
 * Invariant: of all processes that call `tryLock` with one name, at most one holds the lock.
 */
import events from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { crypto } from '../loading.ts';

/** `fcntl.h` of macOS and the BSDs; Node does not name it. */
const O_EXLOCK = 0x20;

export interface Lock {
  release(): void;
}

/** @param path what is locked; @returns undefined when another process holds it */
export async function tryLock(path: string): Promise<Lock | undefined> {
  if (process.platform === 'linux' || process.platform === 'win32') return lockByName(path);
  return lockByFile(`${path}.lock`);
}

async function lockByName(path: string): Promise<Lock | undefined> {
  const user = process.getuid?.() ?? 0;
  const digest = crypto().createHash('sha256').update(`${user}:${path}`).digest('hex').slice(0, 32);
  const name =
    process.platform === 'win32' ? `\\\\.\\pipe\\ringwire-lock-${digest}` : `\0ringwire-lock-${digest}`;
  const server = net.createServer((socket) => socket.destroy());
  server.unref();
  try {
    server.listen(name);
    await events.once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return { release: () => void server.close() };
}

function lockByFile(file: string): Lock | undefined {
  const { O_CREAT, O_NONBLOCK, O_RDWR } = fs.constants;
  try {
    const descriptor = fs.openSync(file, O_CREAT | O_RDWR | O_NONBLOCK | O_EXLOCK, 0o600);
    return { release: () => fs.closeSync(descriptor) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    throw error;
  }
}
