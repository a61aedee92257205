/**
 * What lies at the path of a local socket: nothing, a living server's socket, what a dead one left, or something else, which is an error. And other
 * names beside a path.
 *
 * Invariant: only remains of our own user are ever taken away, and only those that were looked at.
 */
import fs from 'node:fs';
import net from 'node:net';
import { RingwireError } from '../errors.ts';
import { crypto } from '../loading.ts';

/** What tells a file from another one of the same name. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

const OTHER_NAME = '.ringwire-';
const TAG_BYTES = 12;
export const OTHER_NAME_BYTES: number = OTHER_NAME.length + TAG_BYTES;
/** A server that does not answer a connect within this lives: its process stands still, or its backlog is full. */
const ANSWER_MS_MAX = 1_000;

/** Another name in the folder of `path`. @param tag letters of which 12 are taken; without it a name that nobody guesses */
export function beside(path: string, tag: string = crypto().randomBytes(9).toString('base64url')): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + OTHER_NAME + tag.slice(0, TAG_BYTES);
}

/**
 * @returns what a dead process of our own user left there; undefined when nothing is there
 * @throws RingwireError ERR_RINGWIRE_PATH_IN_USE, ERR_RINGWIRE_PATH_NOT_SOCKET or ERR_RINGWIRE_PATH_NOT_OWNED
 */
export async function remainsAt(path: string): Promise<FileIdentity | undefined> {
  if (socketAt(path) === undefined) return undefined;
  const answer = await answerOf(path);
  if (answer === 'lives') throw inUse(path);
  // What refused lies there until a guard takes it away.
  const found = answer === 'dead' ? socketAt(path) : undefined;
  const uid = process.getuid?.();
  if (found !== undefined && uid !== undefined && found.uid !== BigInt(uid)) {
    throw new RingwireError(
      'ERR_RINGWIRE_PATH_NOT_OWNED',
      `${path} is a socket of another user: it is left alone`,
    );
  }
  return found;
}

/** Only a guard of the path does this. What somebody has put there by hand meanwhile is put back. */
export function takeAway(path: string, remains: FileIdentity): void {
  const away = beside(path);
  try {
    fs.renameSync(path, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (!isSame(away, remains)) fs.linkSync(away, path);
  fs.unlinkSync(away);
}

/** Unlinks a file that only we may take away, unless somebody has replaced it by hand. */
export function removeOwn(path: string, file: FileIdentity): void {
  if (isSame(path, file)) fs.rmSync(path, { force: true });
}

export function inUse(path: string): RingwireError {
  return new RingwireError('ERR_RINGWIRE_PATH_IN_USE', `another server is listening on ${path}`);
}

function socketAt(path: string): fs.BigIntStats | undefined {
  const stats = statsOf(path);
  if (stats === undefined || stats.isSocket()) return stats;
  throw new RingwireError(
    'ERR_RINGWIRE_PATH_NOT_SOCKET',
    `${path} exists and is not a socket: it is left alone`,
  );
}

function answerOf(path: string): Promise<'lives' | 'dead' | 'absent'> {
  return new Promise((resolve) => {
    const probe = net.connect(path);
    const settle = (answer: 'lives' | 'dead' | 'absent'): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.setTimeout(ANSWER_MS_MAX, () => settle('lives'));
    probe.on('connect', () => settle('lives'));
    // Only a refused connect proves that nobody listens; a full backlog (EAGAIN) proves the opposite.
    probe.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') settle('dead');
      else settle(code === 'ENOENT' ? 'absent' : 'lives');
    });
  });
}

function isSame(path: string, file: FileIdentity): boolean {
  const now = statsOf(path);
  return now?.isSocket() === true && now.dev === file.dev && now.ino === file.ino;
}

function statsOf(path: string): fs.BigIntStats | undefined {
  return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
}
