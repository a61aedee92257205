/**
 * The file of `ringwire tap --record` and `ringwire replay`: one line of JSON for each message, in the order in which they passed.
 *
 * Invariant: a line that is no recorded message is refused with its number.
 */
import fs from 'node:fs';
import { RingwireError } from '../errors.ts';
import type { Observed } from './observer.ts';

export interface Recorded {
  /** Milliseconds since the recording began. */
  readonly t: number;
  /** Number of the connection, from 1 on. */
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly event: string;
  readonly codec: string;
  readonly kind: string;
  readonly correlation: number;
  /** The payload in base64. */
  readonly payload: string;
}

export function recordedLine(
  t: number,
  connection: number,
  from: Recorded['from'],
  observed: Observed,
): string {
  const { event, codec, kind, correlation, payload } = observed;
  const line: Recorded = {
    t,
    connection,
    from,
    event,
    codec,
    kind,
    correlation,
    payload: payload.toString('base64'),
  };
  return `${JSON.stringify(line)}\n`;
}

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG with the line that is wrong */
export function readRecording(file: string): Recorded[] {
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => readLine(line, `${file}, line ${index + 1}`));
}

function readLine(line: string, where: string): Recorded {
  try {
    const recorded = JSON.parse(line) as Recorded;
    if (
      typeof recorded.t === 'number' &&
      typeof recorded.event === 'string' &&
      typeof recorded.payload === 'string'
    )
      return recorded;
  } catch {
    // Told below.
  }
  throw new RingwireError('ERR_RINGWIRE_BAD_CONFIG', `${where}: this is no recorded message`);
}
