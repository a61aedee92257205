/**
 * The bad peer: a plain socket with an ear. It can send whatever it likes, in pieces, slowly, and leave rudely.
 *
 * It imports nothing from src. Invariant: an error of the socket is no error of the test; `closed` follows.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setPriority } from 'node:os';
import tls from 'node:tls';
import { within } from '../compat/support/waiting.ts';
import { frame } from '../frames/naive.ts';

const PATIENCE_MS = 20_000;
const ATTACKER_NICE = 10;
/** Attackers at once. */
const GROUP = 20;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

export const JSON_CODEC = 1;
export const MSGPACK = 2;
export const RAW = 3;
export const PREAMBLE: Buffer = hex('f5530100 00000001');
/** In the codec raw; decodes json, msgpack and raw. */
export const HELLO: Buffer = frame(0, 0, hex('01 03 0e00 0100 0000 61'));
export const GREETING: Buffer = Buffer.concat([PREAMBLE, HELLO]);
/** The name `msg` for id 0x8000. */
export const ANNOUNCE: Buffer = announce(0, 'msg');
export const PING: Buffer = frame(0, 0, hex('03000000 deadbeef'));
export const PONG: Buffer = frame(0, 0, hex('04000000 deadbeef'));
export const QUESTION: Buffer = Buffer.from('{"type":"ask","data":"alive"}\f');
export const ANSWER: Buffer = Buffer.from('{"type":"answer","data":"alive"}\f');

export function announce(index: number, name: string): Buffer {
  const head = Buffer.of(2, 0, index & 0xff, 0x80 | (index >> 8));
  return frame(0, 0, Buffer.concat([head, Buffer.from(name)]));
}

/** The greeting of a peer that prefers a codec. */
export function greetingIn(codec: number): Buffer {
  return Buffer.concat([PREAMBLE, frame(0, 0, hex(`01 0${codec} 0e00 0100 0000 61`))]);
}

export function header(length: number, event: number, codec: number, flags = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(event, 4);
  bytes[6] = codec;
  bytes[7] = flags;
  return bytes;
}

export function json(type: string, data?: unknown): Buffer {
  return Buffer.from(`${JSON.stringify({ type, data })}\f`);
}

export class Attacker {
  readonly socket: net.Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  received: Buffer[] = [];
  receivedBytes = 0;
  /** Keep what arrives. */
  keeps = true;
  #check: () => void = () => {};

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      if (this.keeps) this.received.push(chunk);
      // Other listeners of the chunk come first.
      queueMicrotask(() => this.#check());
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        this.#check();
        resolve();
      });
    });
  }

  static async connect(address: net.NetConnectOpts, allowHalfOpen = false): Promise<Attacker> {
    const attacker = new Attacker(net.connect({ ...address, allowHalfOpen }));
    await within('a bad peer to connect', once(attacker.socket, 'connect'), PATIENCE_MS);
    return attacker;
  }

  static async connectTls(address: net.NetConnectOpts, ca: Buffer, allowHalfOpen = false): Promise<Attacker> {
    const options = { ...address, ca, allowHalfOpen, servername: 'localhost' };
    const attacker = new Attacker(tls.connect(options as tls.ConnectionOptions));
    await within('a bad peer to connect', once(attacker.socket, 'secureConnect'), PATIENCE_MS);
    return attacker;
  }

  static many(address: net.NetConnectOpts, count: number): Promise<Attacker[]> {
    return Promise.all(Array.from({ length: count }, () => Attacker.connect(address)));
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  get all(): Buffer {
    const all = Buffer.concat(this.received);
    this.received = [all];
    return all;
  }

  async until(what: string, done: () => boolean): Promise<void> {
    const seen = new Promise<void>((resolve, reject) => {
      this.#check = () => {
        if (done()) resolve();
        else if (this.isClosed) reject(new Error(`the bad peer was cut before ${what}`));
      };
    });
    this.#check();
    await within(what, seen, PATIENCE_MS);
  }

  /** The server has read all that was sent so far, on the wire of this peer. */
  async settled(isBinary: boolean): Promise<void> {
    const answer = isBinary ? PONG : ANSWER;
    this.write(isBinary ? PING : QUESTION);
    await this.until('an answer', () => this.all.includes(answer));
    this.received = [];
  }

  untilClosed(): Promise<void> {
    return within('a bad peer to be cut', this.closed, PATIENCE_MS);
  }

  /** Leaves and waits for it. */
  async leave(): Promise<void> {
    this.socket.destroy();
    await this.untilClosed();
  }
}

/** From now on this process takes what processors the others leave: what an attacker takes of them is no fault of the server's. */
export function giveWay(): void {
  setPriority(ATTACKER_NICE);
}

/**
 * Runs `attack` for each index below `count`, a group at once, with breaks as long as a group takes. The attackers share the machine's processors
 * with the server: without breaks the witnesses would wait for them, not for it.
 */
export async function inGroups(count: number, attack: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += GROUP) {
    const start = performance.now();
    const length = Math.min(GROUP, count - from);
    await Promise.all(Array.from({ length }, (_, index) => attack(from + index)));
    await new Promise((resolve) => setTimeout(resolve, performance.now() - start));
  }
}

/** What a goodbye among the received frames gives as its reason. */
export function goodbyeReason(received: Buffer): number | undefined {
  let reason: number | undefined;
  let at = received.indexOf(0xf5) + 8;
  for (; at + 8 <= received.length; at += 8 + Math.ceil(received.readUInt32LE(at) / 8) * 8)
    if (received.readUInt16LE(at + 4) === 0 && received[at + 8] === 5)
      reason = received.readUInt16LE(at + 10);
  return reason;
}
