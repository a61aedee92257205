/**
 * An inspection as text: one line, or a screen with a line for each peer.
 *
 * Invariant: no line of a screen is wider than the terminal, no screen is higher: what does not fit is cut and counted.
 */
import type { InspectedPeer, Inspection } from '../api/inspection.ts';
import type { Flow, Stats } from '../api/stats.ts';
import { type Paint, printable } from './style.ts';
import { bytesText, countText, durationText, microsecondsText } from './units.ts';

const BAR_WIDTH = 30;
/** Bars of the histogram, where the screen has lines to spare for them. */
const BARS_MAX = 8;
const LINES_BEFORE_BARS = 22;

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

/** The rates of the time between two inspections instead of those since the start. */
export function between(before: Inspection | undefined, now: Inspection): Inspection {
  if (before === undefined) return now;
  const earlier = new Map(before.peers.map(({ number, stats }) => [number, stats]));
  const peers = now.peers.map((peer) => ({
    ...peer,
    stats: ratesSince(earlier.get(peer.number), peer.stats),
  }));
  return { ...now, stats: ratesSince(before.stats, now.stats), peers };
}

function ratesSince<S extends Stats>(before: Stats | undefined, now: S): S {
  if (before === undefined) return now;
  const seconds = (now.atMs - before.atMs) / 1e3;
  const flow = (earlier: Flow, later: Flow): Flow => ({
    ...later,
    messagesPerSecond: (later.messages - earlier.messages) / seconds,
    bytesPerSecond: (later.bytes - earlier.bytes) / seconds,
  });
  return { ...now, sent: flow(before.sent, now.sent), received: flow(before.received, now.received) };
}

export function lineOf({ stats }: Inspection): string {
  const { p50, p99, count } = stats.roundTripUs;
  const parts = [
    new Date().toTimeString().slice(0, 8),
    `peers ${stats.peers}`,
    `in ${flowText(stats.received)}`,
    `out ${flowText(stats.sent)}`,
    `waiting ${bytesText(stats.pendingBytes)}`,
    `handling ${stats.requests.handled}`,
    `refused ${refusals(stats)}`,
    ...(count === 0 ? [] : [`round trip p50 ${microsecondsText(p50)} p99 ${microsecondsText(p99)}`]),
  ];
  return `${parts.join('  ')}\n`;
}

/** The lines of a screen. */
export function screenOf(inspection: Inspection, { columns, rows, paint }: Screen): string[] {
  const { id, pid, address, stats, peers } = inspection;
  const head = [
    `${address}  ${id}  pid ${pid}  up ${durationText(stats.openMs)}`,
    '',
    row(['', 'messages/s', 'bytes/s', 'messages', 'bytes'], TOTALS),
    row(['in', ...flowCells(stats.received)], TOTALS),
    row(['out', ...flowCells(stats.sent)], TOTALS),
    '',
    `waiting ${bytesText(stats.pendingBytes)}   requests: ${stats.requests.handled} in handlers, ${stats.requests.open} asked, ${stats.requests.queued} queued`,
    `refused ${refusals(stats)}${refusals(stats) > 0 ? `: ${refusedText(stats)}` : ''}`,
    ...histogram(stats, Math.min(BARS_MAX, rows - LINES_BEFORE_BARS)),
    '',
    `peers ${stats.peers} now, ${stats.peersTotal} ever`,
    peerHead(columns),
  ];
  const busiest = peers.toSorted((a, b) => traffic(b) - traffic(a) || a.number - b.number);
  // The cursor needs the last line, and what is left out needs one to say so.
  const room = Math.max(0, rows - head.length - 2);
  const lines = [...head, ...busiest.slice(0, room).map((peer) => peerRow(peer, columns))];
  const left = stats.peers - Math.min(room, peers.length);
  if (left > 0) lines.push(`and ${left} more`);
  return lines.slice(0, rows - 1).map((line, at) => {
    const cut = printable(line).slice(0, columns);
    if (at === 0 || at === head.length - 1) return paint('bold', cut);
    return line.startsWith('refused ') && refusals(stats) > 0 ? paint('red', cut) : cut;
  });
}

/** Widths; a negative one is a column that begins at its left. */
const TOTALS: readonly number[] = [-4, 12, 12, 12, 12];
const NUMBER: readonly number[] = [4];
const FIGURES: readonly number[] = [9, 9, 10, 10, 9, 9, 8, 9];
const NAME_WIDTHS = { least: 12, most: 40 } as const;

/** The name has what the figures leave. */
function peerWidths(columns: number): readonly number[] {
  const taken = [...NUMBER, ...FIGURES].reduce((sum, width) => sum + width + 1, 0);
  const name = Math.max(NAME_WIDTHS.least, Math.min(NAME_WIDTHS.most, columns - taken));
  return [...NUMBER, -name, ...FIGURES];
}

function peerHead(columns: number): string {
  const names = ['#', 'peer', 'in/s', 'out/s', 'in B/s', 'out B/s', 'waiting', 'handling', 'refused', 'p99'];
  return row(names, peerWidths(columns));
}

function row(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, at) => {
    const width = widths[at] as number;
    return width < 0 ? cell.slice(0, -width).padEnd(-width) : cell.padStart(width);
  });
  return padded.join(' ').trimEnd();
}

function peerRow({ number, id, from, stats }: InspectedPeer, columns: number): string {
  const { received, sent, pendingBytes, requests, roundTripUs } = stats;
  return row(
    [
      String(number),
      from === undefined ? id : `${id} ${from}`,
      countText(received.messagesPerSecond),
      countText(sent.messagesPerSecond),
      bytesText(received.bytesPerSecond),
      bytesText(sent.bytesPerSecond),
      bytesText(pendingBytes),
      String(requests.handled),
      String(refusals(stats)),
      roundTripUs.count === 0 ? '-' : microsecondsText(roundTripUs.p99),
    ],
    peerWidths(columns),
  );
}

/** Round trips of requests that the server made: percentiles, and the fullest doublings as bars. */
function histogram({ roundTripUs }: Stats, barsMax: number): string[] {
  const { count, p50, p90, p99, max, buckets } = roundTripUs;
  if (count === 0) return [];
  const figures = Object.entries({ p50, p90, p99, max }).map(
    ([name, value]) => `${name} ${microsecondsText(value)}`,
  );
  const fullest = buckets.toSorted((a, b) => b.count - a.count).slice(0, Math.max(0, barsMax));
  const most = fullest[0]?.count ?? 1;
  const bars = fullest
    .toSorted((a, b) => a.upTo - b.upTo)
    .map((bucket) =>
      row(
        [
          `< ${microsecondsText(bucket.upTo + 1)}`,
          countText(bucket.count),
          '#'.repeat(Math.ceil((bucket.count / most) * BAR_WIDTH)),
        ],
        [12, 8, -BAR_WIDTH],
      ),
    );
  return ['', `round trips ${countText(count)}   ${figures.join('   ')}`, ...bars];
}

function flowCells({ messagesPerSecond, bytesPerSecond, messages, bytes }: Flow): string[] {
  return [countText(messagesPerSecond), bytesText(bytesPerSecond), countText(messages), bytesText(bytes)];
}

function flowText({ messagesPerSecond, bytesPerSecond }: Flow): string {
  return `${countText(messagesPerSecond)}/s ${bytesText(bytesPerSecond)}/s`;
}

function refusals({ refused }: Stats): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

function refusedText({ refused }: Stats): string {
  return Object.entries(refused)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code.replace('ERR_RINGWIRE_', '')} ${count}`)
    .join(', ');
}

function traffic({ stats }: InspectedPeer): number {
  return stats.received.bytesPerSecond + stats.sent.bytesPerSecond;
}
