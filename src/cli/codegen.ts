/**
 * `ringwire codegen`: the C header of a schema.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { cHeader } from '../codegen/c-header.ts';
import { loadSchema, type Schema } from '../codegen/schema.ts';
import { readArguments, UsageError } from './usage.ts';

const CODEGEN_HELP = `Usage: ringwire codegen <schema.ts|schema.js|schema.json> [-o header.h]

Writes a header for C99 and C++11: the structs with an assertion on every size and offset, enums and flags, functions that copy them in and out
of payloads, event ids, and the layout hashes that both sides compare when they meet.

A module exports structs (defineStruct) and perhaps 'events', names with ids; TypeScript needs Node 22.18 or later. JSON says the same:
  { "structs": { "pose": { "x": "f32" }, "imu": { "seq": "u32", "samples": ["i16", 8], "pose": "pose" } }, "events": { "imu": 1 } }

Options:
  -o, --output <file>  where to write the header; without it, it goes to stdout
  --json               print {"file","structs","events"} with the bytes and the layout hash of each struct; needs --output
  --help

Exit codes: 0 written, 2 a mistake in the arguments or in the schema.

Example:
  ringwire codegen messages.json -o firmware/messages.h
`;

const OPTIONS = {
  output: { type: 'string', short: 'o' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns the exit code */
export async function codegen(words: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(words, OPTIONS, CODEGEN_HELP);
  if (values.help) {
    process.stdout.write(CODEGEN_HELP);
    return 0;
  }
  const [schema, ...more] = positionals;
  if (schema === undefined) throw new UsageError('a schema is missing', CODEGEN_HELP);
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many`, CODEGEN_HELP);
  const target = values.output ?? `${path.parse(schema).name}.h`;
  if (values.json && values.output === undefined)
    throw new UsageError('--json needs --output: the header would go to stdout as well', CODEGEN_HELP);
  const loaded = await loadSchema(schema);
  const header = cHeader(loaded, path.basename(schema), path.basename(target));
  if (values.output === undefined) process.stdout.write(header);
  else write(values.output, header);
  if (values.json) process.stdout.write(`${JSON.stringify({ file: values.output, ...summaryOf(loaded) })}\n`);
  return 0;
}

function summaryOf({ structs, events }: Schema): object {
  const shown = structs.map(({ name, bytes, hash }) => ({ name, bytes, hash: `0x${hash.toString(16)}` }));
  return { structs: shown, events };
}

/** @throws UsageError when the file cannot be written */
function write(file: string, header: string): void {
  try {
    writeFileSync(file, header);
  } catch (error) {
    throw new UsageError((error as Error).message, CODEGEN_HELP);
  }
}
