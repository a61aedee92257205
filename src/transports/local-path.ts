/**
 * Where a local socket lives: the rules for paths of Unix sockets and the mapping to Windows pipes. It touches no file.
 *
 * Invariant: a path that is too long is refused, never cut: Node 20 cuts silently, and two services meet on one socket.
 */
import { RingwireError } from '../errors.ts';

/** Bytes of sun_path without its closing zero: 108 on Linux, 104 on macOS and the BSDs. */
const LINUX_PATH_BYTES_MAX = 107;
const BSD_PATH_BYTES_MAX = 103;

const PIPE_PREFIX = '\\\\.\\pipe\\';

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
  const limit = pathBytesMax(platform);
  const actual = Buffer.byteLength(path);
  if (actual > limit) {
    throw new RingwireError(
      'ERR_RINGWIRE_PATH_TOO_LONG',
      `the socket path has ${actual} bytes, ${limit} are possible: shorten socketRoot, appspace or id (${path})`,
      { limit, actual },
    );
  }
}

/** Whether a local address is a file: neither a pipe nor an abstract socket. */
export function isFile(address: string): boolean {
  return process.platform !== 'win32' && !address.startsWith('\0');
}

export function pathBytesMax(platform: NodeJS.Platform = process.platform): number {
  return platform === 'linux' ? LINUX_PATH_BYTES_MAX : BSD_PATH_BYTES_MAX;
}
