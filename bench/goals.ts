/**
 * What ringwire wants to reach, as data: a row, what it is measured against in the same round, and the ratio that is good enough.
 */
import { median } from '../src/bench/statistics.ts';
import type { Row } from '../src/bench/results.ts';

interface Goal {
  readonly name: string;
  readonly row: string;
  /** Without one the value itself is judged. The slowest of several. */
  readonly against?: readonly string[];
  /** The ratio is multiplied with this: sizes that differ. */
  readonly times?: number;
  /** The row minus the reference instead of the ratio. */
  readonly difference?: boolean;
  readonly least?: number;
  readonly most?: number;
}

const FRAME = 'unix/raw-frame/64B/one-way';
const C = 'unix/c/64B/one-way';

export const GOALS: readonly Goal[] = [
  { name: "64 B raw, 'frame', against C", row: FRAME, against: [C], least: 0.65 },
  {
    name: "64 B raw, 'frame', against node-ipc JSON",
    row: FRAME,
    against: ['unix/node-ipc/sensor/one-way'],
    least: 120,
  },
  { name: "64 B raw, 'frame', against ws", row: FRAME, against: ['unix/ws/64B/one-way'], least: 30 },
  { name: '64 B raw, C to Node, against C to C', row: 'unix/from-c/64B/one-way', against: [C], least: 0.5 },
  { name: '64 B raw, Node to C, against C to C', row: 'unix/to-c/64B/one-way', against: [C], least: 0.5 },
  { name: "64 B raw, 'frame', against code by hand", row: FRAME, against: ['unix/by-hand/64B/one-way'] },
  { name: "64 B raw, 'view', against C", row: 'unix/raw-view/64B/one-way', against: [C], least: 0.3 },
  { name: "64 B raw, 'copy', against C", row: 'unix/raw-copy/64B/one-way', against: [C], least: 0.15 },
  {
    name: '1 KiB raw against C',
    row: 'unix/raw-frame/1KiB/one-way',
    against: ['unix/c/1KiB/one-way'],
    least: 0.9,
  },
  {
    name: '64 KiB raw against C',
    row: 'unix/raw-frame/64KiB/one-way',
    against: ['unix/c/64KiB/one-way'],
    least: 0.95,
  },
  {
    name: "64 B JSON on node-ipc's wire, against node-ipc",
    row: 'unix/drop-in/sensor/one-way',
    against: ['unix/node-ipc/sensor/one-way'],
    least: 10,
  },
  {
    name: "64 B JSON on node-ipc's wire, against newline JSON by hand",
    row: 'unix/drop-in/sensor/one-way',
    against: ['unix/ndjson/sensor/one-way'],
    least: 3,
  },
  {
    name: 'msgpack, against the slower of pack and unpack alone',
    row: 'unix/msgpack/sensor/one-way',
    against: ['local/msgpackr/sensor/pack', 'local/msgpackr/sensor/unpack'],
    least: 0.7,
  },
  {
    name: 'echo, one in flight, p50, against bare net',
    row: 'unix/raw-frame/64B/echo#p50',
    against: ['unix/net/64B/echo#p50'],
    most: 1.15,
  },
  {
    name: 'echo, one in flight, p99, against bare net',
    row: 'unix/raw-frame/64B/echo#p99',
    against: ['unix/net/64B/echo#p99'],
    most: 1.3,
  },
  {
    name: 'echo, 1024 in flight, 64 B raw against node-ipc',
    row: 'unix/raw-frame/64B/echo-1024',
    against: ['unix/node-ipc/sensor/echo-1024'],
    least: 30,
  },
  {
    name: 'tcp, 1 KiB raw, bytes against bare net in 64 KiB chunks',
    row: 'tcp/raw-frame/1KiB/one-way',
    against: ['tcp/net/64KiB/one-way'],
    times: 1 / 64,
    least: 0.9,
  },
  {
    name: 'tls, 1 KiB raw, bytes against bare tls in 64 KiB chunks',
    row: 'tls/raw-frame/1KiB/one-way',
    against: ['tls/net/64KiB/one-way'],
    times: 1 / 64,
    least: 0.9,
  },
  {
    name: 'fan-out to 100, 64 B, against ws',
    row: 'unix/raw-frame/64B/fan-out-100',
    against: ['unix/ws/64B/fan-out-100'],
    least: 8,
  },
  {
    name: "64 B raw, 'frame', modern face against the drop-in face",
    row: 'unix/modern-raw/64B/one-way',
    against: [FRAME],
    least: 0.9,
  },
  {
    name: 'msgpack, modern face against the drop-in face',
    row: 'unix/modern-msgpack/sensor/one-way',
    against: ['unix/msgpack/sensor/one-way'],
    least: 0.95,
  },
  {
    name: 'requests, 1024 in flight, 64 B msgpack, against vscode-jsonrpc',
    row: 'unix/requests/sensor/echo-1024',
    against: ['unix/vscode-jsonrpc/sensor/echo-1024'],
    least: 15,
  },
  { name: 'connect up to the first answer, p50', row: 'local/requests/first-answer/start', most: 2 },
  { name: 'import of ringwire', row: 'local/ringwire/import/start', most: 25 },
  {
    name: 'import of ringwire above node:net',
    row: 'local/ringwire/import/start',
    against: ['local/net/import/start'],
    difference: true,
    most: 5,
  },
  {
    name: 'udp, 64 B, coalesced to 1,200 bytes, against one message per datagram with bare dgram',
    row: 'udp/raw-frame/64B/one-way',
    against: ['udp/net/64B/one-way'],
    least: 12,
  },
  {
    name: 'udp, 64 B, coalesced to 16 KB, against the same',
    row: 'udp/raw-frame-16K/64B/one-way',
    against: ['udp/net/64B/one-way'],
    least: 40,
  },
  {
    name: 'udp, 64 B, one message per datagram, against the same',
    row: 'udp/raw-frame-single/64B/one-way',
    against: ['udp/net/64B/one-way'],
    least: 0.9,
  },
  {
    name: 'udp, resident bytes that a flood from 100,000 sources adds',
    row: 'local/ringwire/flood/resident',
    most: 8 * 1024 * 1024,
  },
  {
    name: 'udp, 1 kHz, 20 % lost, p99 of the age of the value at the reader, ms',
    row: 'local/ringwire/feed/age-p99',
    most: 5,
  },
  {
    name: 'the C parser alone, one core, frames of 64 B, GB/s',
    row: 'local/c/64B/parse',
    least: 1,
  },
  {
    name: 'a struct of 48 bytes from C, the handler reads 4 of 8 fields, messages a second',
    row: 'unix/from-c-struct/sample/one-way',
    least: 8_000_000,
  },
  {
    name: 'the same against msgpack from C',
    row: 'unix/from-c-struct/sample/one-way',
    against: ['unix/from-c-msgpack/sample/one-way'],
    least: 3,
  },
  {
    name: 'heap bytes per struct, receiver',
    row: 'unix/from-c-struct/sample/one-way#server-heap',
    most: 2,
  },
  {
    name: 'structs, Node to Node, against msgpack',
    row: 'unix/struct/sample/one-way',
    against: ['unix/msgpack/sample/one-way'],
    least: 3,
  },
  { name: "heap bytes per message, 'frame', receiver", row: `${FRAME}#server-heap`, most: 1 },
  { name: "heap bytes per message, 'frame', sender", row: `${FRAME}#client-heap`, most: 1 },
  {
    name: 'resident bytes of an idle connection above bare net',
    row: 'local/ringwire/idle/connection',
    against: ['local/net/idle/connection'],
    difference: true,
    most: 4096,
  },
];

/** A Markdown table; a goal whose rows were not measured says so. */
export function goalsTable(rows: readonly Row[]): string {
  const known = new Map(rows.map((row) => [row.id, row]));
  const lines = GOALS.map((goal) => {
    const row = known.get(goal.row);
    const references = (goal.against ?? []).map((id) => known.get(id));
    const sign =
      goal.least === undefined ? (goal.most === undefined ? '' : `<= ${goal.most}`) : `>= ${goal.least}`;
    if (row === undefined || references.includes(undefined))
      return `| ${goal.name} | | | not measured | ${sign} | |`;
    const reference = slowest(references as Row[]);
    const ratio = ratioOf(goal, row, reference);
    const reached =
      ratio >= (goal.least ?? Number.NEGATIVE_INFINITY) && ratio <= (goal.most ?? Number.POSITIVE_INFINITY);
    const seen = reference === undefined ? '' : figure(reference);
    return `| ${goal.name} | ${figure(row)} | ${seen} | ${short(ratio)} | ${sign} | ${sign === '' ? '' : reached ? 'yes' : 'no'} |`;
  });
  return [
    '| what | ringwire | reference | ratio | goal | reached |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function slowest(references: readonly Row[]): Row | undefined {
  return references.toSorted((a, b) => median(a.samples) - median(b.samples))[0];
}

/** The median of the rounds' ratios: what slowed one round down slowed both. */
function ratioOf({ times = 1, difference }: Goal, row: Row, reference: Row | undefined): number {
  if (reference === undefined) return median(row.samples);
  return median(
    row.samples.map((value, round) => {
      const other = reference.samples[round] ?? Number.NaN;
      return difference ? value - other : (value / other) * times;
    }),
  );
}

function figure({ unit, samples }: Row): string {
  const value = median(samples);
  if (unit !== 'messages/s') return `${short(value)} ${unit}`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(1)} k/s`;
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
