/** `ringwire replay`: sends what clients sent once more, at the speed it was recorded or another. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Place } from '../api/address.ts';
import {
  ADDRESS_HELP,
  CONNECT_OPTIONS,
  connectionPlace,
  TRUST_HELP,
  type TrustSettings,
  trustSettings,
} from './peer-options.ts';
import { type Recorded, readRecording } from './recording.ts';
import { ReplayConnection } from './replay-connection.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const REPLAY_HELP = `Usage: ringwire replay [options] <file> <address>

Sends what the clients in a recording of 'ringwire record' said to this address: each recorded connection over one of its own, on the wire
that it spoke, payload by payload as it was, with the pauses that there were. Answers are counted, not compared.

${ADDRESS_HELP}
Options:
  --speed <factor>   2 is twice as fast, 0 without pauses (default 1)
  --timeout <ms>     for the answers, once everything is sent (default 5000)
${TRUST_HELP}  --json             print {"sent","connections","answers","errors","unanswered","milliseconds"}
  --help

Exit codes: 0 sent, 2 a mistake in the arguments, the file, nobody there, or a connection that was lost.

Examples:
  ringwire replay world.ndjson ipc://world --speed 10
  ringwire replay world.ndjson tcp://127.0.0.1:8000 --speed 0 --json
`;

const OPTIONS = {
  ...CONNECT_OPTIONS,
  speed: { type: 'string', default: '1' },
  timeout: { type: 'string', default: '5000' },
} as const;

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
  const timeoutMs = readNumber('timeout', values.timeout, 0, REPLAY_HELP);
  const settings = { speed, timeoutMs, trust: trustSettings(values, REPLAY_HELP) };
  const replayed = await sendAll(clientsOf(file), connectionPlace(address, REPLAY_HELP), settings);
  if (values.json) process.stdout.write(`${JSON.stringify(replayed)}\n`);
  else process.stderr.write(textOf(replayed));
  return 0;
}

interface Settings {
  readonly speed: number;
  readonly timeoutMs: number;
  readonly trust: TrustSettings;
}

interface Replayed {
  /** Messages and requests. */
  readonly sent: number;
  readonly connections: number;
  readonly answers: number;
  readonly errors: number;
  readonly unanswered: number;
  readonly milliseconds: number;
}

async function sendAll(
  recording: AsyncIterable<Recorded>,
  place: Place,
  { speed, timeoutMs, trust }: Settings,
): Promise<Replayed> {
  const connections = new Map<number, ReplayConnection>();
  const failure = new AbortController();
  let start = performance.now();
  let first = 0;
  let [sent, unanswered] = [0, 0];
  for await (const recorded of recording) {
    const wait =
      speed === 0 || connections.size === 0 ? 0 : (recorded.t - first) / speed - (performance.now() - start);
    // A failure ends the pause.
    if (wait > 1) await pause(wait, undefined, { signal: failure.signal }).catch(() => {});
    failure.signal.throwIfAborted();
    let connection = connections.get(recorded.connection);
    if (connection === undefined) {
      connection = new ReplayConnection(place, trust, recorded, (error) => failure.abort(error));
      await connection.ready;
      failure.signal.throwIfAborted();
      // Pauses count from the first message on.
      if (connections.size === 0) [start, first] = [performance.now(), recorded.t];
      connections.set(recorded.connection, connection);
    }
    await connection.send(recorded);
    if (recorded.kind === 'message' || recorded.kind === 'request') sent++;
  }
  const all = [...connections.values()];
  for (const missing of await Promise.all(all.map((each) => each.end(timeoutMs)))) unanswered += missing;
  failure.signal.throwIfAborted();
  const sum = (count: (each: ReplayConnection) => number): number =>
    all.reduce((total, each) => total + count(each), 0);
  const [answers, errors] = [sum((each) => each.answers), sum((each) => each.errors)];
  const milliseconds = Math.round(performance.now() - start);
  return { sent, connections: all.length, answers, errors, unanswered, milliseconds };
}

async function* clientsOf(file: string): AsyncGenerator<Recorded> {
  try {
    for await (const recorded of readRecording(file)) if (recorded.from === 'client') yield recorded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError(`there is no file ${file}`, REPLAY_HELP);
    throw error;
  }
}

function textOf({ sent, connections, answers, errors, unanswered, milliseconds }: Replayed): string {
  const asked = answers + errors + unanswered;
  const requests =
    asked === 0
      ? ''
      : `; of ${asked} requests ${answers} answered, ${errors} with an error, ${unanswered} not`;
  return `sent ${sent} messages over ${connections} connections in ${milliseconds} ms${requests}\n`;
}
