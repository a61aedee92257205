/**
 * The two packages under one roof: ringwire, and the original that proves the tests (the oracle). Both are loaded by name
 * at run time, so that a test compiles and says what it needs before either exists.
 *
 * It imports nothing from src: the interfaces below are what a program written for node-ipc relies on, no more.
 * Invariant: nothing here knows how either package works inside.
 */
import type net from 'node:net';

export type SubjectName = 'ringwire' | 'oracle';

/** `never[]` lets a test register handlers with the parameters it expects. */
export type Handler = (...args: never[]) => void;

/** An accepted connection, as handlers of a server get it. */
export interface Peer extends net.Socket {
  id?: unknown;
}

export interface Emitter {
  on(type: string, handler: Handler): this;
  once(type: string, handler: Handler): this;
  off(type?: string, handler?: Handler | '*'): this;
  reset(): this;
  readonly list: Record<string | symbol, unknown[]>;
  publish(type: string, ...args: unknown[]): unknown;
  emit(...args: unknown[]): unknown;
  log(...args: unknown[]): unknown;
  readonly config: Config;
  path: string;
  port: unknown;
}

export interface Client extends Emitter {
  readonly Client: new (...args: unknown[]) => Client;
  readonly queue: { add(...jobs: unknown[]): void; next(): void; clear(): unknown };
  readonly socket: Peer;
  readonly retriesRemaining: number | false;
  readonly explicitlyDisconnected: boolean;
  id: string;
  connect(): void;
}

export interface Server extends Emitter {
  readonly udp4: boolean;
  readonly udp6: boolean;
  readonly server: net.Server;
  readonly sockets: Peer[];
  broadcast(...args: unknown[]): unknown;
  onStart(...args: unknown[]): void;
  start(): void;
  stop(options?: object): void;
}

interface Interfaces {
  localAddress: string | false;
  localPort: number | false;
  family: number | false;
  hints: number | false;
  lookup: unknown;
}

export interface Config {
  appspace: string;
  socketRoot: string;
  id: string;
  networkHost: string;
  networkPort: number;
  IPType: unknown;
  readableAll: boolean;
  writableAll: boolean;
  encoding: string;
  rawBuffer: boolean;
  delimiter: string;
  sync: boolean;
  silent: boolean;
  logInColor: boolean;
  logDepth: number;
  logger: (line: string) => void;
  logPayloads: boolean;
  maxConnections: number;
  retry: number;
  maxRetries: number | false;
  stopRetrying: number | boolean;
  unlink: boolean;
  reservedEvents: string;
  interface: Interfaces;
  interfaces: Interfaces;
  tls: object | false;
}

export interface Ipc {
  readonly IPC: new () => Ipc;
  config: Config;
  readonly of: Record<string, Client>;
  /** `false` until the first serve or serveNet. */
  readonly server: Server;
  connectTo(...args: unknown[]): unknown;
  connectToNet(...args: unknown[]): unknown;
  disconnect(id: string): unknown;
  serve(...args: unknown[]): unknown;
  serveNet(...args: unknown[]): unknown;
  log(...args: unknown[]): unknown;
}

/** What `import * as subject` yields. */
export interface Subject {
  readonly default: Ipc;
  readonly IPCModule: new () => Ipc;
  readonly IPC?: new () => Ipc;
}

/** Specifiers built by `new URL` are not rewritten by the compiler. */
export const EXTENSION: string = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
export const ORACLE_PACKAGE: string = '@achrinza/node-ipc';

export async function loadSubject(name: SubjectName): Promise<Subject> {
  const specifier =
    name === 'oracle' ? ORACLE_PACKAGE : new URL(`../../../src/index${EXTENSION}`, import.meta.url).href;
  return (await import(specifier)) as Subject;
}
