/**
 * The memory that a view reads and the place in it. A view and everything inside of it share one Memory, so turning to other bytes is one
 * change for all of them.
 *
 * Invariant: `data` covers exactly the bytes of `bytes`: the same index means the same byte in both.
 */
const NOTHING: Buffer = Buffer.alloc(0);

export class Memory {
  bytes: Buffer = NOTHING;
  data: DataView = dataViewOf(NOTHING);

  turnTo(bytes: Buffer): void {
    this.bytes = bytes;
    this.data = dataViewOf(bytes);
  }
}

/** A flyweight over some bytes of a Memory. Its own properties begin with $, which no field does. */
export abstract class Place {
  readonly $memory: Memory;
  /** Where it begins. */
  $at = 0;

  constructor(memory: Memory) {
    this.$memory = memory;
  }
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function dataViewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The text that fills at most `count` bytes: UTF-8 up to the first zero. */
export function readText({ bytes }: Memory, at: number, count: number): string {
  let end = at;
  while (end < at + count && bytes[end] !== 0) end++;
  return end === at ? '' : bytes.toString('utf8', at, end);
}
