/**
 * What the bench asks of everything that it measures: open an end, send the message of the scenario, tell what arrives. How fast, how many and
 * what it means belongs to the shapes; a contestant only knows how its library is spoken to.
 *
 * Invariant: `received` is called once for each whole message, after its content was looked at.
 */
import { isDeepStrictEqual } from 'node:util';

export type TransportName = 'unix' | 'tcp' | 'tls' | 'udp';

/** So many bytes, or a value. */
export type Data = number | object;

export interface Job {
  readonly transport: TransportName;
  /** Where the server listens: a path on unix, otherwise the port on loopback, 0 for any. */
  readonly address: string | number;
  readonly data: Data;
  /** URL of the ringwire that is measured. */
  readonly library: string;
  /** Paths of a key and a certificate for 127.0.0.1, for tls. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** One connection, as its contestant knows it: only that contestant looks inside. */
export type Peer = object;

export interface Events {
  opened(peer: Peer): void;
  received(peer: Peer, messages: number): void;
  /** After `send` or `broadcast` had said false. */
  drained(peer: Peer): void;
}

export interface Endpoint {
  /** Where a server listens, for the clients. */
  readonly address: string | number;
  /** Sends the message once. @returns false when the caller should wait for `drained` */
  send(peer: Peer): boolean;
  /** Sends it to everybody, the way the library's users do. @returns as `send` */
  broadcast?(): boolean;
  close(): void;
}

export interface Contestant {
  readonly name: string;
  /** It is ringwire: what two versions differ in. */
  readonly ours?: boolean;
  /** Roles that a C program takes instead, source and sink or another one with its first arguments; see native.ts. */
  readonly native?: { readonly server?: true; readonly client?: true | readonly string[] };
  /** Messages on their way over udp that a receive buffer of 4 MiB surely holds; 4,096 unless said otherwise. */
  readonly window?: number;
  /** The server makes the client process itself. */
  readonly forks?: boolean;
  /** Why it cannot be measured here; undefined when it can. */
  missing(): string | undefined;
  serve(job: Job, events: Events): Promise<Endpoint>;
  /** One connection; `opened` follows. */
  connect(job: Job, events: Events): Promise<Endpoint>;
}

/** The event on which messages travel where there are names. */
export const EVENT = 'bench';
/** Senders that have no backpressure of their own pause above this. */
export const PENDING_BYTES: number = 256 * 1024;
/** Comparing every content would measure the comparison. */
export const COMPARE_EVERY = 1_000;

/** The first bytes of a message may be its number, which the C peers write and check; they are not compared. */
export const NUMBER_BYTES = 8;

/** What is sent: the bytes of the C peers' pattern, behind room for a number, or the value. */
export function messageOf(data: Data): unknown {
  if (typeof data !== 'number') return data;
  const bytes = Buffer.alloc(data);
  for (let at = NUMBER_BYTES; at < data; at++) bytes[at] = (at * 31 + 7) % 256;
  return bytes;
}

/** Bytes are the same, whatever holds them; values are equal all the way down. */
function same(actual: unknown, expected: unknown): boolean {
  if (!(expected instanceof Uint8Array)) return isDeepStrictEqual(actual, expected);
  return (
    actual instanceof Uint8Array &&
    actual.length === expected.length &&
    Buffer.compare(actual.subarray(NUMBER_BYTES), expected.subarray(NUMBER_BYTES)) === 0
  );
}

/** Looks at what arrived, at one message in `every`, the first included. @throws Error when it is not what was sent */
export function makeCheck(data: Data, every: number = COMPARE_EVERY): (arrived: unknown) => void {
  const expected = messageOf(data);
  let seen = 0;
  return (arrived) => {
    if (seen++ % every === 0 && !same(arrived, expected))
      throw new Error(`message ${seen} is not what was sent`);
  };
}
