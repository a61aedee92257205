/** `ringwire record`: stands between two programs and writes down every message, for `ringwire replay`. */
import { Observer, type Observed } from './observer.ts';
import { closeOutput, openOutput } from './outputs.ts';
import { ADDRESS_HELP, connectionPlace } from './peer-options.ts';
import { proxy, type Side } from './proxy.ts';
import { recordedLine } from './recording.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const RECORD_HELP = `Usage: ringwire record [options] <listen-address> <target-address> <file>

Listens on the first address, passes every connection on to the second, byte for byte, and writes each message of both directions to the
file: on the ringwire wire and on node-ipc's. 'ringwire replay' sends it again. Stop it with Ctrl-C. The file holds what your programs said.

${ADDRESS_HELP}
Options:
  --connections <n>  stop when so many connections have ended
  --json             print {"file","messages","connections","milliseconds"} at the end
  --help

Exit codes: 0 stopped, 2 a mistake in the arguments, a file that cannot be written, or an address that cannot be listened on.

Example:
  ringwire record ipc://world-tap ipc://world world.ndjson
`;

const OPTIONS = {
  connections: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function record(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, RECORD_HELP);
  if (values.help) {
    process.stdout.write(RECORD_HELP);
    return 0;
  }
  const [from, to, file, ...more] = positionals;
  if (from === undefined || to === undefined || file === undefined)
    throw new UsageError('give two addresses and a file', RECORD_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, RECORD_HELP);
  const connections = readNumber('connections', values.connections, 0, RECORD_HELP);
  const [listening, target] = [connectionPlace(from, RECORD_HELP), connectionPlace(to, RECORD_HELP)];
  const output = openOutput(file, RECORD_HELP);
  const start = performance.now();
  let [messages, passages] = [0, 0];
  const write = (connection: number, side: Side, observed: Observed): void => {
    if (observed.codec === 'control') return;
    messages++;
    const t = Math.round((performance.now() - start) * 1e3) / 1e3;
    output.write(recordedLine(t, connection, side, observed));
  };
  await proxy(listening, target, {
    connections,
    outputs: [output],
    watch: ({ number }) => {
      passages = number;
      return Observer.pair((side, observed) => write(number, side, observed));
    },
  });
  await closeOutput(output);
  const milliseconds = Math.round(performance.now() - start);
  const summary = { file, messages, connections: passages, milliseconds };
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stderr.write(`wrote ${messages} messages of ${passages} connections to ${file}\n`);
  return 0;
}
