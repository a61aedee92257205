/**
 * A program that needs the daemon again and again: for each line on stdin it connects, asks who serves, closes, and prints the process id, or what went
 * wrong. It leaves a file for each daemon that it started. `node starter.js <folder> <version> <idle milliseconds> <replace>`.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { connectDaemon } from '../../src/daemon/daemon.ts';

const [folder = '', version = '', idleMs = '', replace = ''] = process.argv.slice(2);

// A daemon that has been started counts before it can say so itself: on a busy machine it may lose its race long after the others have an answer.
const { spawn } = childProcess;
childProcess.spawn = ((...args: Parameters<typeof spawn>) => {
  const child = spawn(...args);
  fs.writeFileSync(path.join(folder, `started-${child.pid}`), '');
  return child;
}) as typeof spawn;
syncBuiltinESMExports();

async function who(): Promise<string> {
  try {
    const client = await connectDaemon('tested', {
      script: new URL('program.js', import.meta.url),
      args: [folder, version, idleMs],
      address: `unix:${path.join(folder, 's')}`,
      version,
      replace: replace === 'replace',
      reconnect: false,
      timeout: 60_000,
    });
    const { pid } = (await client.request('who')) as { pid: number };
    await client.close();
    return `${pid} ${client.id}`;
  } catch (error) {
    return `failed: ${String(error)}`;
  }
}

console.log('ready');
for await (const _line of readline.createInterface({ input: process.stdin })) console.log(await who());
