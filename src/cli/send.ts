/** `ringwire send`: messages from a command line or a pipe. */
import { placeOf } from '../api/address.ts';
import { connect } from '../api/api.ts';
import type { PeerClient } from '../api/client.ts';
import type { DatagramClient } from '../api/datagram/client.ts';
import {
  MESSAGE_ADDRESS_HELP,
  PEER_HELP,
  CODEC_OPTION,
  CONNECT_OPTIONS,
  peerSettings,
  type PeerSettings,
  readData,
} from './peer-options.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const SEND_HELP = `Usage: ringwire send [options] <address> <event> [data]

Sends a message. The data is JSON, a single word, @file, or - for what comes on stdin.

${MESSAGE_ADDRESS_HELP}
Options:
${PEER_HELP}  --count <n>        send it so many times (default 1)
  --timeout <ms>     for the connection (default 5000)
  --json             print what was sent as JSON
  --help

Exit codes: 0 sent, 2 a mistake in the arguments, or nobody there ('ringwire doctor <address>' explains). Over UDP nobody can tell whether
somebody is there.

Examples:
  ringwire send ipc://world message '{"text":"hello"}'
  ringwire send --codec raw tcp://127.0.0.1:8000 image @picture.png
`;

const OPTIONS = {
  ...CONNECT_OPTIONS,
  ...CODEC_OPTION,
  count: { type: 'string', default: '1' },
  timeout: { type: 'string', default: '5000' },
} as const;

/** @returns the exit code */
export async function send(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, SEND_HELP);
  if (values.help) {
    process.stdout.write(SEND_HELP);
    return 0;
  }
  const [address, event, data, ...more] = positionals;
  if (address === undefined || event === undefined)
    throw new UsageError('give an address and an event', SEND_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, SEND_HELP);
  const count = readNumber('count', values.count, 1, SEND_HELP);
  const timeout = readNumber('timeout', values.timeout, 1, SEND_HELP);
  const settings = peerSettings(values, SEND_HELP);
  const value = readData(data, settings.codec, SEND_HELP);
  const client = await open(address, { ...settings, timeout });
  for (let sent = 0; sent < count; sent++) if (!client.send(event, value)) await client.drained();
  await client.close();
  if (values.json) process.stdout.write(`${JSON.stringify({ event, count, peer: client.id })}\n`);
  else process.stderr.write(`sent ${count === 1 ? 'a message' : `${count} messages`} to ${client.id}\n`);
  return 0;
}

/** Over UDP there is nobody to trust and nothing to restore. */
function open(
  address: string,
  settings: PeerSettings & { timeout: number },
): Promise<PeerClient | DatagramClient> {
  const place = placeOf(address);
  if (place.kind !== 'udp') return connect(address, { ...settings, reconnect: false });
  const { host, port } = place;
  const { codec, timeout } = settings;
  return connect({ host, port, udp: true }, { codec, timeout });
}
