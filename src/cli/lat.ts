/** `ringwire lat`: how long a round trip to a peer takes. Any peer that answers requests will do: 'nobody handles it' is an answer as well. */
import { addressOf } from '../api/address.ts';
import { connect } from '../api/api.ts';
import type { PeerClient } from '../api/client.ts';
import { RequestError } from '../api/requests/remote-error.ts';
import {
  ADDRESS_HELP,
  PEER_HELP,
  CODEC_OPTION,
  CONNECT_OPTIONS,
  connectionPlace,
  peerSettings,
} from './peer-options.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const LAT_HELP = `Usage: ringwire lat [options] <address>

Measures round trips, one after the other, and prints their distribution in microseconds. The peer needs no handler: its refusal
travels as far as an answer. A warm-up of 200 is not counted.

${ADDRESS_HELP}
Options:
${PEER_HELP}  --count <n>        round trips (default 10000)
  --json             print the figures as JSON
  --help

Exit codes: 0 measured, 2 a mistake in the arguments, or nobody there.

Example:
  ringwire lat ipc://world --count 100000
`;

const WARM_UP = 200;
const BAR_WIDTH = 40;
const NAME = 'ringwire.lat';

/** @returns the exit code */
export async function lat(words: readonly string[]): Promise<number> {
  const options = {
    ...CONNECT_OPTIONS,
    ...CODEC_OPTION,
    count: { type: 'string', default: '10000' },
  } as const;
  const { values, positionals } = readArguments(words, options, LAT_HELP);
  if (values.help) {
    process.stdout.write(LAT_HELP);
    return 0;
  }
  const [address, ...more] = positionals;
  if (address === undefined) throw new UsageError('an address is missing', LAT_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, LAT_HELP);
  const count = readNumber('count', values.count, 1, LAT_HELP);
  const client = await connect(addressOf(connectionPlace(address, LAT_HELP)), {
    ...peerSettings(values, LAT_HELP),
    reconnect: false,
  });
  const times: number[] = [];
  try {
    for (let trip = 0; trip < WARM_UP; trip++) await roundTrip(client);
    for (let trip = 0; trip < count; trip++) times.push(await roundTrip(client));
  } finally {
    await client.close();
  }
  times.sort((a, b) => a - b);
  process.stdout.write(values.json ? `${JSON.stringify(figuresOf(times))}\n` : textOf(times));
  return 0;
}

/** @returns microseconds */
async function roundTrip(client: PeerClient): Promise<number> {
  const start = process.hrtime.bigint();
  try {
    await client.request(NAME);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
  return Number(process.hrtime.bigint() - start) / 1e3;
}

interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly 'p99.9': number;
  readonly max: number;
}

/** @param times sorted */
function figuresOf(times: readonly number[]): Figures {
  const at = (share: number): number =>
    Number((times[Math.min(times.length - 1, Math.floor(share * times.length))] as number).toFixed(1));
  return { count: times.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), 'p99.9': at(0.999), max: at(1) };
}

/** The figures, and a histogram whose classes double. */
function textOf(times: readonly number[]): string {
  const classes = new Map<number, number>();
  for (const time of times) {
    const bound = 2 ** Math.ceil(Math.log2(Math.max(1, time)));
    classes.set(bound, (classes.get(bound) ?? 0) + 1);
  }
  const most = Math.max(...classes.values());
  const lines = [...classes]
    .toSorted(([a], [b]) => a - b)
    .map(
      ([bound, count]) =>
        `${`< ${bound} us`.padStart(12)} ${String(count).padStart(8)} ${'#'.repeat(Math.ceil((count / most) * BAR_WIDTH))}`,
    );
  const figures = Object.entries(figuresOf(times)).map(([name, value]) => `${name} ${value}`);
  return `${lines.join('\n')}\n${figures.join('   ')}\n`;
}
