/** A daemon for the tests: it tells its process id and how often it was asked. `node program.js <folder> <version> <idle milliseconds>`. */
import fs from 'node:fs';
import path from 'node:path';
import { runDaemon } from '../../src/daemon/daemon.ts';

const [folder = '', version = '', idleMs = ''] = process.argv.slice(2);
const server = await runDaemon('tested', {
  version,
  idleMs: Number(idleMs),
  address: `unix:${path.join(folder, 's')}`,
});
fs.writeFileSync(path.join(folder, `served-${process.pid}`), '');
server.handle('who', () => ({ pid: process.pid }));
