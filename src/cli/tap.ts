/** `ringwire tap`: stands between two programs, passes every byte on unchanged, and shows what it sees. */
import fs from 'node:fs';
import net from 'node:net';
import { addressOf, type Place, placeOf } from '../api/address.ts';
import { freePath } from '../transports/local-path.ts';
import { Observer, type Observed, valueOf } from './observer.ts';
import { ADDRESS_HELP, shown } from './peer-options.ts';
import { type Recorded, recordedLine } from './recording.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const TAP_HELP = `Usage: ringwire tap [options] <listen-address> <target-address>

Listens on the first address and passes every connection on to the second, byte for byte. Prints each message of both directions, on
the ringwire wire and on node-ipc's. What is inside tls: stays secret; tap the tcp: side.

${ADDRESS_HELP}
Options:
  --record <file>    write every message to this file, for 'ringwire replay'
  --control          show hello, announce, ping and goodbye as well
  --connections <n>  stop when so many connections have ended
  --json             print lines of JSON
  --help

Exit codes: 0 stopped, 2 a mistake in the arguments or an address that cannot be listened on.

Example:
  ringwire tap ipc://world-tap ipc://world --record world.ndjson
`;

const OPTIONS = {
  record: { type: 'string' },
  control: { type: 'boolean', default: false },
  connections: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function tap(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, TAP_HELP);
  if (values.help) {
    process.stdout.write(TAP_HELP);
    return 0;
  }
  const [from, to, ...more] = positionals;
  if (from === undefined || to === undefined) throw new UsageError('give two addresses', TAP_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, TAP_HELP);
  const most = readNumber('connections', values.connections, 0, TAP_HELP);
  const record = values.record === undefined ? undefined : fs.createWriteStream(values.record);
  const start = performance.now();
  const show = (connection: number, side: Recorded['from'], observed: Observed): void => {
    const t = Math.round((performance.now() - start) * 1e3) / 1e3;
    const isControl = observed.codec === 'control';
    if (!isControl) record?.write(recordedLine(t, connection, side, observed));
    if (isControl && !values.control) return;
    process.stdout.write(lineOf(t, connection, side, observed, values.json));
  };
  await serve(placeOf(from), placeOf(to), show, most);
  if (record !== undefined) await new Promise<void>((resolve) => record.end(resolve));
  return 0;
}

type Show = (connection: number, side: Recorded['from'], observed: Observed) => void;

/** Settles when it was told to stop, or when `most` connections have ended. */
async function serve(from: Place, to: Place, show: Show, most: number): Promise<void> {
  if (from.kind === 'unix') await freePath(from.path);
  const sockets = new Set<net.Socket>();
  let [opened, ended] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    };
    const server = net.createServer({ allowHalfOpen: true }, (client) => {
      const number = ++opened;
      const target = open(to);
      join(client, target, new Observer((observed) => show(number, 'client', observed)));
      join(target, client, new Observer((observed) => show(number, 'server', observed)));
      for (const socket of [client, target]) {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      }
      client.once('close', () => {
        ended++;
        if (ended === most) stop();
      });
    });
    server.once('error', reject);
    server.listen(from.kind === 'unix' ? { path: from.path } : { host: from.host, port: from.port }, () => {
      const { port } = server.address() as net.AddressInfo;
      const place = from.kind === 'unix' ? from : { ...from, port };
      process.stderr.write(`listening on ${addressOf(place)}, passing on to ${addressOf(to)}\n`);
    });
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
}

function open(to: Place): net.Socket {
  const base = { allowHalfOpen: true };
  return net.connect(
    to.kind === 'unix' ? { ...base, path: to.path } : { ...base, host: to.host, port: to.port },
  );
}

/** One direction: a slow reader slows its writer, an end is passed on, a failure ends both. */
function join(source: net.Socket, sink: net.Socket, observer: Observer): void {
  let told = false;
  source.on('data', (chunk: Buffer) => {
    if (!sink.write(chunk)) {
      source.pause();
      sink.once('drain', () => source.resume());
    }
    observer.read(chunk);
    if (observer.lost === undefined || told) return;
    told = true;
    process.stderr.write(`ringwire: the rest of this direction is only passed on: ${observer.lost}\n`);
  });
  source.on('end', () => sink.end());
  source.on('error', (error) => {
    process.stderr.write(`ringwire: ${error.message}\n`);
    sink.destroy();
  });
}

function lineOf(
  t: number,
  connection: number,
  side: Recorded['from'],
  observed: Observed,
  json: boolean,
): string {
  const data = observed.codec === 'control' ? undefined : valueOf(observed);
  const { event, codec, kind, correlation, payload } = observed;
  if (json) {
    const line = { t, connection, from: side, event, codec, kind, correlation, bytes: payload.length };
    return `${JSON.stringify(line).slice(0, -1)},"data":${shown(data) || 'null'}}\n`;
  }
  const arrow = side === 'client' ? '->' : '<-';
  const what = kind === 'message' ? event : `${event} (${kind} ${correlation})`;
  return (
    `${(t / 1e3).toFixed(6).padStart(11)} #${connection} ${arrow} ${what} ${codec === 'control' ? '' : shown(data)}`.trimEnd() +
    '\n'
  );
}
