/** `ringwire replay`: sends what a client sent once more, at the speed it was recorded or another. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../api/api.ts';
import { valueOf } from './observer.ts';
import { ADDRESS_HELP, CODEC_OPTION, CONNECT_OPTIONS, peerSettings } from './peer-options.ts';
import { type Recorded, readRecording } from './recording.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const REPLAY_HELP = `Usage: ringwire replay [options] <file> <address>

Sends the messages of the clients in a recording of 'ringwire tap --record' to this address, over one connection, with the pauses
that they had. Requests are asked again; their answers are not compared.

${ADDRESS_HELP}
Options:
  --speed <factor>   2 is twice as fast, 0 without pauses (default 1)
  --codec <codec>    msgpack (default), json or raw; raw messages are sent raw in any case
  --ca <file>        the authority to trust, for tls: addresses
  --insecure         accept any certificate
  --json             print {"sent","milliseconds"}
  --help

Exit codes: 0 sent, 2 a mistake in the arguments, the file, or nobody there.

Example:
  ringwire replay world.ndjson ipc://world --speed 10
`;

const OPTIONS = { ...CONNECT_OPTIONS, ...CODEC_OPTION, speed: { type: 'string', default: '1' } } as const;

/** @returns the exit code */
export async function replay(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, REPLAY_HELP);
  if (values.help) {
    process.stdout.write(REPLAY_HELP);
    return 0;
  }
  const [file, address, ...more] = positionals;
  if (file === undefined || address === undefined)
    throw new UsageError('give a file and an address', REPLAY_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, REPLAY_HELP);
  const speed = readNumber('speed', values.speed, 0, REPLAY_HELP);
  const settings = peerSettings(values, REPLAY_HELP);
  const messages = read(file).filter(
    ({ from, kind }) => from === 'client' && (kind === 'message' || kind === 'request'),
  );
  const isRaw = new Set(messages.filter(({ codec }) => codec === 'raw').map(({ event }) => event));
  const events = Object.fromEntries([...isRaw].map((event) => [event, { codec: 'raw' as const }]));
  const client = await connect(address, { ...settings, protocol: { events }, reconnect: false });
  const start = performance.now();
  const first = messages[0]?.t ?? 0;
  for (const message of messages) {
    if (speed > 0) {
      const wait = (message.t - first) / speed - (performance.now() - start);
      if (wait > 1) await pause(wait);
    }
    const data = valueOf({ ...message, payload: Buffer.from(message.payload, 'base64') });
    if (message.kind === 'request')
      await client.request(message.event as never, data as never).catch(() => {});
    else if (!client.send(message.event as never, data as never)) await client.drained();
  }
  await client.close();
  const milliseconds = Math.round(performance.now() - start);
  if (values.json) process.stdout.write(`${JSON.stringify({ sent: messages.length, milliseconds })}\n`);
  else process.stderr.write(`sent ${messages.length} messages in ${milliseconds} ms\n`);
  return 0;
}

function read(file: string): Recorded[] {
  try {
    return readRecording(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError(`there is no file ${file}`, REPLAY_HELP);
    throw error;
  }
}
