/**
 * The payloads that benchmarks and tests send: small, medium, structured and large, each as the plain value a node-ipc
 * program would pass to `emit` and as the bytes that a program which knows ringwire would pass instead.
 *
 * It refuses a recorded file whose size has drifted, because figures name these sizes.
 * Invariant: every call, on every machine, yields the same values and the same bytes; each call yields fresh copies.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Payload {
  readonly json: unknown;
  readonly bytes: Buffer;
}

export interface Payloads {
  /** One IMU and temperature sample: 64 bytes as JSON text; `bytes` is a packed struct, also of 64 bytes. */
  readonly sensor: Payload;
  /** One tick of a small game: 512 bytes as JSON text. */
  readonly gameState: Payload;
  /** A gateway's report on four machines: 4 KiB as JSON text, nested, with floats and non-ASCII strings. */
  readonly telemetry: Payload;
  /** 1 MiB that does not compress; `json` carries it the way JSON can, as base64 text inside an object. */
  readonly blob: Payload;
}

/** The blob is the output of xorshift32 (shifts 13, 17, 5) from this state, each word stored little-endian. */
export const BLOB_SEED = 0x52_49_4e_47;
const BLOB_SIZE = 1024 * 1024;

/** The nearest folder above this file that holds a package.json: compiled files move, the fixtures do not. */
export function projectRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`no package.json in or above ${start}`);
  }
}

export function loadPayloads(): Payloads {
  const sensor = recordedObject('sensor.json', 64);
  return {
    sensor: { json: sensor.json, bytes: recorded('sensor.bin', 64) },
    gameState: recordedObject('game-state.json', 512),
    telemetry: recordedObject('telemetry.json', 4096),
    blob: makeBlob(),
  };
}

/** The file is indented for readers; its bytes are the compact text that a sender would produce. */
function recordedObject(name: string, size: number): Payload {
  const json: unknown = JSON.parse(readFileSync(fixture(name), 'utf8'));
  return { json, bytes: sized(name, Buffer.from(JSON.stringify(json)), size, size / 50) };
}

function recorded(name: string, size: number): Buffer {
  return sized(name, readFileSync(fixture(name)), size, 0);
}

function fixture(name: string): string {
  return join(projectRoot(), 'fixtures', 'payloads', name);
}

function sized(name: string, bytes: Buffer, size: number, slack: number): Buffer {
  if (Math.abs(bytes.length - size) <= slack) return bytes;
  throw new Error(`${name} holds ${bytes.length} bytes where ${size} are promised`);
}

function makeBlob(): Payload {
  const bytes = Buffer.alloc(BLOB_SIZE);
  let state = BLOB_SEED;
  for (let at = 0; at < BLOB_SIZE; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return { json: { name: 'blob.bin', bytes: bytes.toString('base64') }, bytes };
}
