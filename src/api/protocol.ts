/**
 * What two programs agree on in advance, written once and given to both: the events with their ids, codecs and types, the requests with the
 * types of what goes in and comes out.
 *
 * Invariant: an id belongs to one name, of an event or of a request.
 */
import type { Codec, CodecName } from '../codecs/codec.ts';
import type { Struct } from '../codecs/struct/struct.ts';
import type { EventRule } from '../connection/datagram-order.ts';
import type { RingwireError } from '../errors.ts';
import { AGREED_ID_MAX } from '../limits.ts';
import { badOption } from './option-checks.ts';
import type { StandardSchema } from './schema.ts';

/** What a protocol says of an event. */
export interface EventSpec {
  /** 1 to 32767; without one the name is announced on each connection. */
  readonly id?: number;
  /** Another codec than the connection's, or the struct that its messages are. */
  readonly codec?: CodecName | Codec | Struct;
  readonly schema?: StandardSchema;
  /** Over UDP: which of its messages count, and for how long. */
  readonly udp?: EventRule;
}

/** What a protocol says of a request. */
export interface RequestSpec {
  readonly id?: number;
  /** Of what goes in and of what comes out. */
  readonly codec?: CodecName;
  readonly input?: StandardSchema;
  /** Of the answer. */
  readonly output?: StandardSchema;
  /** Of each item, when the handler streams. */
  readonly items?: StandardSchema;
}

/** What both programs agree on: the argument and the result of `defineProtocol`. */
export interface Protocol {
  readonly events?: Readonly<Record<string, EventSpec>>;
  readonly requests?: Readonly<Record<string, RequestSpec>>;
}

const CODECS: readonly unknown[] = ['json', 'msgpack', 'raw'];

/**
 * Checks a protocol and returns it with its exact type.
 * @throws RingwireError ERR_RINGWIRE_BAD_CONFIG
 */
export function defineProtocol<const P extends Protocol>(protocol: P): P {
  const ids = new Map<number, string>();
  for (const [name, { id, codec }] of entriesOf(protocol)) {
    if (typeof codec === 'string' && !CODECS.includes(codec)) {
      throw bad(`${name}: a codec is 'json', 'msgpack', 'raw' or a struct, not '${codec}'`);
    }
    if (id === undefined) continue;
    if (!Number.isInteger(id) || id < 1 || id > AGREED_ID_MAX) {
      throw bad(`${name}: an id is a whole number from 1 to ${AGREED_ID_MAX}, not ${id}`);
    }
    const other = ids.get(id);
    if (other !== undefined && other !== name) throw bad(`${name} and ${other} have the same id ${id}`);
    ids.set(id, name);
  }
  return protocol;
}

/** Every event and every request. */
function entriesOf({ events = {}, requests = {} }: Protocol): [string, EventSpec | RequestSpec][] {
  return [...Object.entries(events), ...Object.entries(requests)];
}

/** Names with the ids that both sides know. */
export function agreedIds(protocol: Protocol): Record<string, number> {
  const ids: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const [name, { id }] of entriesOf(protocol)) if (id !== undefined) ids[name] = id;
  return ids;
}

export function eventCodecs(protocol: Protocol): ReadonlyMap<string, CodecName | Codec | Struct> {
  const codecs = new Map<string, CodecName | Codec | Struct>();
  for (const [name, { codec }] of Object.entries(protocol.events ?? {})) {
    if (codec !== undefined) codecs.set(name, codec);
  }
  return codecs;
}

export function eventRules(protocol: Protocol): Record<string, EventRule> {
  const rules = Object.entries(protocol.events ?? {}).map(([name, { udp }]) => [name, udp] as const);
  return Object.fromEntries(rules.filter(([, rule]) => rule !== undefined)) as Record<string, EventRule>;
}

/** The spec of a name, never a property of Object.prototype. */
export function specOf<S>(specs: Readonly<Record<string, S>> | undefined, name: string): S | undefined {
  return specs !== undefined && Object.hasOwn(specs, name) ? specs[name] : undefined;
}

function bad(message: string): RingwireError {
  return badOption(`defineProtocol: ${message}`);
}
