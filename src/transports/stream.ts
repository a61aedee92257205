/**
 * How bytes travel over a connected stream: Unix socket, pipe, TCP or TLS, all the same from here on. Where Node allows it the
 * kernel reads straight into memory that the receiver names (`onread`); TLS sockets and sockets that cannot be re-wrapped
 * deliver chunks instead. It knows neither frames nor peers.
 *
 * Invariant: after `closed` nothing is called any more, and each `write` has had its `written`.
 */
import net from 'node:net';
import type { Segment } from '../bytes/byte-writer.ts';

/** What a transport tells its connection, and where it asks for memory. */
export interface TransportHandlers {
  /** Where the next read should land. Borrowed until `received` or the next `receiving`. */
  receiving(): Buffer;
  /** That many bytes landed there. */
  received(bytes: number): void;
  /** A chunk in memory of the operating system layer, borrowed for the call. */
  receivedChunk(chunk: Buffer): void;
  /** The segment is on its way, or never will be; its memory is free again. @param isLost it never will be, at least not all of it */
  written(segment: Segment, isLost: boolean): void;
  /** The peer will send nothing more; it may still want answers. */
  ended(): void;
  failed(error: Error): void;
  closed(): void;
}

/** What a socket's handle knows of a write that is only half done, and the socket does not. */
interface WriteCounts {
  bytesWritten: number;
  writeQueueSize: number;
}

const HANDLERS: unique symbol = Symbol('ringwire handlers');

/** Listeners find their handlers at the socket: functions of its own would cost each idle connection more. */
interface TransportSocket extends net.Socket {
  [HANDLERS]: TransportHandlers;
}

function failed(this: TransportSocket, error: Error): void {
  this[HANDLERS].failed(error);
}

function ended(this: TransportSocket): void {
  this[HANDLERS].ended();
}

function closed(this: TransportSocket): void {
  this[HANDLERS].closed();
}

export class StreamTransport {
  readonly socket: net.Socket;
  readonly #handlers: TransportHandlers;

  /**
   * @param socket connected, connecting or accepted
   * @param handlers the connection; called only from later events
   * @param onread reads arrive by `onread`, otherwise by 'data' events
   */
  constructor(socket: net.Socket, handlers: TransportHandlers, onread: boolean) {
    this.socket = socket;
    this.#handlers = handlers;
    (socket as TransportSocket)[HANDLERS] = handlers;
    socket.on('error', failed);
    socket.on('end', ended);
    socket.on('close', closed);
    if (!onread) socket.on('data', (chunk: Buffer) => handlers.receivedChunk(chunk));
  }

  /** Begins to deliver what arrives. */
  start(): void {
    this.socket.resume();
  }

  /**
   * Writes in order. The memory of the segments is the transport's until `written`, which comes at once when the system took
   * everything: a sender in a loop then fills the same, still cached slab again.
   */
  write(segments: readonly Segment[]): void {
    const socket = this.socket;
    const last = segments.length - 1;
    let done = false;
    const written = (error?: Error | null): void => {
      if (done) return;
      done = true;
      // A write that a destroyed socket gave up completes without an error.
      const isLost = socket.destroyed || (error !== undefined && error !== null);
      for (const segment of segments) this.#handlers.written(segment, isLost);
    };
    if (last > 0) socket.cork();
    for (let at = 0; at < last; at++) socket.write((segments[at] as Segment).bytes);
    // The callback comes too when the socket is or gets destroyed.
    socket.write((segments[last] as Segment).bytes, written);
    if (last > 0) socket.uncork();
    // One that the system has refused just now counts as nothing that waits, and is not destroyed before the next tick.
    if (socket.writableLength === 0 && !socket.destroyed && socket.errored === null) written();
  }

  /** Bytes that the system has taken; undefined where Node does not tell. */
  get takenBytes(): number | undefined {
    const { _handle } = this.socket as unknown as { _handle?: Partial<WriteCounts> | null };
    const { bytesWritten, writeQueueSize } = _handle ?? {};
    return bytesWritten === undefined || writeQueueSize === undefined
      ? undefined
      : bytesWritten - writeQueueSize;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Closes after all that was written has left. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The `onread` option that lets the kernel read into `handlers.receiving()`. */
export function onreadOptions(handlers: Pick<TransportHandlers, 'receiving' | 'received'>): net.OnReadOpts {
  return {
    buffer: () => handlers.receiving(),
    callback: (bytes: number) => {
      handlers.received(bytes);
      return true;
    },
  };
}
