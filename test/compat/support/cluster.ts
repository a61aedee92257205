/**
 * The README's server with the cluster module: the primary takes care of the socket's path, its workers all listen on it.
 * `cluster <subject> <path> <workers>` prints JSON lines: who listens, who got what.
 *
 * It judges nothing. Invariant: all ends when the primary's standard input closes.
 */
import cluster from 'node:cluster';
import fs from 'node:fs';
import { loadSubject, type SubjectName } from './subjects.ts';

const [, , name, socketPath, workers] = process.argv as [string, string, SubjectName, string, string];
const { pid } = process;

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function work(): Promise<void> {
  const ipc = new (await loadSubject(name)).default.IPC();
  ipc.config.silent = true;
  ipc.config.unlink = false;
  ipc.serve(socketPath, () => {
    tell({ event: 'listening', pid });
    ipc.server.on('currentDate', (data: object) => tell({ event: 'currentDate', pid, data }));
  });
  ipc.server.start();
}

if (cluster.isPrimary) {
  if (fs.existsSync(socketPath)) fs.unlinkSync(socketPath);
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.stdin
    .on('close', () => {
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill();
      process.exit();
    })
    .resume();
} else {
  await work();
}
