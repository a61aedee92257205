/**
 * What tests of acknowledged delivery share: a gate between client and server that cuts what passes, and what arrives and is told on either side.
 *
 * Invariant: behind a gate that is shut no connection lives; a test's stage closes it.
 */
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type {
  ConnectOptions,
  ListenOptions,
  PeerClient,
  PeerServer,
  RingwireError,
  ServerPeer,
} from '../../src/index.ts';
import { nextPeer, Stage, until } from './support.ts';

export const RECONNECT = { delayMs: 2, delayMsMax: 2 };

/** Passes connections on to a socket file, or ends them at once. */
export class Gate {
  isOpen = true;
  readonly path: string;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** Whoever connects, and what is told of the end of one: that the other end ends too. */
  readonly #near = new Set<net.Socket>();
  #isDeaf = false;

  private constructor(path: string, target: string) {
    this.path = path;
    this.#server = net.createServer((near) => {
      if (!this.isOpen) {
        near.destroy();
        return;
      }
      const far = net.connect(target);
      this.#near.add(near);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          this.#near.delete(from);
          if (!this.#isDeaf) to.destroy();
        });
        from.pipe(to, { end: false });
        from.on('end', () => this.#isDeaf || to.end());
      }
    });
  }

  static async before(stage: Stage, name = 'gate'): Promise<Gate> {
    const gate = new Gate(join(stage.folder, name), stage.path);
    gate.#server.listen(gate.path);
    await once(gate.#server, 'listening');
    stage.keep({
      close: async () => {
        gate.shut();
        gate.#server.close();
      },
    });
    return gate;
  }

  get address(): string {
    return `unix:${this.path}`;
  }

  /** Cuts what is there; what comes is cut too. */
  shut(): void {
    this.isOpen = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The near ends are gone, and the far ones never hear of it. */
  letNearGo(): void {
    this.#isDeaf = true;
    for (const near of this.#near) near.destroy();
  }

  open(): void {
    this.isOpen = true;
  }
}

export interface Pair {
  readonly stage: Stage;
  readonly gate: Gate;
  readonly server: PeerServer;
  readonly client: PeerClient;
  readonly peer: ServerPeer;
}

/** A server and a client that acknowledge, with a gate between them. */
export async function gated(
  t: TestContext,
  options: ListenOptions = {},
  own: ConnectOptions = {},
): Promise<Pair> {
  const stage = new Stage(t);
  const server = await stage.server({ ack: true, ...options });
  const gate = await Gate.before(stage);
  const [client, peer] = await Promise.all([
    stage.client({ ack: true, reconnect: RECONNECT, ...own }, gate.address),
    nextPeer(server),
  ]);
  return { stage, gate, server, client, peer };
}

/** Both sides know that the connection is gone. */
export async function away({ gate, server, client }: Pair): Promise<void> {
  gate.shut();
  await until(
    'the connection gone at both ends',
    () => !client.isConnected && server.stats().peersAway === 1,
  );
}

/** What arrives of an event, in order. */
export function heardBy(
  emitter: { on(event: string, handler: (data: unknown) => void): unknown },
  event = 'n',
): unknown[] {
  const heard: unknown[] = [];
  emitter.on(event, (data) => void heard.push(data));
  return heard;
}

/** The errors that are told, each with its figure. */
export function toldBy(endpoint: PeerServer | PeerClient): [code: string, actual: number | undefined][] {
  const told: [string, number | undefined][] = [];
  endpoint.lifecycle.on('error', (error: Error) => {
    const { code, actual } = error as RingwireError;
    if (code.startsWith('ERR_RINGWIRE')) told.push([code, actual]);
  });
  return told;
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);
