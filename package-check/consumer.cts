/**
 * What a CommonJS module that installed the package writes, in each of the shapes that programs use: it has to compile with every TypeScript that is
 * supported, and to run.
 */
import ringwire = require('ringwire');
import ipc, { IPC, listen, type PeerServer } from 'ringwire';
import daemon = require('ringwire/daemon');
import otel = require('ringwire/otel');
import wire = require('ringwire/wire');

ringwire.config.silent = true;
const own: IPC = new ringwire.IPC();
own.config.retry = 100;

async function main(): Promise<void> {
  const server: PeerServer = await listen({ port: 0 });
  server.handle('double', (input) => Number(input) * 2);
  const client = await ringwire.connect(server.address);
  const doubled = await client.request('double', 21);
  await client.close();
  await server.close();
  const seen = [
    doubled,
    ringwire.default === ipc,
    (ringwire as unknown) === ipc,
    own instanceof IPC,
    ringwire.IPCModule === IPC,
    typeof daemon.connectDaemon,
    typeof otel.openTelemetry,
    typeof wire.LengthPrefixedParser,
  ];
  const expected = [42, true, true, true, true, 'function', 'function', 'function'];
  if (JSON.stringify(seen) !== JSON.stringify(expected)) throw new Error(`seen ${JSON.stringify(seen)}`);
  console.log('ok');
}

void main();
