/**
 * Where a local socket lives: the rules for paths of Unix sockets and the mapping to Windows pipes, and who may remove a socket file.
 * It never removes anything but a dead socket of our own user.
 *
 * Invariant: a path that is too long is refused, never cut: Node 20 cuts silently, and two services meet on one socket.
 */
import fs from 'node:fs';
import net from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { RingwireError } from '../errors.ts';

/** Bytes of sun_path without its closing zero: 108 on Linux, 104 on macOS and the BSDs. */
const LINUX_PATH_BYTES_MAX = 107;
const BSD_PATH_BYTES_MAX = 103;

const PIPE_PREFIX = '\\\\.\\pipe\\';
const STALE_CONNECT_MS = 1_000;

/** Identity of a socket file: what `remove` compares before it unlinks. */
export interface SocketFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

export interface PrivateListenOptions {
  readonly path: string;
  /** Everybody may read from the socket, which is not enough to connect to it on Linux. */
  readonly readableAll: boolean;
  /** Everybody may connect to it. */
  readonly writableAll: boolean;
}

/** The address to listen on or connect to for `path`: the path itself, or the pipe that Windows programs of node-ipc use. */
export function localAddress(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32' || path.startsWith(PIPE_PREFIX)) return path;
  return PIPE_PREFIX + path.replace(/^\//, '').replaceAll('/', '-');
}

/** @throws RingwireError ERR_RINGWIRE_PATH_TOO_LONG or ERR_RINGWIRE_BAD_CONFIG */
export function checkPath(path: string, platform: NodeJS.Platform = process.platform): void {
  if (path === '' || path.indexOf('\0', 1) >= 0) {
    throw new RingwireError(
      'ERR_RINGWIRE_BAD_CONFIG',
      'a socket path must not be empty or contain a zero byte',
    );
  }
  if (platform === 'win32') return;
  const limit = platform === 'linux' ? LINUX_PATH_BYTES_MAX : BSD_PATH_BYTES_MAX;
  const actual = Buffer.byteLength(path);
  if (actual > limit) {
    throw new RingwireError(
      'ERR_RINGWIRE_PATH_TOO_LONG',
      `the socket path has ${actual} bytes, ${limit} are possible: shorten socketRoot, appspace or id (${path})`,
      { limit, actual },
    );
  }
}

/**
 * Makes `path` free to listen on: takes a stale socket of our own away, after a connect to it has failed.
 * @throws RingwireError ERR_RINGWIRE_PATH_IN_USE, ERR_RINGWIRE_PATH_NOT_SOCKET or ERR_RINGWIRE_PATH_NOT_OWNED
 */
export async function freePath(path: string): Promise<void> {
  if (process.platform === 'win32' || path.startsWith('\0')) return;
  const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new RingwireError(
      'ERR_RINGWIRE_PATH_NOT_SOCKET',
      `${path} exists and is not a socket: it is left alone`,
    );
  }
  if (await isAlive(path)) {
    throw new RingwireError('ERR_RINGWIRE_PATH_IN_USE', `another server is listening on ${path}`);
  }
  const uid = process.getuid?.();
  if (uid !== undefined && stats.uid !== BigInt(uid)) {
    throw new RingwireError(
      'ERR_RINGWIRE_PATH_NOT_OWNED',
      `${path} is a socket of another user: it is left alone`,
    );
  }
  remove({ path, dev: stats.dev, ino: stats.ino });
}

/**
 * Listens on a local path that only this user can connect to from its first moment on, unless the options say otherwise: libuv makes the
 * file with whatever the process allows, everybody under umask 0. Not in a cluster's worker, whose primary process makes the file, nor in
 * a worker thread, which cannot change the umask of its process.
 */
export function listenPrivately(server: net.Server, options: PrivateListenOptions): void {
  if (process.platform === 'win32' || !isMainThread) {
    server.listen(options);
    return;
  }
  const umask = process.umask(0o077);
  try {
    server.listen(options);
  } finally {
    process.umask(umask);
  }
}

/** The file behind a path that we have just begun to listen on; undefined where sockets are no files. */
export function socketFile(path: string): SocketFile | undefined {
  if (process.platform === 'win32' || path.startsWith('\0')) return undefined;
  const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.isSocket() === true ? { path, dev: stats.dev, ino: stats.ino } : undefined;
}

/** Unlinks the file if it is still the one that was inspected. */
export function remove(file: SocketFile): void {
  if (!isSame(file)) return;
  try {
    fs.unlinkSync(file.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * Runs `close`, which makes libuv unlink the path of our listener by name, without losing a successor that listens there by now.
 */
export function closeWithoutSuccessor(file: SocketFile | undefined, close: () => void): void {
  if (file === undefined || isSame(file) || !fs.existsSync(file.path)) {
    close();
    return;
  }
  const kept = `${file.path}.${process.pid}`;
  fs.linkSync(file.path, kept);
  close();
  fs.renameSync(kept, file.path);
}

function isSame(file: SocketFile): boolean {
  const now = fs.lstatSync(file.path, { bigint: true, throwIfNoEntry: false });
  return now?.isSocket() === true && now.dev === file.dev && now.ino === file.ino;
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path);
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.setTimeout(STALE_CONNECT_MS, () => settle(true));
    probe.on('connect', () => settle(true));
    // Only a refused connect proves that nobody listens; a full backlog (EAGAIN) proves the opposite.
    probe.on('error', (error: NodeJS.ErrnoException) =>
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}
