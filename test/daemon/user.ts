/** A program that needs the daemon: `node user.js <folder>` prints the daemon's process id. */
import path from 'node:path';
import { connectDaemon } from '../../src/daemon/daemon.ts';

const [folder = ''] = process.argv.slice(2);
const client = await connectDaemon('tested', {
  script: new URL('program.js', import.meta.url),
  args: [folder, '1', '60000'],
  address: `unix:${path.join(folder, 's')}`,
  timeout: 60_000,
});
const { pid } = (await client.request('who')) as { pid: number };
console.log(pid);
await client.close();
