/**
 * Which codec an event has when it is not the connection's: a name, a struct, or an object that knows more than its name says.
 *
 * Invariant: a struct of an event is the one object that the struct codec made for it, on every connection of the endpoint.
 */
import type { AnyCodecName, Codec, CodecName } from '../codecs/codec.ts';
import type { StructCodec, Structs } from '../codecs/struct/codec.ts';
import { isStruct, type Struct } from '../codecs/struct/struct.ts';

export type EventCodecs = ReadonlyMap<string, CodecName | Codec | Struct>;

/** Those of `structs`, and of events whose codec is a struct. */
export function structsOf(structs: Structs = {}, choices: EventCodecs = new Map()): Structs {
  const all = Object.entries(structs);
  for (const [event, choice] of choices) if (isStruct(choice)) all.push([event, choice]);
  return Object.fromEntries(all);
}

/** The codec objects of events, by event. */
export function eventCodecsOf(
  choices: EventCodecs | undefined,
  byName: Readonly<Record<AnyCodecName, Codec>>,
  struct: StructCodec,
): Map<string, Codec> {
  const codecs = new Map<string, Codec>();
  for (const [event, choice] of choices ?? []) {
    if (isStruct(choice)) codecs.set(event, struct.forEvent(event));
    else codecs.set(event, typeof choice === 'string' ? byName[choice] : choice);
  }
  return codecs;
}
