/**
 * A server with raw peers: what a limit does to one of them, and that a witness does not notice. Peers are plain `net`.
 *
 * Invariant: what a stage opened is closed by `close`, also after a failure.
 */
import net from 'node:net';
import { type Config, IPC } from '../../src/index.ts';
import { frame } from '../frames/naive.ts';
import { HELLO, PREAMBLE } from '../hostile/binary-cases.ts';
import { Peer, Stage, within } from '../hostile/stage.ts';

export const GREETING: Buffer = Buffer.concat([PREAMBLE, HELLO]);
export const PING: Buffer = frame(0, 0, Buffer.from('03000000deadbeef', 'hex'));
export const PONG: Buffer = frame(0, 0, Buffer.from('04000000deadbeef', 'hex'));

/** Runs `play` on a stage of its own. */
export async function onStage(
  settings: Partial<Config>,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const stage = await Stage.open(settings);
  try {
    await play(stage);
  } finally {
    await stage.close();
  }
}

/** A peer that has greeted on the ringwire wire and was greeted. */
export async function greeted(stage: Stage): Promise<Peer> {
  const peer = await stage.peer();
  peer.socket.write(Buffer.concat([GREETING, PING]));
  await peer.until(PONG, 'a pong');
  return peer;
}

/** The last goodbye among frames that begin with the preamble. */
export function goodbyeReason(received: Buffer): number | undefined {
  let reason: number | undefined;
  let at = received.indexOf(0xf5) + 8;
  for (; at + 8 <= received.length; at += 8 + Math.ceil(received.readUInt32LE(at) / 8) * 8)
    if (received.readUInt16LE(at + 4) === 0 && received[at + 8] === 5)
      reason = received.readUInt16LE(at + 10);
  return reason;
}

export function codes(stage: Stage): string[] {
  return stage.errors.map((error) => error.code.replace('ERR_RINGWIRE_', ''));
}

/** Until `isSo`, looked at on every turn of the event loop. */
export function until(what: string, isSo: () => boolean): Promise<void> {
  let stopped = false;
  const seen = new Promise<void>((resolve) => {
    const look = (): void => {
      if (isSo()) resolve();
      else if (!stopped) setImmediate(look);
    };
    look();
  });
  return within(what, seen).finally(() => (stopped = true));
}

/** A raw server that does with each connection what a test says. */
export async function rawServer(path: string, accept: (socket: net.Socket) => void): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    accept(socket);
  });
  await within('a raw server', new Promise<void>((resolve) => server.listen(path, resolve)));
  return server;
}

export function makeIpc(settings: Partial<Config>): IPC {
  const ipc = new IPC();
  Object.assign(ipc.config, { silent: true, retry: 20 }, settings);
  return ipc;
}
