/**
 * A capture file that Wireshark opens, with one packet for each unit of the wire: LINKTYPE_WIRESHARK_UPPER_PDU, where every packet names the
 * dissector that reads it. Local sockets have neither addresses nor ports: they get those of the loopback, the number of the connection and 1.
 *
 * Invariant: what was written is a whole capture at any time; a packet that is too large is cut and says how long it was.
 */
import type { Writable } from 'node:stream';
import type { Passage, Side } from './proxy.ts';
import { WireUnits } from './wire-units.ts';

const LINKTYPE_WIRESHARK_UPPER_PDU = 252;
/** The longest packet that Wireshark reads. */
const PACKET_BYTES_MAX = 262_144;
const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;

/** Tags before each packet; their numbers are Wireshark's. */
const Tag = {
  end: 0,
  dissector: 12,
  sourceIp: 20,
  targetIp: 21,
  portType: 24,
  sourcePort: 25,
  targetPort: 26,
};
const PORT_TYPE_TCP = 2;
const LOOPBACK: Buffer = Buffer.from([127, 0, 0, 1]);
/** Of a server on a local socket; those of its clients begin above all that have a meaning. */
const LOCAL_SERVER_PORT = 1;
const LOCAL_CLIENT_PORTS = { first: 1_024, count: 64_512 } as const;

export class PcapFile {
  readonly output: Writable;

  /** @param output is ended by the caller */
  constructor(output: Writable) {
    this.output = output;
    const header = Buffer.alloc(FILE_HEADER_BYTES);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(PACKET_BYTES_MAX, 16);
    header.writeUInt32LE(LINKTYPE_WIRESHARK_UPPER_PDU, 20);
    output.write(header);
  }

  /** One direction of a connection. */
  direction(passage: Passage, from: Side): WireUnits {
    const tags = tagsOf(passage, from);
    return new WireUnits(PACKET_BYTES_MAX - tags.length, (bytes, length) =>
      this.#packet(tags, bytes, length),
    );
  }

  #packet(tags: Buffer, bytes: Buffer, length: number): void {
    const header = Buffer.alloc(PACKET_HEADER_BYTES);
    const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1e3);
    header.writeUInt32LE(Math.floor(microseconds / 1e6), 0);
    header.writeUInt32LE(microseconds % 1e6, 4);
    header.writeUInt32LE(tags.length + bytes.length, 8);
    header.writeUInt32LE(tags.length + length, 12);
    this.output.write(Buffer.concat([header, tags, bytes]));
  }
}

function tagsOf({ number, ports }: Passage, from: Side): Buffer {
  const { client, server } = ports ?? {
    client: LOCAL_CLIENT_PORTS.first + ((number - 1) % LOCAL_CLIENT_PORTS.count),
    server: LOCAL_SERVER_PORT,
  };
  const [source, target] = from === 'client' ? [client, server] : [server, client];
  return Buffer.concat([
    tag(Tag.dissector, Buffer.from('ringwire')),
    tag(Tag.sourceIp, LOOPBACK),
    tag(Tag.targetIp, LOOPBACK),
    tag(Tag.portType, wordOf(PORT_TYPE_TCP)),
    tag(Tag.sourcePort, wordOf(source)),
    tag(Tag.targetPort, wordOf(target)),
    tag(Tag.end, Buffer.alloc(0)),
  ]);
}

/** Number and length in network order, the value padded to a multiple of 4. */
function tag(number: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(number, 0);
  bytes.writeUInt16BE(bytes.length - 4, 2);
  value.copy(bytes, 4);
  return bytes;
}

function wordOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
