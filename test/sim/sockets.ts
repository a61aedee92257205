/**
 * `net.Socket` and `net.Server` over the simulated network: Node's own Duplex with the handle's part written anew, after lib/net.js. Reads come by
 * `onread` or as 'data', accepted handles can be wrapped again.
 *
 * Invariant: 'close' is the last event of a socket; a server counts each accepted handle once.
 */
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { Host } from './clock.ts';
import type { Handle, HandleOwner } from './handle.ts';
import type { Link, Network } from './network.ts';

interface OnRead {
  buffer(): Buffer;
  callback(bytes: number, buffer: Buffer): boolean;
}

interface SocketOptions {
  readonly allowHalfOpen?: boolean;
  readonly onread?: OnRead;
  readonly handle?: Handle;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

type Done = (error?: Error | null) => void;

const CHUNK_BYTES: number = 64 * 1024;

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

export class FakeSocket extends Duplex implements HandleOwner {
  connecting = false;
  /** The connection that it is, or was, an end of. */
  link: Link | undefined = undefined;
  _handle: Handle | null = null;
  _server: FakeServer | null = null;
  server: FakeServer | null = null;
  readonly #onread: OnRead | undefined;
  readonly #keepAliveMs: number;
  #buffer: Buffer | undefined = undefined;
  #network: Network | undefined = undefined;

  constructor(options: SocketOptions) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false, autoDestroy: true, emitClose: false });
    this.#onread = options.onread;
    this.#keepAliveMs = options.keepAlive === true ? (options.keepAliveInitialDelay ?? Infinity) : Infinity;
    if (options.handle !== undefined) this.#take(options.handle);
  }

  static connect(network: Network, options: object): FakeSocket {
    const socket = new FakeSocket(options as SocketOptions);
    socket.#network = network;
    socket.connecting = true;
    socket.#buffer = socket.#onread?.buffer();
    network.connect(socket, (options as { port: number }).port);
    return socket;
  }

  #hold(handle: Handle): void {
    this._handle = handle;
    this.link = handle.link;
    handle.owner = this;
    handle.keepAliveMs = Math.min(handle.keepAliveMs, this.#keepAliveMs);
  }

  #take(handle: Handle): void {
    this.#hold(handle);
    this.#buffer = this.#onread?.buffer();
  }

  // What the network tells.

  connected(handle: Handle): void {
    if (this.destroyed) {
      handle.close(() => {});
      return;
    }
    this.connecting = false;
    this.#hold(handle);
    this.emit('connect');
    this.emit('ready');
    if (!this.isPaused()) this.read(0);
  }

  connectFailed(code: string): void {
    if (!this.destroyed) this.destroy(systemError(code, 'connect'));
  }

  get readRoom(): number {
    return this.#buffer?.length ?? CHUNK_BYTES;
  }

  arrived(bytes: Buffer): void {
    const onread = this.#onread;
    if (onread === undefined) {
      if (!this.push(bytes)) this._handle?.readStop();
      return;
    }
    const buffer = this.#buffer as Buffer;
    bytes.copy(buffer);
    const goesOn = onread.callback(bytes.length, buffer);
    this.#buffer = onread.buffer();
    if (!goesOn) this._handle?.readStop();
  }

  ended(): void {
    this.push(null);
    this.read(0);
  }

  failed(code: string, call: string): void {
    this.destroy(systemError(code, call));
  }

  // What Node's streams ask for.

  override _read(): void {
    if (this.connecting) this.once('connect', () => this._read());
    else this.#startReading();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#write([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    if (this.connecting) {
      this.once('connect', () => this._final(done));
      return;
    }
    if (this._handle === null) done();
    else this._handle.shutdown((code) => done(code === undefined ? null : systemError(code, 'shutdown')));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.connecting = false;
    const closed = (): void => void this.emit('close', error !== null);
    const handle = this._handle;
    this._handle = null;
    if (handle !== null) handle.close(closed);
    else if (this.#network === undefined) process.nextTick(closed);
    else this.#network.clock.after(0, this.#network.clock.current, closed);
    done(error);
    const server = this._server;
    this._server = null;
    server?.left();
  }

  override pause(): this {
    if (this.#onread !== undefined && this._handle?.reading === true) this._handle.readStop();
    return super.pause();
  }

  override resume(): this {
    if (this.#onread !== undefined && !this.connecting) this.#startReading();
    return super.resume();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #startReading(): void {
    if (this._handle?.reading === false) this._handle.readStart();
  }

  #write(chunks: readonly Buffer[], done: Done): void {
    if (this.connecting) {
      this.once('connect', () => this.#write(chunks, done));
      return;
    }
    const handle = this._handle;
    if (handle === null) {
      done(systemError('ERR_SOCKET_CLOSED', 'write'));
      return;
    }
    const isTaken = handle.write(chunks, (code) => {
      // A socket that is destroyed already has told why.
      done(code === undefined || this.destroyed ? null : systemError(code, 'write'));
    });
    if (isTaken) done();
  }
}

type ServerOptions = Pick<SocketOptions, 'allowHalfOpen' | 'keepAlive' | 'keepAliveInitialDelay'>;

export class FakeServer extends EventEmitter {
  readonly host: Host;
  listening = false;
  maxConnections = Infinity;
  readonly #network: Network;
  readonly #options: ServerOptions;
  #connections = 0;
  #port = 0;
  #isClosing = false;

  constructor(network: Network, options: object, accepted: (socket: FakeSocket) => void) {
    super();
    this.#network = network;
    this.#options = options;
    this.host = network.clock.current as Host;
    this.on('connection', accepted);
  }

  listen(port: number, _host: string, done?: () => void): this {
    if (done !== undefined) this.once('listening', done);
    this.#port = port;
    this.#network.clock.after(0, this.host, () => {
      this.listening = this.#network.listen(this, port);
      if (this.listening) this.emit('listening');
      else this.emit('error', systemError('EADDRINUSE', 'listen'));
    });
    return this;
  }

  address(): { port: number; address: string; family: string } {
    return { port: this.#port, address: '127.0.0.1', family: 'IPv4' };
  }

  accept(handle: Handle): void {
    if (this.#connections >= this.maxConnections) {
      handle.close(() => {});
      this.emit('drop');
      return;
    }
    const socket = new FakeSocket({ ...this.#options, handle });
    socket._server = socket.server = this;
    this.#connections++;
    this.emit('connection', socket);
  }

  /** A connection is gone. */
  left(): void {
    this.#connections--;
    this.#closeIfEmpty();
  }

  close(): this {
    if (!this.listening) return this;
    this.listening = false;
    this.#isClosing = true;
    this.#network.unlisten(this);
    this.#closeIfEmpty();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #closeIfEmpty(): void {
    if (!this.#isClosing || this.#connections > 0) return;
    this.#isClosing = false;
    process.nextTick(() => this.emit('close'));
  }
}
