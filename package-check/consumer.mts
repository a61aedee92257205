/**
 * What an ES module that installed the package writes: it has to compile with every TypeScript that is supported, and to run.
 *
 * Lines that must not compile are marked; a compiler that accepts one says so.
 */
import ipc, {
  connect,
  defineProtocol,
  defineStruct,
  IPC,
  IPCModule,
  listen,
  type PeerClient,
  RingwireError,
  type ServerPeer,
  typed,
} from 'ringwire';
import { connectDaemon, runDaemon } from 'ringwire/daemon';
import { openTelemetry } from 'ringwire/otel';
import { LengthPrefixedParser, ReceiveRing } from 'ringwire/wire';

interface Events {
  reading: { celsius: number };
  alarm: string;
}

const protocol = defineProtocol({
  events: { progress: { id: 1, schema: typed<{ done: number }>() } },
  requests: {
    resize: { id: 2, input: typed<{ width: number }>(), output: typed<{ bytes: number }>() },
    rows: { id: 3, input: typed<{ count: number }>(), items: typed<{ row: number }>() },
  },
});

export async function typesOnly(client: PeerClient): Promise<void> {
  const sensors = await connect<Events>('ipc://sensors');
  sensors.send('alarm', 'too hot');
  sensors.on('reading', ({ celsius }) => celsius.toFixed(1));
  // @ts-expect-error an alarm is a string
  sensors.send('alarm', 1);
  for await (const text of sensors.messages('alarm', { overflow: 'latest' })) text.toUpperCase();
  client.send('anything', { of: 'any shape' });
  const daemon = await connectDaemon('thumbs', { script: 'thumbs.mjs' });
  await daemon.close();
  await (await runDaemon('thumbs')).close();
}

function idOf(peer: ServerPeer): string {
  return peer.id;
}

const server = await listen({ port: 0 }, { protocol });
server.handle('resize', async ({ width }, { peer }) => {
  peer.send('progress', { done: 0.5 });
  return { bytes: width * 64 };
});
server.handle('rows', async function* ({ count }) {
  for (let row = 1; row <= count; row++) yield { row };
});
server.lifecycle.on('connect', (peer) => void idOf(peer));

const client = await connect(server.address, { protocol, tracer: openTelemetry() });
const { bytes } = await client.request('resize', { width: 2 }, { timeout: 5_000 });
let sum = 0;
for await (const { row } of client.stream('rows', { count: 4 })) sum += row;
await client.close();
await server.close();

const Pose = defineStruct('pose', { x: 'f32', y: 'f32' });
const { x } = Pose.decode(Pose.encode({ x: 1, y: 2 }));

const own: IPC = new IPCModule();
own.config.silent = true;
ipc.config.codec = 'msgpack';
ipc.serve('/tmp/never-started', () => {});
const error = new RingwireError('ERR_RINGWIRE_FLOOD', 'a text');
const parser = new LengthPrefixedParser(new ReceiveRing(), 1_024);

const seen = [bytes, sum, x, own instanceof IPC, error.code, typeof parser.next];
const expected = [128, 10, 1, true, 'ERR_RINGWIRE_FLOOD', 'function'];
if (JSON.stringify(seen) !== JSON.stringify(expected)) throw new Error(`seen ${JSON.stringify(seen)}`);
console.log('ok');
