/** `ringwire request`: asks a peer and prints the answer. */
import { once } from 'node:events';
import { addressOf } from '../api/address.ts';
import { connect } from '../api/api.ts';
import { RequestError } from '../api/requests/remote-error.ts';
import {
  ADDRESS_HELP,
  PEER_HELP,
  CODEC_OPTION,
  CONNECT_OPTIONS,
  connectionPlace,
  peerSettings,
  readData,
  shown,
} from './peer-options.ts';
import { printable } from './style.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const REQUEST_HELP = `Usage: ringwire request [options] <address> <name> [input]

Asks the peer and prints its answer as JSON; of a stream each item, one a line. The input is JSON, a single word, @file, or - for what comes on stdin.

${ADDRESS_HELP}
Options:
${PEER_HELP}  --timeout <ms>     for the connection, the answer, each item of a stream (default 5000)
  --json             print {"answer"}, or {"item"} for each item of a stream, or {"error":{"code","message"}}
  --help

Exit codes: 0 answered, 1 the peer answered with an error, 2 a mistake in the arguments, nobody there, or no answer.

Examples:
  ringwire request ipc://world resize '{"width":100}'
  ringwire request ipc://world rows '{"count":1000}' | head
`;

const OPTIONS = {
  ...CONNECT_OPTIONS,
  ...CODEC_OPTION,
  timeout: { type: 'string', default: '5000' },
} as const;

/** @returns the exit code */
export async function request(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, REQUEST_HELP);
  if (values.help) {
    process.stdout.write(REQUEST_HELP);
    return 0;
  }
  const [address, name, input, ...more] = positionals;
  if (address === undefined || name === undefined)
    throw new UsageError('give an address and the name of a request', REQUEST_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, REQUEST_HELP);
  const timeout = readNumber('timeout', values.timeout, 1, REQUEST_HELP);
  const settings = peerSettings(values, REQUEST_HELP);
  const value = readData(input, settings.codec, REQUEST_HELP);
  const client = await connect(addressOf(connectionPlace(address, REQUEST_HELP)), {
    ...settings,
    timeout,
    reconnect: false,
  });
  try {
    const answer = client.ask(name, value, timeout);
    for await (const each of answer) {
      const text = shown(each) || 'null';
      const line = values.json ? `{"${answer.isOneValue ? 'answer' : 'item'}":${text}}` : text;
      // The handler goes on as fast as whoever reads our output.
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
    }
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { remoteCode: code, message } = error;
    if (values.json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    else
      process.stderr.write(
        `ringwire: the peer answered with an error: ${printable(`${message}${code ? ` (${code})` : ''}`)}\n`,
      );
    return 1;
  } finally {
    await client.close();
  }
}
