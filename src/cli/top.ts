/** `ringwire top`: what goes through a running server, and who its peers are, again and again. */
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf } from '../api/address.ts';
import { connect } from '../api/api.ts';
import type { PeerClient } from '../api/client.ts';
import { INSPECT_REQUEST, type Inspection } from '../api/inspection.ts';
import { RequestError } from '../api/requests/remote-error.ts';
import { ADDRESS_HELP, CONNECT_OPTIONS, connectionPlace, TRUST_HELP, trustSettings } from './peer-options.ts';
import { paintFor } from './style.ts';
import { between, lineOf, screenOf } from './top-view.ts';
import { readArguments, readNumber, UsageError } from './usage.ts';

const TOP_HELP = `Usage: ringwire top [options] <address>

Shows the stats of a server and of its peers: rates, bytes, what waits, what was refused, round trips. Its program has to allow it:
  listen(address, { inspect: true })
On a terminal the view is drawn over in place, elsewhere each interval is a line. The first figures are averages since the start, later
ones those of the interval. You are one of the peers that you see.

${ADDRESS_HELP}
Options:
  --interval <s>     seconds between two looks (default 1)
  --count <n>        stop after so many looks
  --timeout <ms>     for the connection, and for each answer (default 5000)
${TRUST_HELP}  --json             print a line of JSON for each look
  --help

Exit codes: 0 stopped, 1 the server does not allow it, 2 a mistake in the arguments, nobody there, or the connection was lost.

Examples:
  ringwire top ipc://world
  ringwire top tcp://127.0.0.1:8000 --interval 10 --json >> world.ndjson
`;

const OPTIONS = {
  ...CONNECT_OPTIONS,
  interval: { type: 'string', default: '1' },
  count: { type: 'string', default: '0' },
  timeout: { type: 'string', default: '5000' },
} as const;

/** @returns the exit code */
export async function top(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, TOP_HELP);
  if (values.help) {
    process.stdout.write(TOP_HELP);
    return 0;
  }
  const [address, ...more] = positionals;
  if (address === undefined) throw new UsageError('an address is missing', TOP_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, TOP_HELP);
  const intervalMs = readNumber('interval', values.interval, 0.01, TOP_HELP) * 1e3;
  const count = readNumber('count', values.count, 0, TOP_HELP) || Infinity;
  const timeout = readNumber('timeout', values.timeout, 1, TOP_HELP);
  const settings = { ...trustSettings(values, TOP_HELP), id: 'ringwire top', timeout, reconnect: false };
  const client = await connect(addressOf(connectionPlace(address, TOP_HELP)), settings);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    await watch(client, { intervalMs, count, timeout, show: viewFor(values.json), signal: stop.signal });
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError) || error.remoteCode !== 'ERR_RINGWIRE_NO_HANDLER') throw error;
    process.stderr.write(
      `ringwire: ${client.id} does not allow it; its program has to say listen(address, { inspect: true })\n`,
    );
    return 1;
  } finally {
    await client.close();
  }
}

interface Watching {
  readonly intervalMs: number;
  readonly count: number;
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly show: (inspection: Inspection) => void;
}

/** Settles when it is told to stop, or has looked often enough. */
async function watch(
  client: PeerClient,
  { intervalMs, count, timeout, signal, show }: Watching,
): Promise<void> {
  let before: Inspection | undefined;
  let next = performance.now();
  for (let looks = 0; looks < count && !signal.aborted; looks++) {
    if (looks > 0) {
      // Looks keep their rhythm whatever an answer takes; those that were missed are left out.
      next = Math.max(next + intervalMs, performance.now());
      await pause(next - performance.now(), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
    const now = (await client.request(INSPECT_REQUEST, undefined, { timeout })) as Inspection;
    show(between(before, now));
    before = now;
  }
}

function viewFor(json: boolean): (inspection: Inspection) => void {
  const { stdout } = process;
  if (json) return (inspection) => void stdout.write(`${JSON.stringify(inspection)}\n`);
  if (!stdout.isTTY) return (inspection) => void stdout.write(lineOf(inspection));
  const paint = paintFor(stdout);
  let drawn = 0;
  return (inspection) => {
    const { columns, rows } = stdout;
    const lines = screenOf(inspection, { columns, rows, paint });
    // Over the last view, then clear what it had more of.
    const up = drawn > 0 ? `\u001b[${Math.min(drawn, rows - 1)}A` : '';
    stdout.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    drawn = lines.length;
  };
}
