/**
 * The parts of a real endpoint without its sockets: wires that write into memory, and their pool to look at.
 *
 * Invariant: what a wire sends here is what it would send; what it receives goes to `received`.
 */
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import type { SlabPool } from '../../src/bytes/slab-pool.ts';
import type { CodecName } from '../../src/codecs/codec.ts';
import type { ConnectionContext } from '../../src/connection/contracts.ts';
import type { Sink, Wire } from '../../src/connection/wire.ts';
import { makeContext } from '../../src/endpoints/context.ts';
import { Emitter, type Slot } from '../../src/emitter.ts';
import { Config } from '../../src/ipc/config.ts';
import { contextOptions } from '../../src/ipc/config-options.ts';

export type WireName = CodecName | 'node-ipc';
export const WIRES: readonly WireName[] = ['node-ipc', 'json', 'msgpack', 'raw'];

export interface Received {
  readonly event: string;
  readonly data: unknown;
}

export function contextFor(settings: Partial<Config> = {}): ConnectionContext {
  return makeContext(new Emitter(), contextOptions(Object.assign(new Config(), settings), true));
}

/** One side of a connection: everything that it wants to send lands in `segments`. */
export class Side {
  readonly wire: Wire;
  readonly out: ByteWriter;
  readonly pool: SlabPool;
  readonly segments: Segment[] = [];
  readonly received: Received[] = [];
  readonly refused: Error[] = [];

  constructor(name: WireName, settings: Partial<Config> = {}) {
    const codec = name === 'node-ipc' ? {} : { codec: name };
    const context = contextFor({ ...settings, ...codec });
    this.pool = context.pool;
    this.out = new ByteWriter(context.pool, (segment) => this.segments.push(segment));
    const take = (slot: Slot, data: unknown): void => void this.received.push({ event: slot.name, data });
    const sink = {
      emitter: context.emitter,
      origin: undefined,
      value: take,
      bytes: take,
      refused: (error: Error) => void this.refused.push(error),
      respond: () => {},
      established: () => {},
    } as unknown as Sink;
    this.wire = context.makeWire(name === 'node-ipc' ? 'delimited' : 'binary', sink);
  }

  /** What was sent since the last call; the memory goes back to the pool. */
  take(): Buffer {
    this.out.seal();
    const segments = this.segments.splice(0);
    const bytes = Buffer.concat(segments.map((each) => each.bytes));
    for (const each of segments) this.out.written(each);
    return bytes;
  }
}
