/**
 * Fuzz target: any bytes as datagrams of one source, through what an endpoint gives them to: sequences, fragments, frames, codecs, modes.
 *
 * Input: a byte of bits (1: the checksum of each datagram is made right first; 2: fragments are refused), then datagrams, each behind a byte with its length.
 * Invariant: nothing is thrown, each fault is counted by its code, unfinished frames stay within their bound, and the last datagram, when it comes once
 * more, delivers nothing.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { JsonCodec } from '../../../src/codecs/json.ts';
import { MsgpackCodec } from '../../../src/codecs/msgpack.ts';
import { RawCodec } from '../../../src/codecs/raw.ts';
import { PeerFigures } from '../../../src/connection/datagram-figures.ts';
import { DatagramInbox, type InboxPeer } from '../../../src/connection/datagram-inbox.ts';
import { DatagramNames } from '../../../src/connection/datagram-names.ts';
import { DatagramOrder } from '../../../src/connection/datagram-order.ts';

const FRAME_BYTES_MAX = 1024;
/** What one part may add beyond the bound before room is made: itself and what is spent on its frame. */
const PART_BYTES_MAX = 1024;
const ASSEMBLY = { frameBytesMax: FRAME_BYTES_MAX, bytesMax: 4096, deadlineMs: 60_000 };
const CODECS = [undefined, new JsonCodec(), new MsgpackCodec(), new RawCodec('copy')];
const RULES = new Map([
  ['agreed 1', { mode: 'sequenced' as const }],
  ['agreed 2', { mode: 'latest' as const }],
  ['agreed 3', { mode: 'latest' as const, key: (data: { k: string }) => data.k }],
]);
const AGREED = { 'agreed 1': 1, 'agreed 2': 2, 'agreed 3': 3, 'agreed 4': 4 };
const DELIMITER: Buffer = Buffer.from('\f');

class Peer implements InboxPeer {
  readonly name = 'source';
  readonly figures: PeerFigures = new PeerFigures();
  readonly order: DatagramOrder = new DatagramOrder();
  codecId = 0;
  delivered = 0;

  deliver(): void {
    this.delivered++;
  }

  deliverLatest(): void {
    this.delivered++;
  }

  pinged(token: number): void {
    assert.ok(token >= 0 && token < 2 ** 32);
  }

  ponged(token: number): void {
    this.pinged(token);
  }

  keyFailed(): void {
    this.delivered++;
  }
}

/** The datagrams of an input, in memory of their own, as a socket gives them. */
function split(input: Buffer): Buffer[] {
  const datagrams: Buffer[] = [];
  for (let at = 1; at < input.length;) {
    const end = at + 1 + (input[at] as number);
    datagrams.push(Buffer.from(input.subarray(at + 1, end)));
    at = end;
  }
  return datagrams;
}

function repairChecksum(bytes: Buffer): void {
  const flags = bytes[3] ?? 0;
  const at = flags & 1 ? 16 : 8;
  if ((flags & 2) === 0 || bytes.length < at + 8) return;
  bytes.writeUInt32LE(0, at);
  bytes.writeUInt32LE(crc32(bytes), at);
}

export function fuzz(input: Buffer): void {
  const bits = input[0] ?? 0;
  const assembly = bits & 2 ? undefined : ASSEMBLY;
  const inbox = new DatagramInbox(new DatagramNames(AGREED), {
    codecs: CODECS,
    eventCodecs: new Map(),
    rules: RULES,
    delimiter: DELIMITER,
    assembly,
    release: undefined,
  });
  const peer = new Peer();
  const datagrams = split(input);
  let last: Buffer | undefined;
  for (const bytes of datagrams) {
    if (bits & 1) repairChecksum(bytes);
    const isBinary = bytes[0] === 0xf5 && bytes[1] === 0x44;
    last = isBinary ? bytes : undefined;
    if (isBinary) inbox.receive(bytes, peer, 0);
    else inbox.receiveText(bytes, peer);
    assert.ok(inbox.unfinishedBytes <= ASSEMBLY.bytesMax + PART_BYTES_MAX, `${inbox.unfinishedBytes} bytes`);
  }
  let faults = 0;
  for (const count of inbox.faults.values()) faults += count;
  assert.equal(peer.figures.faults, faults);
  assert.ok(peer.delivered + peer.figures.stale === peer.figures.receivedMessages);
  const { delivered } = peer;
  if (last !== undefined) inbox.receive(last, peer, 0);
  assert.equal(peer.delivered, delivered, 'a datagram came twice');
}
