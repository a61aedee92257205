/**
 * A process that accepts connections and does nothing with them: `node --expose-gc idle-server.js net|ringwire <path>`. For each line that it is sent
 * it prints one JSON line with its resident memory.
 */
import net from 'node:net';
import { IPC } from '../../src/index.ts';

const [contestant, path = ''] = process.argv.slice(2);

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const listening = (): void => print({ listening: true });
if (contestant === 'net') net.createServer((socket) => socket.resume()).listen(path, listening);
else {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, maxConnections: 100_000 });
  ipc.serve(path, listening);
  if (ipc.server !== false) ipc.server.start();
}
process.stdin.on('data', () => {
  for (let round = 0; round < 3; round++) globalThis.gc?.();
  // Freed pages go back to the system a moment later.
  setTimeout(() => print({ rss: process.memoryUsage().rss }), 200);
});
