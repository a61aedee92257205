/** What a server that was killed leaves behind, without killing one: a socket is closed by the name that it was bound to, and has another. */
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';

/** @param path where nothing is yet */
export async function leaveRemains(path: string): Promise<void> {
  const server = net.createServer().listen(`${path}-`);
  await once(server, 'listening');
  fs.linkSync(`${path}-`, path);
  server.close();
  await once(server, 'close');
}
