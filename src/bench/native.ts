/**
 * The C peers as the other side, or as both: the ceiling. They are part of the repository, not of the package, and are built when they are first
 * asked for.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Role } from './peer.ts';
import type { SizedScenario } from './scenarios.ts';

/** What a C peer prints: that it listens, or what it counted; the sink says how fast. */
export type NativeLine =
  { readonly listening: true } | { readonly count: number; readonly messages_per_second?: number };

/** Why there are no C peers here; undefined when they are built. */
export function nativeMissing(): string | undefined {
  const folder = nativeFolder();
  if (folder === undefined) return 'the C peers are in the repository, not in the package';
  const { status, stderr, error } = spawnSync('make', ['-C', folder], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `the C peers cannot be built: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}`;
}

/**
 * Program and arguments of a C peer. The server listens: it is the sink.
 * @param own another program than source or sink, with its first arguments
 */
export function nativeCommand(
  role: Role,
  { count, warm, data }: SizedScenario,
  address: string,
  own: true | readonly string[],
): [string, string[]] {
  const [program = '', ...first] = own === true ? [role === 'server' ? 'sink' : 'source'] : own;
  const size = role === 'client' && own === true ? ['--size', String(data)] : [];
  const place = path.join(nativeFolder() ?? '', 'bin', program);
  const timing = program === 'sink' ? ['--warm', String(warm)] : [];
  return [place, [...first, address, '--count', String(count), ...timing, ...size]];
}

/** Beside the package's own package.json, from src and from dist. */
function nativeFolder(): string | undefined {
  const start = path.dirname(fileURLToPath(import.meta.url));
  for (let folder = start; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (!fs.existsSync(path.join(folder, 'package.json'))) continue;
    const native = path.join(folder, 'native-peers');
    return fs.existsSync(path.join(native, 'Makefile')) ? native : undefined;
  }
  return undefined;
}
