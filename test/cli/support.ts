/** The command line as a process, and a folder for its files. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLI: string = fileURLToPath(new URL('../../src/cli/ringwire.js', import.meta.url));

export const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-cli-'));

export function removeFolder(): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function ringwire(args: readonly string[], env: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    env: { ...process.env, GITHUB_STEP_SUMMARY: '', ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

/** Writes text, or a value as JSON, and returns where. */
export function file(name: string, content: unknown): string {
  const place = path.join(folder, name);
  fs.writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content));
  return place;
}
