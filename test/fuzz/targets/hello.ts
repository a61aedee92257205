/**
 * Fuzz target: any bytes as the first control frame of a peer, to either side, against what PROTOCOL.md section 1.3 says of a hello.
 *
 * Input: a byte whose lowest bit chooses the side, then the payload of the frame.
 * Invariant: a good hello establishes the connection once, with its id; anything else stops it with its code; who is established has said as much in turn.
 */
import assert from 'node:assert/strict';
import { ReceiveRing } from '../../../src/bytes/receive-ring.ts';
import { JsonCodec } from '../../../src/codecs/json.ts';
import { RawCodec } from '../../../src/codecs/raw.ts';
import { StructCodec } from '../../../src/codecs/struct/codec.ts';
import { defineStruct } from '../../../src/codecs/struct/struct.ts';

import { BinaryWire } from '../../../src/connection/binary-wire.ts';
import { EventIds } from '../../../src/connection/event-ids.ts';
import { NO_LINK } from '../../../src/connection/link.ts';
import type { Sink } from '../../../src/connection/wire.ts';
import { FrameError } from '../../../src/errors.ts';
import { frame, PREAMBLE } from '../../frames/naive.ts';

const JSON_ID = 1;
const RAW_ID = 3;
/** The codecs that are offered: json, raw, struct. */
const OFFERED: readonly number[] = [JSON_ID, RAW_ID, 4];
/** The lines of the struct of event `imu`, as PROTOCOL.md section 1.6 has them. */
const LINES: readonly string[] = ['0 u32 a\n', '4 f32 b\n'];

const ring: ReceiveRing = new ReceiveRing(2048);
const structs: StructCodec = new StructCodec({ imu: defineStruct('imu', { a: 'u32', b: 'f32' }) });
const raw: RawCodec = new RawCodec();
const CODECS = [undefined, new JsonCodec(), undefined, raw, structs];
const events: EventIds = new EventIds({});

function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

const HASHES: readonly bigint[] = [0, 1, 2].map((fields) => fnv1a(LINES.slice(0, fields).join('')));

/** @returns 'id ' and the id, or '' for a normal end, or a code */
function judge(payload: Buffer, isServer: boolean): string {
  const kind = payload[0];
  if (kind === 5 && payload.length >= 4 && payload[1] === 0)
    return payload.readUInt16LE(2) === 0 ? '' : 'PEER_GOODBYE';
  if (kind !== 1 || payload.length < 8) return 'BAD_CONTROL';
  const idBytes = payload.readUInt16LE(4);
  if (idBytes > 256 || 8 + idBytes > payload.length) return 'BAD_CONTROL';
  let mismatch = false;
  let layouts = 0;
  for (let at = Math.ceil((8 + idBytes) / 8) * 8; at < payload.length; layouts++) {
    const nameBytes = at + 16 <= payload.length ? payload.readUInt16LE(at + 14) : 0;
    const next = at + Math.ceil((16 + nameBytes) / 8) * 8;
    if (nameBytes === 0 || nameBytes > 256 || next > payload.length || layouts === 256) return 'BAD_CONTROL';
    const fields = payload.readUInt16LE(at + 12);
    const isOurs = payload.toString('latin1', at + 16, at + 16 + nameBytes) === 'imu' && fields <= 2;
    mismatch ||= isOurs && payload.readBigUInt64LE(at) !== HASHES[fields];
    at = next;
  }
  const wished = payload[1] as number;
  if (!OFFERED.includes(wished)) return 'BAD_CODEC';
  const sent = isServer ? wished : RAW_ID;
  if ((payload.readUInt16LE(2) & (1 << sent)) === 0) return 'BAD_CODEC';
  return mismatch ? 'SCHEMA_MISMATCH' : `id ${payload.toString('utf8', 8, 8 + idBytes)}`;
}

export function fuzz(input: Buffer): void {
  if (input.length < 1) return;
  const isServer = ((input[0] as number) & 1) === 1;
  const payload = input.subarray(1);
  const told: string[] = [];
  const sent: Buffer[] = [];
  const sink = {
    link: NO_LINK,
    established: (id: string) => void told.push(`id ${id}`),
    respond: (bytes: Buffer) => void sent.push(bytes),
  };
  const options = {
    codecs: CODECS,
    codec: raw,
    followPeer: isServer,
    events,
    structs,
    id: 'b',
    frameBytesMax: 65_536,
  };
  const wire = new BinaryWire(ring, options, sink as unknown as Sink);
  wire.parser.feed(Buffer.concat([PREAMBLE, frame(0, 0, payload)]));
  let outcome = '';
  try {
    wire.parser.deliver(wire, 2);
    outcome = told.join();
  } catch (error) {
    assert.ok(error instanceof FrameError, String(error));
    assert.equal(told.length, 0, 'a peer that is refused is not established');
    outcome = error.code.replace('ERR_RINGWIRE_', '');
  }
  assert.equal(outcome, judge(payload, isServer));
  assert.equal(wire.isEstablished, told.length === 1);
  assert.equal(sent.length, told.length, 'whoever is welcome is greeted, once');
}
