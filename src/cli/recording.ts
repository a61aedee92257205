/**
 * The file of `ringwire record` and `ringwire replay`: one line of JSON for each message, in the order in which they passed.
 *
 * Invariant: a line that is no recorded message is refused with its number.
 */
import fs from 'node:fs';
import readline from 'node:readline';
import { RingwireError } from '../errors.ts';
import { AGREED_ID_MAX } from '../limits.ts';
import type { Observed } from './observer.ts';
import type { Side } from './proxy.ts';

export interface Recorded {
  /** Milliseconds since the recording began. */
  readonly t: number;
  /** Number of the connection, from 1 on. */
  readonly connection: number;
  readonly from: Side;
  readonly event: string;
  /** The event's id, where both programs knew it in advance; 0 for names. */
  readonly id: number;
  readonly codec: string;
  readonly kind: string;
  readonly correlation: number;
  /** The payload in base64. */
  readonly payload: string;
}

export function recordedLine(t: number, connection: number, from: Side, observed: Observed): string {
  const { event, codec, kind, correlation } = observed;
  const id = observed.id > AGREED_ID_MAX ? 0 : observed.id;
  const payload = observed.payload.toString('base64');
  const line: Recorded = { t, connection, from, event, id, codec, kind, correlation, payload };
  return `${JSON.stringify(line)}\n`;
}

/** @throws RingwireError ERR_RINGWIRE_BAD_CONFIG with the line that is wrong, or an error of the system such as ENOENT */
export async function* readRecording(file: string): AsyncGenerator<Recorded> {
  const input = (await fs.promises.open(file)).createReadStream();
  let number = 0;
  for await (const line of readline.createInterface({ input, crlfDelay: Infinity })) {
    number++;
    if (line !== '') yield readLine(line, `${file}, line ${number}`);
  }
}

const TYPES = {
  t: 'number',
  connection: 'number',
  from: 'string',
  event: 'string',
  id: 'number',
  codec: 'string',
  kind: 'string',
  correlation: 'number',
  payload: 'string',
} as const;

function readLine(line: string, where: string): Recorded {
  try {
    const recorded = JSON.parse(line) as Record<string, unknown>;
    if (Object.entries(TYPES).every(([field, type]) => typeof recorded[field] === type))
      return recorded as unknown as Recorded;
  } catch {
    // Told below.
  }
  throw new RingwireError('ERR_RINGWIRE_BAD_CONFIG', `${where}: this is no recorded message`);
}
