/**
 * Listens on the path of a local socket as its only server, whoever races for the path.
 *
 * A socket is bound under another name beside its path and linked to the path when it listens: whoever is refused there has met what a dead process
 * left. One process at a time takes that away: the one whose listening socket has the guard's name, which is taken in the same manner, so that a
 * guard who died is in nobody's way.
 *
 * Invariant: what lies at a path is linked there only where nothing was, and goes only through its own server while that still listens, or when it is
 * dead through the guard. It refuses what is no socket or belongs to another user.
 */
import events from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import paths from 'node:path';
import timers from 'node:timers/promises';
import { RingwireError } from '../errors.ts';
import { cluster, crypto, workerThreads } from '../loading.ts';
import { isFile, pathBytesMax } from './local-path.ts';
import {
  beside,
  type FileIdentity,
  inUse,
  OTHER_NAME_BYTES,
  remainsAt,
  removeOwn,
  takeAway,
} from './socket-file.ts';

export interface PathListenOptions {
  readonly path: string;
  /** Everybody may read from the socket, which is not enough to connect to it on Linux. */
  readonly readableAll: boolean;
  /** Everybody may connect to it. */
  readonly writableAll: boolean;
  /** Take away what a dead server of our own user left; otherwise that is EADDRINUSE. */
  readonly takeOver: boolean;
}

/** What is known of a server between its first moment and its end. */
interface Holding {
  isClosed: boolean;
  file: FileIdentity | undefined;
}

/** Programs that bind in place refuse until they listen: they have so long after they were seen. */
const IN_PLACE_MS = 20;
const GUARD_PAUSE_MS = 5;
/** A guard who stands still keeps the others waiting so long. */
const GUARD_MS_MAX = 5_000;

/**
 * As `server.listen`: 'listening' follows or 'error', with ERR_RINGWIRE_PATH_IN_USE, _PATH_NOT_SOCKET or _PATH_NOT_OWNED or an error of the system.
 * From now on `server.close()` removes the file, if it is ours. The socket is for this user alone from its first moment, unless the options say
 * otherwise. In a cluster's worker it is the primary's socket: nothing is taken over or removed.
 */
export function listenOnPath(server: net.Server, options: PathListenOptions): void {
  if (cluster().isWorker || !isFile(options.path)) {
    listenShared(server, options);
    return;
  }
  take(server, options).catch((error: unknown) => server.emit('error', error));
}

/** Settles when it listens or was closed before; rejects as `listenOnPath` says. */
async function take(server: net.Server, options: PathListenOptions): Promise<void> {
  const { path } = options;
  const holding = removeAtClose(server, path);
  const folderBytes = Buffer.byteLength(path) - Buffer.byteLength(paths.basename(path));
  if (folderBytes + OTHER_NAME_BYTES <= pathBytesMax()) {
    await takeBy(path, server, options, holding);
    return;
  }
  if (process.platform !== 'linux') throw tooLong(path, folderBytes + OTHER_NAME_BYTES);
  // No other name fits beside the path; the same folder has a shorter way to it.
  const folder = fs.openSync(paths.dirname(path), 'r');
  try {
    await takeBy(`/proc/self/fd/${folder}/${paths.basename(path)}`, server, options, holding);
  } finally {
    fs.closeSync(folder);
  }
}

/** @param way where the path is reached, which need not be its own name */
async function takeBy(
  way: string,
  server: net.Server,
  options: PathListenOptions,
  holding: Holding,
): Promise<void> {
  const { path, takeOver } = options;
  if (takeOver) await clear(way);
  if (holding.isClosed || listenAside(way, server, options, holding)) return;
  throw takeOver ? inUse(path) : addressInUse(path);
}

/** @returns false when somebody else is at the path */
function listenAside(way: string, server: net.Server, options: PathListenOptions, holding: Holding): boolean {
  const { path, readableAll, writableAll } = options;
  const aside = beside(way);
  listenForUser(server, aside, path);
  // Its 'error' follows.
  if (!server.listening) return true;
  try {
    fs.chmodSync(aside, 0o600 | (readableAll ? 0o044 : 0) | (writableAll ? 0o022 : 0));
    const file = fs.lstatSync(aside, { bigint: true });
    fs.linkSync(aside, way);
    holding.file = file;
  } catch (error) {
    // Takes the other name away as well.
    server.close();
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  fs.unlinkSync(aside);
  server.address = () => path;
  return true;
}

/** Nobody else can connect for a moment before the mode is set; a worker thread cannot change the umask of its process. */
function listenForUser(server: net.Server, aside: string, path: string): void {
  const tellPath = (error: NodeJS.ErrnoException & { address?: string }): void => {
    error.message = error.message.replace(aside, path);
    error.stack = error.stack?.replace(aside, path) ?? '';
    error.address = path;
  };
  server.prependOnceListener('error', tellPath);
  const umask = workerThreads().isMainThread ? process.umask(0o077) : undefined;
  try {
    server.listen(aside);
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
  if (server.listening) server.off('error', tellPath);
}

function listenShared(server: net.Server, options: PathListenOptions): void {
  const { path, readableAll, writableAll } = options;
  if (readableAll && isFile(path)) {
    // Node 26 takes the owner's own right to write away.
    server.once('listening', () => fs.chmodSync(path, (fs.statSync(path).mode & 0o777) | 0o600));
  }
  server.listen({ path, readableAll, writableAll });
}

/** Returns when the path is free, for the moment. */
async function clear(path: string): Promise<void> {
  const deadline = performance.now() + GUARD_MS_MAX;
  while ((await remainsAt(path)) !== undefined) {
    const guard = net.createServer((probe) => probe.destroy());
    try {
      await guardPath(guard, path);
    } catch (error) {
      if ((error as RingwireError).code !== 'ERR_RINGWIRE_PATH_IN_USE' || performance.now() > deadline)
        throw error;
      await timers.setTimeout(GUARD_PAUSE_MS);
      continue;
    }
    try {
      await timers.setTimeout(IN_PLACE_MS);
      const remains = await remainsAt(path);
      if (remains !== undefined) takeAway(path, remains);
    } finally {
      guard.close();
    }
  }
}

/** Where the guard of a path listens. */
export function guardOf(path: string): string {
  return beside(path, crypto().createHash('sha256').update(paths.basename(path)).digest('base64url'));
}

/** @throws RingwireError ERR_RINGWIRE_PATH_IN_USE when another process guards the path */
async function guardPath(guard: net.Server, path: string): Promise<void> {
  const listening = events.once(guard, 'listening');
  await Promise.all([
    listening,
    take(guard, { path: guardOf(path), readableAll: false, writableAll: false, takeOver: true }),
  ]);
}

/** Wraps `close`: the file goes while the server still listens, so that nobody takes it for dead and for theirs to remove. */
function removeAtClose(server: net.Server, path: string): Holding {
  const holding: Holding = { isClosed: false, file: undefined };
  const close = server.close.bind(server);
  server.close = (done) => {
    holding.isClosed = true;
    const { file } = holding;
    holding.file = undefined;
    if (file !== undefined) removeOwn(path, file);
    return close(done);
  };
  return holding;
}

function tooLong(path: string, actual: number): RingwireError {
  return new RingwireError(
    'ERR_RINGWIRE_PATH_TOO_LONG',
    `the folder of ${path} is too long for a second name beside it`,
    { limit: pathBytesMax(), actual },
  );
}

/** What the system says of a path that is taken. */
function addressInUse(path: string): Error {
  const error = new Error(`listen EADDRINUSE: address already in use ${path}`);
  return Object.assign(error, { code: 'EADDRINUSE', syscall: 'listen', address: path });
}
