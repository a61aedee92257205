/**
 * What a payload that was seen or recorded means, for people: JSON, msgpack, and structs by the schema of the programs. Bytes where it is not known
 * or cannot be read.
 */
import { MsgpackCodec } from '../codecs/msgpack.ts';
import type { Struct } from '../codecs/struct/struct.ts';
import { loadSchema } from '../codegen/schema.ts';
import type { Observed } from './observer.ts';

export interface KnownEvents {
  /** The struct of each event: the one that has its name. */
  readonly structs: ReadonlyMap<string, Struct>;
  /** Names of ids that the programs agreed on. */
  readonly names: ReadonlyMap<number, string>;
}

/** @param file a schema as `ringwire codegen` takes it; @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA */
export async function knownEvents(file: string | undefined): Promise<KnownEvents> {
  if (file === undefined) return { structs: new Map(), names: new Map() };
  const { structs, events } = await loadSchema(file);
  return {
    structs: new Map(structs.map((struct) => [struct.name, struct])),
    names: new Map(Object.entries(events).map(([name, id]) => [id, name])),
  };
}

const msgpack = new MsgpackCodec();

export function valueOf(
  { event, codec, payload }: Pick<Observed, 'event' | 'codec' | 'payload'>,
  { structs }: KnownEvents,
): unknown {
  try {
    if (payload.length === 0) return undefined;
    if (codec === 'json' || codec === 'node-ipc') return JSON.parse(payload.toString()) as unknown;
    if (codec === 'struct') return structs.get(event)?.decode(payload) ?? payload;
    if (codec === 'msgpack') {
      const frame = { bytes: payload, start: 0, end: payload.length, event: 0, codec: 0, flags: 0 };
      return msgpack.decode({ ...frame, correlation: 0, kind: 0, traceStart: 0 });
    }
  } catch {
    // Bytes are always the truth.
  }
  return payload;
}
