/**
 * `ringwire/daemon`: a local daemon that starts with the first program that needs it and ends when nobody does. `runDaemon` is what the daemon's
 * program calls, `connectDaemon` what the others call.
 *
 * Invariant: at most one process serves a name at a time, whoever races for it, and however the last one died.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import timers from 'node:timers/promises';
import url from 'node:url';
import { type Address, type Place, placeOf } from '../api/address.ts';
import { connect, listen } from '../api/api.ts';
import type { PeerClient } from '../api/client.ts';
import { timeoutOf } from '../api/option-checks.ts';
import type { ConnectOptions, ListenOptions } from '../api/options.ts';
import type { AskOptions } from '../api/requests/asked.ts';
import type { PeerServer } from '../api/server.ts';
import type { EventContract } from '../api/types.ts';
import { RingwireError } from '../errors.ts';
import { type Lock, tryLock } from './lock.ts';

/** What `runDaemon` takes: the options of `listen`, and when and where the daemon serves. */
export interface DaemonOptions extends Omit<ListenOptions, 'id'> {
  /** Told to everybody who connects; see `ConnectDaemonOptions.version`. */
  readonly version?: string;
  /**
   * Milliseconds without a client after which the daemon closes: a minute unless said otherwise, Infinity: never. The first client has
   * at least five seconds to come.
   */
  readonly idleMs?: number;
  /** Instead of a socket in a folder that only this user can enter. */
  readonly address?: Address;
}

/** What `connectDaemon` takes: the options of `connect`, and how the daemon is started. */
export interface ConnectDaemonOptions extends ConnectOptions {
  /** The daemon's program: a path or a file: URL. */
  readonly script: string | URL;
  /** Arguments for the script; none unless said otherwise. */
  readonly args?: readonly string[];
  /** The environment of the script, as a whole; ours unless said otherwise. */
  readonly env?: NodeJS.ProcessEnv;
  /** Refuse a daemon of another version. */
  readonly version?: string;
  /** Instead of refusing: ask the daemon of another version to close, and start the script. */
  readonly replace?: boolean;
  /** Where the daemon listens, when `runDaemon` was given an address. */
  readonly address?: Address;
}

const IDLE_MS = 60_000;
/** Whoever started the daemon, or waits for it, has at least so long to come, however short the idle time is. */
const FIRST_CLIENT_MS = 5_000;
/** A daemon that is just going away gives its place up within this. */
const LOCK_MS = 2_000;
const LOCK_PAUSE_MS = 20;
const START_MS = 10_000;
const CONNECT_PAUSE_MS = 25;
/** A script that ends at once is started again after pauses that double up to this. */
const START_PAUSE_MS_MAX = 1_000;
/** The request by which a program asks a daemon to make way. */
const CLOSE_REQUEST = 'ringwire.daemon.close';

/**
 * Serves `name` in this process, until it has been idle or `close` is called.
 * @throws RingwireError ERR_RINGWIRE_PATH_IN_USE when another process serves it, and what `listen` throws
 */
export function runDaemon(name: string, options?: DaemonOptions): Promise<PeerServer>;
export function runDaemon<E extends object>(
  name: string,
  options?: DaemonOptions,
): Promise<PeerServer<EventContract<E>>>;
export async function runDaemon(name: string, options: DaemonOptions = {}): Promise<PeerServer> {
  const { version = '', idleMs = IDLE_MS, address = addressFor(name), ...rest } = options;
  const lock = await takeLock(address, rest.signal);
  let server: PeerServer;
  try {
    server = await listen(address, { ...rest, id: idOf(name, version) });
  } catch (error) {
    lock.release();
    throw error;
  }
  server.lifecycle.on('close', () => lock.release());
  server.handle(CLOSE_REQUEST, () => void setImmediate(() => void server.close()));
  closeWhenIdle(server, idleMs);
  return server;
}

/**
 * Connects to the daemon `name`; starts its script when nobody serves the name. Eight programs that do so at once meet in one daemon.
 * @throws RingwireError ERR_RINGWIRE_DAEMON_VERSION, ERR_RINGWIRE_CONNECT_TIMEOUT, and what `connect` throws
 */
export function connectDaemon(name: string, options: ConnectDaemonOptions): Promise<PeerClient>;
export function connectDaemon<E extends object>(
  name: string,
  options: ConnectDaemonOptions,
): Promise<PeerClient<EventContract<E>>>;
export async function connectDaemon(name: string, options: ConnectDaemonOptions): Promise<PeerClient> {
  const { script, args, env, version, replace, address = addressFor(name), ...rest } = options;
  streamPlace(address);
  const { signal } = rest;
  const timeout = timeoutOf(rest.timeout, START_MS);
  const deadline = performance.now() + timeout;
  const starter = new Starter(script, args, env);
  for (;;) {
    signal?.throwIfAborted();
    try {
      const client = await connect(address, { ...rest, timeout: Math.max(1, deadline - performance.now()) });
      if (version === undefined || client.id === idOf(name, version)) return client;
      const left = { timeout: Math.max(1, deadline - performance.now()), ...(signal && { signal }) };
      await makeWay(client, replace === true, idOf(name, version), left);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      if (performance.now() > deadline) throw tooLate(name, timeout, starter.whyNot, error);
      starter.start();
    }
    await pauseFor(CONNECT_PAUSE_MS, signal);
  }
}

/** A daemon is one process at a place: datagrams cannot tell whether it is there. */
function streamPlace(address: Address): Place {
  const place = placeOf(address);
  if (place.kind !== 'udp') return place;
  throw new RingwireError('ERR_RINGWIRE_UDP_UNSUPPORTED', 'a daemon needs a local, tcp: or tls: address');
}

function addressFor(name: string): Address {
  return { ipc: name, appspace: 'daemon.', secureRoot: true };
}

function idOf(name: string, version: string): string {
  return version === '' ? name : `${name}@${version}`;
}

async function takeLock(address: Address, signal: AbortSignal | undefined): Promise<Lock> {
  const place = streamPlace(address);
  const what = place.kind === 'unix' ? place.path : `${place.kind}:${place.host}:${place.port}`;
  const deadline = performance.now() + LOCK_MS;
  for (;;) {
    const lock = await tryLock(what);
    if (lock !== undefined) return lock;
    if (performance.now() > deadline)
      throw new RingwireError('ERR_RINGWIRE_PATH_IN_USE', `another process serves ${what}`);
    await pauseFor(LOCK_PAUSE_MS, signal);
  }
}

/** Rejects with the signal's own reason. */
async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await timers.setTimeout(ms, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
}

function closeWhenIdle(server: PeerServer, idleMs: number): void {
  if (!Number.isFinite(idleMs)) return;
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    clearTimeout(timer);
    if (server.peers.size === 0) timer = setTimeout(() => void server.close(), ms);
  };
  server.lifecycle.on('connect', () => clearTimeout(timer));
  server.lifecycle.on('disconnect', () => wait(idleMs));
  server.lifecycle.on('close', () => clearTimeout(timer));
  wait(Math.max(idleMs, FIRST_CLIENT_MS));
}

/** Starts the script, and again when it has ended: one that lost the race ends, and the winner may have gone as well. */
class Starter {
  readonly #start: () => ChildProcess;
  #daemon: ChildProcess | undefined = undefined;
  #failure: Error | undefined = undefined;
  #starts = 0;
  #nextMs = 0;

  constructor(script: string | URL, args: readonly string[] | undefined, env: NodeJS.ProcessEnv | undefined) {
    this.#start = () => start(script, args, env);
  }

  /** Does nothing while the script runs, or has just been started. */
  start(): void {
    const now = performance.now();
    if (now < this.#nextMs || (this.#daemon !== undefined && !this.#hasEnded)) return;
    this.#nextMs = now + Math.min(CONNECT_PAUSE_MS * 2 ** this.#starts++, START_PAUSE_MS_MAX);
    this.#failure = undefined;
    this.#daemon = this.#start();
    this.#daemon.once('error', (error) => (this.#failure = error));
  }

  /** What became of the script, as far as it is known. */
  get whyNot(): string {
    if (this.#failure !== undefined) return `it cannot be started: ${this.#failure.message}`;
    if (this.#daemon === undefined) return 'nobody answered before there was a reason to start its script';
    const { exitCode, signalCode } = this.#daemon;
    if (!this.#hasEnded)
      return 'its script runs and does not serve: does it call runDaemon with this name and address?';
    const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
    return `its script ended ${how} each of ${this.#starts} times; run it by hand to see why`;
  }

  get #hasEnded(): boolean {
    const { exitCode, signalCode } = this.#daemon ?? { exitCode: null, signalCode: null };
    return this.#failure !== undefined || exitCode !== null || signalCode !== null;
  }
}

/** It lives on without us, and says nothing into our terminal. */
function start(script: string | URL, args: readonly string[] = [], env?: NodeJS.ProcessEnv): ChildProcess {
  const file = script instanceof URL || script.startsWith('file:') ? url.fileURLToPath(script) : script;
  const options = { detached: true, stdio: 'ignore', windowsHide: true, ...(env && { env }) } as const;
  const daemon = childProcess.spawn(process.execPath, [file, ...args], options);
  daemon.unref();
  return daemon;
}

async function makeWay(
  client: PeerClient,
  replace: boolean,
  wanted: string,
  options: AskOptions,
): Promise<void> {
  const running = client.id;
  try {
    if (replace) await client.request(CLOSE_REQUEST, undefined, options);
  } finally {
    await client.close();
  }
  if (replace) return;
  throw new RingwireError('ERR_RINGWIRE_DAEMON_VERSION', `the daemon that runs is ${running}, not ${wanted}`);
}

/** Nobody listens there, or the one who did is going. */
function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return [
    'ENOENT',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'EAGAIN',
    'ERR_RINGWIRE_CONNECT_TIMEOUT',
    'ERR_RINGWIRE_NOT_CONNECTED',
    'ERR_RINGWIRE_REQUEST_LOST',
  ].includes(code);
}

function tooLate(name: string, limit: number, why: string, cause: unknown): RingwireError {
  const message = `the daemon ${name} did not serve within ${limit} ms: ${why}`;
  return new RingwireError('ERR_RINGWIRE_CONNECT_TIMEOUT', message, { limit, cause });
}
