/** `ringwire listen`: a server that prints what it gets. */
import { once } from 'node:events';
import { placeOf } from '../api/address.ts';
import { listen as listenOn } from '../api/api.ts';
import type { ListenOptions } from '../api/options.ts';
import type { PeerServer } from '../api/server.ts';
import { CODEC_OPTION, CONNECT_OPTIONS, MESSAGE_ADDRESS_HELP, peerSettings, shown } from './peer-options.ts';
import { printable } from './style.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const LISTEN_HELP = `Usage: ringwire listen [options] <address>

Prints every message that arrives, one line each: the event and its data.

${MESSAGE_ADDRESS_HELP}
Options:
  --echo             send every message back to its sender
  --count <n>        stop after so many messages
  --inspect          let 'ringwire top' look
  --cert <file>      certificate and
  --key <file>       key, for a tls: address; 'ringwire certs' makes them
  --json             print lines of JSON: {"event","data","peer"}
  --help

Exit codes: 0 stopped, 2 a mistake in the arguments or an address that cannot be listened on.

Example:
  ringwire listen ipc://world --echo
`;

const OPTIONS = {
  ...CONNECT_OPTIONS,
  ...CODEC_OPTION,
  echo: { type: 'boolean', default: false },
  inspect: { type: 'boolean', default: false },
  count: { type: 'string', default: '0' },
  cert: { type: 'string' },
  key: { type: 'string' },
} as const;

/** @returns the exit code */
export async function listen(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, LISTEN_HELP);
  if (values.help) {
    process.stdout.write(LISTEN_HELP);
    return 0;
  }
  const [address, ...more] = positionals;
  if (address === undefined) throw new UsageError('an address is missing', LISTEN_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, LISTEN_HELP);
  const count = readNumber('count', values.count, 0, LISTEN_HELP);
  const { codec } = peerSettings(values, LISTEN_HELP);
  const { cert, key } = values;
  const tls = { ...(cert && { public: cert }), ...(key && { private: key }) };
  const server = await open(address, { codec, tls, inspect: values.inspect });
  process.stderr.write(`listening on ${server.address}\n`);
  process.once('SIGINT', () => void server.close());
  process.once('SIGTERM', () => void server.close());
  const closed = new Promise<void>((resolve) => server.lifecycle.once('close', resolve));
  server.lifecycle.on('error', (error) => void process.stderr.write(`ringwire: ${error.message}\n`));
  print(server, { json: values.json, echo: values.echo, count });
  await closed;
  if (process.stdout.writableLength > 0) await once(process.stdout, 'drain');
  return 0;
}

/** What the servers of both kinds have. */
type Printed = Pick<PeerServer, 'address' | 'on' | 'close' | 'lifecycle'>;

/** @throws UsageError for what UDP has not */
async function open(address: string, options: ListenOptions): Promise<Printed> {
  const place = placeOf(address);
  if (place.kind !== 'udp') return listenOn(address, options);
  if (options.inspect) throw new UsageError('--inspect needs connections: UDP has none', LISTEN_HELP);
  const { host, port } = place;
  const { codec = 'msgpack' } = options;
  return (await listenOn({ host, port, udp: true }, { codec })) as never;
}

interface Printing {
  readonly json: boolean;
  readonly echo: boolean;
  readonly count: number;
}

function print(server: Printed, { json, echo, count }: Printing): void {
  let seen = 0;
  const all = (
    event: string,
    data: unknown,
    peer: { id: string; send: (event: string, data: unknown) => boolean },
  ): void => {
    if (count > 0 && seen === count) return;
    seen++;
    if (echo) peer.send(event, data);
    const line = json
      ? `{"event":${JSON.stringify(event)},"data":${shown(data) || 'null'},"peer":${JSON.stringify(peer.id)}}`
      : `${printable(event)} ${shown(data)}`.trimEnd();
    process.stdout.write(`${line}\n`);
    if (seen === count) void server.close();
  };
  server.on('*', all as never);
}
