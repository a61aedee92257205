/** Captures for tests: what a file of `tap --pcap` holds, and files of TCP segments and UDP datagrams as a network would have shown them. */
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

export interface Packet {
  readonly tags: ReadonlyMap<number, Buffer>;
  readonly bytes: Buffer;
  /** Of the packet as it was, tags included. */
  readonly originalBytes: number;
}

/** The packets of a capture of exported PDUs. */
export function readPackets(file: string): Packet[] {
  const capture = fs.readFileSync(file);
  const packets: Packet[] = [];
  for (let at = 24; at < capture.length;) {
    const [length, originalBytes] = [capture.readUInt32LE(at + 8), capture.readUInt32LE(at + 12)];
    let tagAt = at + 16;
    const tags = new Map<number, Buffer>();
    for (let number = -1; number !== 0;) {
      number = capture.readUInt16BE(tagAt);
      const end = tagAt + 4 + capture.readUInt16BE(tagAt + 2);
      tags.set(number, capture.subarray(tagAt + 4, end));
      tagAt = end;
    }
    at += 16 + length;
    packets.push({ tags, bytes: capture.subarray(tagAt, at), originalBytes });
  }
  return packets;
}

export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
}

/** A capture of IPv4 packets between ports of the loopback, over TCP from the start of each stream, or over UDP. */
export function networkCapture(file: string, transport: 'tcp' | 'udp', segments: readonly Segment[]): string {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  const LINKTYPE_RAW = 101;
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  const sent = new Map<number, number>();
  const parts = segments.flatMap((segment, number) => {
    const at = sent.get(segment.from) ?? 1;
    sent.set(segment.from, at + segment.bytes.length);
    const inner = transport === 'udp' ? udp(segment) : tcp(segment, at, sent.get(segment.to) ?? 1);
    const packet = Buffer.concat([ip(transport === 'udp' ? 17 : 6, inner.length), inner]);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(1_700_000_000 + number, 0);
    head.writeUInt32LE(packet.length, 8);
    head.writeUInt32LE(packet.length, 12);
    return [head, packet];
  });
  fs.writeFileSync(file, Buffer.concat([header, ...parts]));
  return file;
}

function ip(protocol: number, bytes: number): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + bytes, 2);
  header[8] = 64;
  header[9] = protocol;
  header.set([127, 0, 0, 1], 12);
  header.set([127, 0, 0, 1], 16);
  return header;
}

function tcp({ from, to, bytes }: Segment, sequence: number, acknowledged: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt32BE(sequence, 4);
  header.writeUInt32BE(acknowledged, 8);
  header[12] = 0x50;
  header[13] = 0x18;
  header.writeUInt16BE(65_535, 14);
  return Buffer.concat([header, bytes]);
}

function udp({ from, to, bytes }: Segment): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt16BE(8 + bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** Why nothing can be dissected here; false when it can. */
export function withoutTshark(): string | false {
  const { status } = spawnSync('tshark', ['--version'], { stdio: 'ignore' });
  return status === 0 ? false : 'there is no tshark';
}

/** One list for each packet: the values of each field, joined by commas. */
export async function dissect(
  file: string,
  fields: readonly string[],
  ...options: string[]
): Promise<string[][]> {
  const script = path.join(projectRoot(), 'wireshark', 'ringwire.lua');
  const args = ['-r', file, '-X', `lua_script:${script}`, '-T', 'fields', '-E', 'separator=;', ...options];
  const { stdout } = await promisify(execFile)('tshark', [
    ...args,
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(';'));
}
