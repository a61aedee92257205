/**
 * The schema that a header is written from: structs in an order in which each uses only those before it, and events with their ids. It comes from
 * JSON, or from a module that exports structs and perhaps `events`.
 *
 * Invariant: what is returned has been checked; anything else is ERR_RINGWIRE_BAD_SCHEMA with the name of the file and what is wrong.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { badSchema } from '../codecs/struct/definition.ts';
import { structsFromJson } from '../codecs/struct/json.ts';
import { isStruct, type Struct } from '../codecs/struct/struct.ts';
import { checkEventName } from '../frames/control.ts';
import { AGREED_ID_MAX } from '../limits.ts';

export interface Schema {
  readonly structs: readonly Struct[];
  /** Names and ids that both programs know. */
  readonly events: Readonly<Record<string, number>>;
}

const JSON_ENDING = '.json';

/** @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA */
export async function loadSchema(file: string): Promise<Schema> {
  try {
    return path.extname(file) === JSON_ENDING ? jsonSchema(file) : await moduleSchema(file);
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    const why =
      code === 'ERR_UNKNOWN_FILE_EXTENSION' && path.extname(file) === '.ts'
        ? 'a schema in TypeScript needs Node 22.18 or later'
        : message;
    throw badSchema(`${file} is no schema: ${why}`);
  }
}

function jsonSchema(file: string): Schema {
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { events?: unknown };
  return checked(Object.values(structsFromJson(schema)), schema.events);
}

/** Every export that is a struct counts, and every struct in an export called `structs`. */
async function moduleSchema(file: string): Promise<Schema> {
  const module = (await import(pathToFileURL(path.resolve(file)).href)) as Record<string, unknown>;
  const { structs, events } = module;
  const listed = typeof structs === 'object' && structs !== null ? Object.values(structs) : [];
  return checked([...Object.values(module), ...listed].filter(isStruct), events);
}

function checked(structs: readonly Struct[], events: unknown = {}): Schema {
  if (structs.length === 0) throw badSchema('there is no struct in it');
  const ordered: Struct[] = [];
  for (const struct of structs) addAfterParts(struct, ordered);
  return { structs: ordered, events: checkedEvents(events) };
}

function addAfterParts(struct: Struct, ordered: Struct[]): void {
  if (ordered.includes(struct)) return;
  for (const { element } of struct.fields) {
    if (isStruct(element.struct)) addAfterParts(element.struct, ordered);
  }
  if (ordered.some((each) => each.name === struct.name))
    throw badSchema(`two different structs are called ${struct.name}`);
  ordered.push(struct);
}

function checkedEvents(events: unknown): Record<string, number> {
  if (typeof events !== 'object' || events === null || Array.isArray(events))
    throw badSchema("'events' is an object of names and ids");
  const ids = new Set<unknown>();
  for (const [name, id] of Object.entries(events)) {
    checkEventName(name);
    if (!Number.isInteger(id) || (id as number) < 1 || (id as number) > AGREED_ID_MAX || ids.has(id))
      throw badSchema(`event ${JSON.stringify(name)} needs an id of its own from 1 to ${AGREED_ID_MAX}`);
    ids.add(id);
  }
  return events as Record<string, number>;
}
