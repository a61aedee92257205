/** How long it takes until ringwire can be used: its import, and a connect up to the first answer. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { median } from '../../src/bench/statistics.ts';
import { projectRoot } from './payloads.ts';

const PROGRAM: string = fileURLToPath(new URL('start-program.js', import.meta.url));
/** As it is installed. */
const LIBRARY: string = pathToFileURL(path.join(projectRoot(), 'dist', 'index.js')).href;
const MODULES: Readonly<Record<'net' | 'ringwire', string>> = { net: 'node:net', ringwire: LIBRARY };
/** The first ones fill the cache of the file system. */
const WARM_TIMES = 2;

/** Milliseconds that the import takes in a new process: the median of some. */
export async function importMs(contestant: 'net' | 'ringwire', times: number): Promise<number> {
  const module = JSON.stringify(MODULES[contestant]);
  const program = `const start = performance.now(); await import(${module}); console.log(performance.now() - start);`;
  const taken: number[] = [];
  for (let time = -WARM_TIMES; time < times; time++) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    if (time >= 0) taken.push(Number(stdout));
  }
  return median(taken);
}

/** Milliseconds from the call of `connect` until the first request is answered: the median of so many connects of a process that is warm. */
export async function firstAnswerMs(times: number): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-start-'));
  const socket = path.join(folder, 's');
  const server = spawn(process.execPath, [PROGRAM, 'serve', socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    const ask = [PROGRAM, 'ask', socket, String(Math.ceil(times * 1.2))];
    const { stdout } = await promisify(execFile)(process.execPath, ask);
    const { taken } = JSON.parse(stdout) as { taken: number[] };
    return median(taken.slice(-times));
  } finally {
    server.kill();
    await once(server, 'exit');
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
