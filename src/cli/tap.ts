/** `ringwire tap`: stands between two programs, passes every byte on unchanged, and shows what it sees. */
import { Observer, type Observed } from './observer.ts';
import { closeOutput, openOutput } from './outputs.ts';
import { PcapFile } from './pcap.ts';
import { ADDRESS_HELP, connectionPlace, shown } from './peer-options.ts';
import { proxy, type Side, type Watcher } from './proxy.ts';
import { recordedLine } from './recording.ts';
import { type Paint, paintFor, printable } from './style.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';
import { knownEvents, valueOf } from './values.ts';
import type { WireUnits } from './wire-units.ts';

const TAP_HELP = `Usage: ringwire tap [options] <listen-address> <target-address>

Listens on the first address and passes every connection on to the second, byte for byte. Prints each message of both directions, on
the ringwire wire and on node-ipc's. What is inside tls: stays secret; tap the tcp: side.

${ADDRESS_HELP}
Options:
  --schema <file>    show structs by this schema, and names of ids that both programs know
  --record <file>    write every message to this file, for 'ringwire replay'
  --pcap <file>      write everything to this capture, for Wireshark with wireshark/ringwire.lua of this package
  --control          show hello, announce, ping and goodbye as well
  --connections <n>  stop when so many connections have ended
  --json             print lines of JSON
  --help

Exit codes: 0 stopped, 2 a mistake in the arguments or an address that cannot be listened on.

Examples:
  ringwire tap ipc://world-tap ipc://world --schema messages.json
  ringwire tap ipc://world-tap ipc://world --pcap world.pcap --record world.ndjson > /dev/null
`;

const OPTIONS = {
  schema: { type: 'string' },
  record: { type: 'string' },
  pcap: { type: 'string' },
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
  const connections = readNumber('connections', values.connections, 0, TAP_HELP);
  const [listening, target] = [connectionPlace(from, TAP_HELP), connectionPlace(to, TAP_HELP)];
  const known = await knownEvents(values.schema);
  const record = values.record === undefined ? undefined : openOutput(values.record, TAP_HELP);
  const capture = values.pcap === undefined ? undefined : openOutput(values.pcap, TAP_HELP);
  const pcap = capture && new PcapFile(capture);
  const lineOf = values.json ? jsonOf : textWith(paintFor(process.stdout));
  const start = performance.now();
  const show = (connection: number, side: Side, observed: Observed): void => {
    const t = Math.round((performance.now() - start) * 1e3) / 1e3;
    const isControl = observed.codec === 'control';
    if (!isControl) record?.write(recordedLine(t, connection, side, observed));
    if (isControl && !values.control) return;
    process.stdout.write(lineOf({ t, connection, from: side, observed, value: valueOf(observed, known) }));
  };
  const files = [record, capture].filter((file) => file !== undefined);
  await proxy(listening, target, {
    connections,
    outputs: [process.stdout, ...files],
    watch: (passage) => {
      const observers = Observer.pair((side, observed) => show(passage.number, side, observed), known.names);
      if (pcap === undefined) return observers;
      const both = (side: Side): Watcher => new Both(observers[side], pcap.direction(passage, side));
      return { client: both('client'), server: both('server') };
    },
  });
  await Promise.all(files.map(closeOutput));
  return 0;
}

/** Shows what is said, and writes down every byte. */
class Both implements Watcher {
  readonly #observer: Observer;
  readonly #units: WireUnits;

  constructor(observer: Observer, units: WireUnits) {
    this.#observer = observer;
    this.#units = units;
  }

  get lost(): string | undefined {
    return this.#observer.lost;
  }

  read(chunk: Buffer): void {
    this.#observer.read(chunk);
    this.#units.read(chunk);
  }

  end(): void {
    this.#observer.end();
    this.#units.end();
  }
}

interface Seen {
  readonly t: number;
  readonly connection: number;
  readonly from: Side;
  readonly observed: Observed;
  readonly value: unknown;
}

function jsonOf({ t, connection, from, observed, value }: Seen): string {
  const { event, codec, kind, correlation, payload, traceparent } = observed;
  const line = { t, connection, from, event, codec, kind, correlation, traceparent, bytes: payload.length };
  return `${JSON.stringify(line).slice(0, -1)},"data":${shownOf(observed, value) || 'null'}}\n`;
}

function textWith(paint: Paint): (seen: Seen) => string {
  return ({ t, connection, from, observed, value }) => {
    const { event, kind, correlation } = observed;
    const arrow = from === 'client' ? paint('cyan', '->') : paint('green', '<-');
    const what = kind === 'message' ? event : `${event} (${kind} ${correlation})`;
    const time = paint('dim', (t / 1e3).toFixed(6).padStart(11));
    const data = shownOf(observed, value);
    return `${time} #${connection} ${arrow} ${paint('bold', printable(what))}${data === '' ? '' : ` ${data}`}\n`;
  };
}

/** What a control frame says stands in its name. */
function shownOf({ codec }: Observed, value: unknown): string {
  return codec === 'control' ? '' : shown(value);
}
