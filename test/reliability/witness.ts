/**
 * The rule under which the rows of RELIABILITY.md run: a bad peer misbehaves, and two witnesses on the same server lose nothing, get nothing
 * twice or out of turn, and stay fast; the server's process catches everything and gives back its descriptors and memory.
 *
 * The bad peer is the caller's, made of plain sockets. The machine may be busy: what a bare server beside suffers is no fault of ringwire's.
 * Invariant: a row ends with its server closed, also when it failed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXTENSION } from '../compat/support/subjects.ts';
import { within } from '../compat/support/waiting.ts';
import { frame } from '../frames/naive.ts';
import { ANNOUNCE, Attacker, greetingIn, inGroups, JSON_CODEC, MSGPACK, RAW } from './attacker.ts';
import type { Config } from '../../src/index.ts';

const P99_MS = 20;
const DELAY_MS = 100;
/** A quiet run, so that a row always has something to compare. */
const QUIET_MS = 60;
const PATIENCE_MS = 60_000;
const MIB: number = 1024 * 1024;
/** A busy machine may make one attempt slow, not each. */
const ATTEMPTS = 3;
/** After the first one that was too slow; longer after each further one. */
const PAUSE_MS = 500;
/** Peers that have been there before the first row: a server that is attacked has been up for a while, its code is compiled. */
const EARLIER_PEERS = 400;

class TooSlow extends Error {}

/** What the witnesses tell. */
export interface Testimony {
  messages: number;
  faults: string[];
  p99Ms: number;
  /** Of the bare server beside. */
  controlP99Ms: number;
  controlDelayMs: number;
}

/** What the process under attack tells of itself. */
export interface Reading {
  fds: number;
  rss: number;
  rssPeak: number;
  delayMs: number;
  uncaught: string[];
  warnings: string[];
}

/** What it tells of one server. */
export interface Account {
  /** Errors by their code, without its prefix. */
  errors: Record<string, number>;
  /** Errors that said that the connection was closed. */
  closedErrors: number;
  /** Messages called `msg` or `wild`. */
  delivered: number;
  connects: number;
  closes: number;
  witnessFaults: string[];
  /** Pushed messages, and how often `emit` said false. */
  offered: number;
  falses: number;
  drains: number;
  pendingMax: number;
  sockets: number;
  ids: unknown[];
  stats:
    | {
        pendingBytes: number;
        unsentBytes: number;
        receivedBytes: number;
        dropped: Record<string, number>;
        refusals: Record<string, number>;
      }
    | undefined;
  polluted: boolean;
  /** Exceptions of handlers that came through, in the whole process. */
  uncaught: number;
  /** What the row cost in memory at most, in MiB; of the last account alone. */
  grownMib: number;
}

export interface Opening {
  settings: Partial<Config>;
  path: string;
  tcp?: boolean;
}

export interface RowOptions {
  readonly settings?: Partial<Config>;
  readonly tcp?: boolean;
  /** Where the witnesses are: at the server of the row, or at another one of the same process. */
  readonly witnesses?: 'here' | 'beside';
  /** How much memory the row may cost, in MiB. */
  readonly rssMib?: number;
  /** Exceptions of the program's own handlers that have to come through. */
  readonly uncaught?: RegExp;
  /** Set when handlers of the row block the loop themselves. */
  readonly blocks?: boolean;
}

/** A server under attack. */
export interface Target {
  readonly address: net.NetConnectOpts & { path?: string; port?: number };
  readonly folder: string;
  readonly account: () => Promise<Account>;
  /** Asks until the account says what is wanted. */
  readonly until: (what: string, done: (account: Account) => boolean) => Promise<Account>;
}

/** Requests to a process and their answers. */
class Line {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (answer: unknown) => void; reject: (error: Error) => void }
  >();
  #asked = 0;
  readonly ready: Promise<unknown>;
  readonly #ended: Promise<[code: number | null, signal: string | null]>;

  /** @param launcher comes before the words of the command */
  constructor(program: string, args: readonly string[], launcher: readonly string[] = []) {
    const file = fileURLToPath(new URL(`./${program}${EXTENSION}`, import.meta.url));
    const words = [...launcher, process.execPath, '--throw-deprecation', '--trace-uncaught'];
    const [execPath, ...execArgv] = words as [string, ...string[]];
    this.#process = fork(file, args, { execPath, execArgv, serialization: 'advanced' });
    this.#ended = once(this.#process, 'exit') as Promise<[number | null, string | null]>;
    this.ready = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    this.#process.on('message', (message: { id: number; answer?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.answer);
      else waiting?.reject(new Error(message.error));
    });
    this.#process.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`${program} ended: ${signal ?? code}`));
    });
  }

  ask(message: object): Promise<unknown> {
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#process.send({ id, ...message }, (error) => {
      if (error !== null) this.#waiting.get(id)?.reject(error);
    });
    return within('an answer of a child', answer, PATIENCE_MS);
  }

  async end(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const [code, signal] = await within('a child to end', this.#ended);
    assert.equal(code, 0, `the process ends by itself, not by ${signal ?? code}`);
  }
}

export class Harness {
  readonly folder: string;
  readonly #victim: Line;
  readonly #witnesses: Line;
  #keys = 0;

  private constructor(folder: string, launcher: readonly string[]) {
    this.folder = folder;
    this.#victim = new Line('victim-program', [], launcher);
    this.#witnesses = new Line('witness-program', [join(folder, 'control')]);
  }

  /** @param launcher starts the process under attack: a command that runs the words behind it */
  static async start(launcher: readonly string[] = []): Promise<Harness> {
    const harness = new Harness(await mkdtemp(join(tmpdir(), 'ringwire-rel-')), launcher);
    await Promise.all([harness.#victim.ready, harness.#witnesses.ready]);
    await harness.#warmUp();
    return harness;
  }

  /** Peers on both wires, in each codec, come, ask, are answered and go. */
  async #warmUp(): Promise<void> {
    const { key, address } = await this.#open({ settings: {}, path: '' });
    await inGroups(EARLIER_PEERS, async (index) => {
      const codec = [0, JSON_CODEC, MSGPACK, RAW][index % 4] as number;
      const peer = await Attacker.connect(address);
      // The digit is a value in each codec.
      if (codec !== 0) peer.write(Buffer.concat([greetingIn(codec), ANNOUNCE, frame(0x8000, codec, '1')]));
      await peer.settled(codec !== 0);
      await peer.leave();
    });
    await this.#victim.ask({ what: 'close', key });
  }

  async end(): Promise<void> {
    await Promise.all([this.#victim.end(), this.#witnesses.end()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /**
   * Runs `attack` against a new server, with the witnesses on it. An attempt that was only slow is repeated, from its start: the machine has
   * other work too. @returns the server's last account
   */
  async row(options: RowOptions, attack: (target: Target) => Promise<void>): Promise<Account> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(options, attack);
      } catch (error) {
        if (!(error instanceof TooSlow) || attempt === ATTEMPTS) throw error;
        // What disturbs the machine takes seconds.
        await new Promise((resolve) => setTimeout(resolve, attempt * PAUSE_MS));
      }
    }
  }

  async #attempt(options: RowOptions, attack: (target: Target) => Promise<void>): Promise<Account> {
    const { settings = {}, tcp = false, witnesses = 'here' } = options;
    const beside = witnesses === 'here' ? undefined : await this.#open({ settings: {}, path: '' });
    const server = await this.#open({ settings, path: '', tcp });
    const before = (await this.#victim.ask({ what: 'begin' })) as Reading;
    await this.#witnesses.ask({ begin: (beside ?? server).address });
    let outcome: { testimony: Testimony; after: Reading; account: Account } | undefined;
    try {
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      await attack(server.target);
    } finally {
      const testimony = (await this.#witnesses.ask({})) as Testimony;
      const after = (await this.#victim.ask({ what: 'read' })) as Reading;
      const account = (await this.#victim.ask({ what: 'close', key: server.key })) as Account;
      if (beside !== undefined) await this.#victim.ask({ what: 'close', key: beside.key });
      outcome = { testimony, after, account };
    }
    const { testimony, after, account } = outcome;
    judge(options, before, after, testimony, account);
    await this.#descriptors(before.fds, beside === undefined ? 1 : 2);
    if (options.blocks !== true) judgeTimes(after, testimony);
    return account;
  }

  async #open(opening: Opening): Promise<{ key: number; address: Target['address']; target: Target }> {
    const key = ++this.#keys;
    const path = opening.path === '' ? join(this.folder, String(key)) : opening.path;
    const address = (await this.#victim.ask({
      what: 'open',
      key,
      opening: { ...opening, path },
    })) as Target['address'];
    const account = (): Promise<Account> => this.#victim.ask({ what: 'account', key }) as Promise<Account>;
    const until = async (what: string, done: (account: Account) => boolean): Promise<Account> => {
      const end = performance.now() + 20_000;
      for (;;) {
        const now = await account();
        if (done(now)) return now;
        assert.ok(performance.now() < end, `waited in vain for ${what}: ${JSON.stringify(now)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    return { key, address, target: { address, folder: this.folder, account, until } };
  }

  /** Every descriptor but those of the listeners, which were there at the first count, is given back. */
  async #descriptors(before: number, listeners: number): Promise<void> {
    const end = performance.now() + 5000;
    let fds = before;
    for (;;) {
      ({ fds } = (await this.#victim.ask({ what: 'read' })) as Reading);
      if (fds <= before - (before === 0 ? 0 : listeners)) return;
      assert.ok(performance.now() < end, `${fds} file descriptors, ${before - listeners} before`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function judge(
  options: RowOptions,
  before: Reading,
  after: Reading,
  testimony: Testimony,
  account: Account,
): void {
  const { rssMib = 64 } = options;
  assert.deepEqual(testimony.faults, [], 'the witnesses');
  assert.deepEqual(account.witnessFaults, [], 'what the witnesses said');
  assert.ok(testimony.messages > 50, `the witnesses exchanged ${testimony.messages} messages`);
  const grown = (account.grownMib = (after.rssPeak - before.rss) / MIB);
  assert.ok(grown <= rssMib, `${grown.toFixed(1)} MiB more, ${rssMib} are allowed`);
  const unexpected = after.uncaught.filter((each) => options.uncaught?.test(each) !== true);
  assert.deepEqual(unexpected, [], 'uncaught');
  assert.deepEqual(after.warnings, [], 'warnings');
  assert.equal(account.polluted, false, 'Object.prototype is as it was');
  assert.equal(account.connects, account.closes, 'each peer that came has gone, once');
}

function judgeTimes({ delayMs }: Reading, { p99Ms, controlP99Ms, controlDelayMs }: Testimony): void {
  const p99Max = Math.max(P99_MS, 5 * controlP99Ms);
  const delayMax = Math.max(DELAY_MS, 5 * controlDelayMs);
  const figures = `p99 ${p99Ms.toFixed(1)} of ${p99Max.toFixed(1)} ms, loop held ${delayMs.toFixed(1)} of ${delayMax.toFixed(1)} ms`;
  if (p99Ms > p99Max || delayMs > delayMax) throw new TooSlow(`the witnesses had to wait: ${figures}`);
}
