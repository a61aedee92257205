/**
 * A folder for local sockets that only this user can enter. It is made with mode 0700; a folder that is there already must be ours and
 * closed to others, and is never changed.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RingwireError } from '../errors.ts';

/** @returns the folder with its closing slash. @throws RingwireError ERR_RINGWIRE_SOCKET_ROOT */
export function secureRoot(): string {
  const uid = process.getuid?.();
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const folder = runtime
    ? path.join(runtime, 'ringwire')
    : path.join(os.tmpdir(), `ringwire-${uid ?? os.userInfo().username}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = fs.lstatSync(folder);
  const isOurs = uid === undefined || (stats.uid === uid && (stats.mode & 0o077) === 0);
  if (!stats.isDirectory() || !isOurs) {
    throw new RingwireError(
      'ERR_RINGWIRE_SOCKET_ROOT',
      `${folder} must be a folder of this user that nobody else can enter (mode 0700)`,
    );
  }
  return folder + path.sep;
}
