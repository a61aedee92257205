/**
 * A program as users write it, for either package and either role: `program <subject> <scenario as JSON>`. It prints one
 * JSON line for each event and obeys commands on its standard input: a server `news` and `stop`, a client `dial <prefix>
 * <count> [sync]`, `leave` and `stop`. The test compares what such processes print.
 *
 * It judges nothing. Invariant: it does the same with both packages; only the import differs.
 */
import { createInterface } from 'node:readline';
import { loadSubject, type Client, type Ipc, type Peer, type SubjectName } from './subjects.ts';

export interface Scenario {
  readonly role: 'server' | 'client';
  readonly transport: 'unix' | 'tcp' | 'tls';
  /** Of the socket file; unused on the network. */
  readonly path: string;
  readonly port: number;
  readonly tls?: object;
  readonly raw: boolean;
  /** Messages that each client sends whenever it has connected. */
  readonly messages: number;
}

/** Every kind of byte that text handling would spoil. */
const RECORD = Buffer.from('007f80ff0c0a00c3', 'hex');
const NEWS = Buffer.from('fffe00', 'hex');

const [, , name, json] = process.argv as [string, string, SubjectName, string];
const scenario = JSON.parse(json) as Scenario;
const { default: singleton } = await loadSubject(name);
const { raw } = scenario;

function tell(event: string, details: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

function configure(sync: boolean): Ipc {
  const ipc = new singleton.IPC();
  const { tls } = scenario;
  const encoding = raw ? 'hex' : 'utf8';
  Object.assign(ipc.config, { silent: true, retry: 30, rawBuffer: raw, encoding, sync, tls: tls ?? false });
  return ipc;
}

function serve(ipc: Ipc): void {
  if (scenario.transport === 'unix') ipc.serve(scenario.path);
  else ipc.serveNet('127.0.0.1', scenario.port);
  const { server } = ipc;
  const bytes = new Map<Peer, string>();
  server.on('start', () => tell('start'));
  server.on('error', (error: Error) => tell('error', { message: error.message }));
  server.on('connect', () => tell('connect'));
  server.on('hello', (data: { id: string; n: number }, socket: Peer) => {
    tell('hello', data);
    server.emit(socket, 'answer', data.n);
  });
  if (raw) {
    server.on('data', (data: Buffer, socket: Peer) => {
      bytes.set(socket, (bytes.get(socket) ?? '') + data.toString('hex'));
      server.emit(socket, data);
    });
  }
  server.on('socket.disconnected', (socket: Peer, id: unknown) => {
    tell('gone', { id, bytes: bytes.get(socket) ?? '' });
  });
  obey({ news: () => (raw ? server.broadcast(NEWS) : server.broadcast('news', 'for all')), stop });
  server.start();
}

function connect(id: string, sync: boolean): Ipc {
  const ipc = configure(sync);
  ipc.config.id = id;
  const connected = (): void => {
    for (const world of Object.values(ipc.of)) talk(world, id); // there is but one
  };
  if (scenario.transport === 'unix') ipc.connectTo('world', scenario.path, connected);
  else ipc.connectToNet('world', '127.0.0.1', scenario.port, connected);
  return ipc;
}

function talk(world: Client, id: string): void {
  let bytes = '';
  world.on('connect', () => {
    tell('connect', { id });
    for (let n = 1; n <= scenario.messages; n++) {
      if (raw) world.emit(Buffer.concat([Buffer.from([n]), RECORD]));
      else world.emit('hello', { id, n });
    }
  });
  world.on('disconnect', () => tell('disconnect', { id }));
  world.on('answer', (n: number) => tell('answer', { id, n }));
  world.on('news', (text: string) => tell('news', { id, text }));
  if (!raw) return;
  world.on('data', (data: Buffer) => {
    bytes += data.toString('hex');
    tell('bytes', { id, bytes });
  });
}

function obey(commands: Record<string, (...words: string[]) => void>): void {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [command, ...words] = line.split(' ');
    commands[command as string]?.(...words);
  });
}

function stop(): void {
  process.exit();
}

if (scenario.role === 'server') {
  serve(configure(false));
} else {
  const ipcs: Ipc[] = []; // each client is an instance of its own
  obey({
    dial: (prefix, count, sync) => {
      for (let at = 0; at < Number(count); at++) ipcs.push(connect(`${prefix}${at}`, sync === 'sync'));
    },
    leave: () => {
      for (const ipc of ipcs.splice(0)) ipc.disconnect('world');
    },
    stop,
  });
  tell('ready');
}
