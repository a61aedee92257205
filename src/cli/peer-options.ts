/** Options that the commands which talk to a peer share, and how their data is typed and shown. */
import fs from 'node:fs';
import { type Place, placeOf } from '../api/address.ts';
import type { CodecName } from '../codecs/codec.ts';
import { UsageError } from './usage.ts';

export const CONNECT_OPTIONS = {
  ca: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export const CODEC_OPTION = { codec: { type: 'string', default: 'msgpack' } } as const;

export const TRUST_HELP = `  --ca <file>        the authority to trust, for tls: addresses
  --insecure         accept any certificate
`;

export const PEER_HELP: string = `  --codec <codec>    msgpack (default), json or raw
${TRUST_HELP}`;

export const ADDRESS_HELP = `An address is unix:/path, ipc://name (/tmp/app.name), tcp://host:port or tls://host:port. UDP has no connections: not udp:.
`;

/** Of commands that need messages alone. */
export const MESSAGE_ADDRESS_HELP = `An address is unix:/path, ipc://name (/tmp/app.name), tcp://host:port, tls://host:port or udp://host:port.
`;

/** What JSON does not escape, and terminals take for commands or turn lines around with. */
const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

interface TrustValues {
  readonly ca?: string | undefined;
  readonly insecure: boolean;
}

interface PeerValues extends TrustValues {
  readonly codec: string;
}

export interface TrustSettings {
  readonly tls: { ca?: string; rejectUnauthorized?: boolean };
}

export interface PeerSettings extends TrustSettings {
  readonly codec: CodecName;
}

/** Where a command connects or listens that needs connections. @throws UsageError for udp: addresses, RingwireError as `placeOf` does */
export function connectionPlace(address: string, help: string): Place {
  const place = placeOf(address);
  if (place.kind !== 'udp') return place;
  throw new UsageError(
    `${address}: UDP has no connections; of the commands only 'listen' and 'send' take udp: addresses`,
    help,
  );
}

/** @throws UsageError */
export function trustSettings({ ca, insecure }: TrustValues, help: string): TrustSettings {
  const trust = ca === undefined ? {} : { ca: readText(ca, help) };
  return { tls: { ...trust, ...(insecure && { rejectUnauthorized: false }) } };
}

/** @throws UsageError */
export function peerSettings(values: PeerValues, help: string): PeerSettings {
  const { codec } = values;
  if (codec !== 'msgpack' && codec !== 'json' && codec !== 'raw')
    throw new UsageError(`--codec is msgpack, json or raw, not '${codec}'`, help);
  return { codec, ...trustSettings(values, help) };
}

/** Data as it is typed: JSON, `@file`, `-` for stdin; with the codec raw the bytes themselves. @throws UsageError */
export function readData(text: string | undefined, codec: CodecName, help: string): unknown {
  if (text === undefined) return codec === 'raw' ? Buffer.alloc(0) : undefined;
  const isFile = text === '-' || text.startsWith('@');
  const bytes = isFile ? readBytes(text === '-' ? 0 : text.slice(1), help) : Buffer.from(text);
  if (codec === 'raw') return bytes;
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    // A word needs no quotes.
    if (!isFile && /^[^\s"[\]{}]+$/.test(text)) return text;
    throw new UsageError(`the data is no JSON: ${bytes.toString().slice(0, 80)}`, help);
  }
}

/** A value as one line: JSON, with bytes as text where they are text and in base64 where they are not. */
export function shown(data: unknown): string {
  if (data === undefined) return '';
  const json = JSON.stringify(data, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    const { type, data: bytes } = (value ?? {}) as { type?: unknown; data?: unknown };
    return type === 'Buffer' && Array.isArray(bytes) ? bytesShown(Buffer.from(bytes as number[])) : value;
  });
  return json.replaceAll(UNSEEN, (code) => `\\u${code.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function bytesShown(bytes: Buffer): unknown {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
}

function readBytes(place: string | number, help: string): Buffer {
  try {
    return fs.readFileSync(place);
  } catch (error) {
    throw new UsageError(`the data cannot be read: ${(error as Error).message}`, help);
  }
}

function readText(file: string, help: string): string {
  return readBytes(file, help).toString();
}
