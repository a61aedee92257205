/** `ringwire doctor`: why does a connect fail? It looks step by step, from the file to the greeting, and says what to do about the first thing that is wrong. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { addressOf, type Place } from '../api/address.ts';
import { connect } from '../api/api.ts';
import type { Protocol } from '../api/protocol.ts';
import type { RingwireError } from '../errors.ts';
import {
  ADDRESS_HELP,
  PEER_HELP,
  CODEC_OPTION,
  CONNECT_OPTIONS,
  connectionPlace,
  peerSettings,
  type PeerSettings,
} from './peer-options.ts';
import { type Paint, paintFor } from './style.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';
import { knownEvents } from './values.ts';

const DOCTOR_HELP = `Usage: ringwire doctor [options] <address>

Explains why a connect to this address fails: the path, its owner and rights, a stale socket, nobody listening, a server that does not
speak the ringwire wire, another version, a schema that differs, a certificate that is not trusted.

${ADDRESS_HELP}
Options:
${PEER_HELP}  --schema <file>    compare the structs of this schema with the server's
  --timeout <ms>     for the connection, and for the greeting (default 5000)
  --json             print the checks as JSON
  --help

Exit codes: 0 the connection works, 1 it does not, 2 a mistake in the arguments.

Examples:
  ringwire doctor ipc://world
  ringwire doctor tcp://127.0.0.1:8000 --schema messages.json
`;

interface Settings extends PeerSettings {
  readonly timeout: number;
  readonly protocol: Protocol;
}

interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice?: string;
}

/** @returns the exit code */
export async function doctor(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(
    words,
    {
      ...CONNECT_OPTIONS,
      ...CODEC_OPTION,
      schema: { type: 'string' },
      timeout: { type: 'string', default: '5000' },
    } as const,
    DOCTOR_HELP,
  );
  if (values.help) {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  const [address, ...more] = positionals;
  if (address === undefined) throw new UsageError('an address is missing', DOCTOR_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, DOCTOR_HELP);
  const { structs } = await knownEvents(values.schema);
  const events = Object.fromEntries([...structs].map(([name, codec]) => [name, { codec }]));
  const timeout = readNumber('timeout', values.timeout, 1, DOCTOR_HELP);
  const settings = { ...peerSettings(values, DOCTOR_HELP), protocol: { events }, timeout };
  const checks = await examine(connectionPlace(address, DOCTOR_HELP), settings);
  if (values.json) process.stdout.write(`${JSON.stringify(checks)}\n`);
  else for (const check of checks) process.stdout.write(lineOf(check, paintFor(process.stdout)));
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

async function examine(place: Place, settings: Settings): Promise<Check[]> {
  const checks: Check[] = [];
  for (const look of [lookAtFile, lookAtSocket, lookAtGreeting]) {
    const check = await look(place, settings);
    if (check === undefined) continue;
    checks.push(check);
    if (!check.ok) break;
  }
  return checks;
}

function lookAtFile(place: Place): Check | undefined {
  if (place.kind !== 'unix' || process.platform === 'win32' || place.path.startsWith('\0')) return undefined;
  const what = `the file ${place.path}`;
  const closed = closedFolder(place.path);
  if (closed !== undefined)
    return bad(
      what,
      `lies in ${closed}, which you may not enter`,
      'run as the user of the server, or choose a path in a folder that both may enter',
    );
  const stats = fs.lstatSync(place.path, { throwIfNoEntry: false });
  if (stats === undefined)
    return bad(
      what,
      'is not there',
      'start the server, or compare its path with this one: socketRoot + appspace + id',
    );
  if (!stats.isSocket())
    return bad(
      what,
      'is no socket',
      'choose another path; ringwire does not remove files that are no sockets',
    );
  const owner = stats.uid === process.getuid?.() ? 'yours' : `of the user ${stats.uid}`;
  const mode = (stats.mode & 0o777).toString(8).padStart(3, '0');
  try {
    fs.accessSync(place.path, fs.constants.W_OK);
  } catch {
    return bad(
      what,
      `is ${owner} with mode ${mode}: you may not write to it`,
      'run as its user, or set readableAll and writableAll at the server',
    );
  }
  return { what, ok: true, found: `is a socket, ${owner}, mode ${mode}` };
}

/** The first folder on the way that this user may not enter. */
function closedFolder(file: string): string | undefined {
  const parts = path.resolve(file).split(path.sep).slice(0, -1);
  const folders = parts.map((_, at) => parts.slice(0, at + 1).join(path.sep) || path.sep);
  return folders.find((folder) => {
    try {
      fs.accessSync(folder, fs.constants.X_OK);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES';
    }
  });
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens on this port: start the server, or compare the port',
  EACCES: 'you may not connect: look at the rights of the file and its folders',
  ETIMEDOUT: 'the host does not answer: a firewall, or a wrong address',
  EHOSTUNREACH: 'there is no way to the host: look at the network',
  ENOTFOUND: 'no such name: look at the spelling and at the name server',
  EAGAIN: "the server's queue of connects is full: it is stopped, or too busy to accept",
};

const STALE_ADVICE =
  'its server died and left the file behind: start the server again, which takes the file over';

function lookAtSocket(place: Place, { timeout }: Settings): Promise<Check> {
  const what = `connecting to ${addressOf(place)}`;
  return new Promise((resolve) => {
    const socket = place.kind === 'unix' ? net.connect(place.path) : net.connect(place.port, place.host);
    const settle = (check: Check): void => {
      socket.destroy();
      resolve(check);
    };
    socket.setTimeout(timeout, () =>
      settle(bad(what, `no answer within ${timeout} ms`, ADVICE['ETIMEDOUT'] as string)),
    );
    socket.once('connect', () => settle({ what, ok: true, found: 'somebody listens' }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const isStale = place.kind === 'unix' && error.code === 'ECONNREFUSED';
      const advice = isStale ? STALE_ADVICE : (ADVICE[error.code ?? ''] ?? 'the system said no');
      settle(bad(what, isStale ? `${error.message}: a stale socket` : error.message, advice));
    });
  });
}

const GREETING_ADVICE: Readonly<Record<string, string>> = {
  ERR_RINGWIRE_CONNECT_TIMEOUT:
    'it listens and does not greet: a node-ipc server (use the node-ipc face without codec), another program, or one that is stopped',
  ERR_RINGWIRE_HANDSHAKE_TIMEOUT:
    'it listens and does not greet: a node-ipc server (use the node-ipc face without codec), or another program',
  ERR_RINGWIRE_BAD_MAGIC: 'it speaks another protocol: look at the address, and at tls: against tcp:',
  ERR_RINGWIRE_BAD_VERSION: 'it speaks another version of the wire: update the older side',
  ERR_RINGWIRE_BAD_CODEC: 'it does not speak this codec: choose another with --codec',
  ERR_RINGWIRE_TOO_MANY_CONNECTIONS: 'it has as many connections as it takes: raise its maxConnections',
  ERR_RINGWIRE_PEER_GOODBYE:
    'it closed and gave this reason; the server has the rest of the story in its log',
  ERR_RINGWIRE_SCHEMA_MISMATCH: 'the two sides define a struct differently: generate both from one schema',
};

async function lookAtGreeting(place: Place, settings: Settings): Promise<Check> {
  const what = 'the greeting';
  try {
    const client = await connect(addressOf(place), { ...settings, reconnect: false });
    const found = `the peer calls itself ${JSON.stringify(client.id)}`;
    await client.close();
    return { what, ok: true, found };
  } catch (error) {
    const { code, message } = error as RingwireError;
    const isTls = place.kind === 'tls' && !String(code).startsWith('ERR_RINGWIRE');
    const advice = isTls
      ? 'the certificate is not trusted, or this is no TLS: give its authority with --ca, and connect by a name that is in the certificate'
      : (GREETING_ADVICE[saidBy(message)] ??
        GREETING_ADVICE[code] ??
        'it closed the connection before it had greeted: look into its log, and at its maxConnections');
    return bad(what, message, advice);
  }
}

/** The reason that the peer gave for closing; nothing where it gave none. */
function saidBy(message: string): string {
  return /^the peer closed with (ERR_RINGWIRE_\w+)/.exec(message)?.[1] ?? '';
}

function bad(what: string, found: string, advice: string): Check {
  return { what, ok: false, found, advice };
}

function lineOf({ what, ok, found, advice }: Check, paint: Paint): string {
  return `${ok ? paint('green', 'ok  ') : paint('red', 'FAIL')} ${what}: ${found}\n${advice === undefined ? '' : `     ${advice}\n`}`;
}
