/**
 * All that the actors of one run share: clock, network, settings, the flows of each connection, and the list of broken promises.
 *
 * Invariant: a run with a broken promise ends at once.
 */
import type { Peer } from '../../src/api/peer.ts';
import type { Connection } from '../../src/connection/connection.ts';
import type { ConnectionContext } from '../../src/connection/contracts.ts';
import type { Random } from '../support/seeded.ts';
import { Clock, type Host } from './clock.ts';
import { Chance, drawFaults } from './faults.ts';
import { Flow, type Losses } from './flow.ts';
import { draw, type Message, SIZE_MAX, write } from './messages.ts';
import { type Link, Network } from './network.ts';
import { drawSettings, type Settings } from './settings.ts';
import { Trace } from './trace.ts';

export interface Violation {
  readonly check: string;
  readonly what: string;
}

export interface Flows {
  /** From the side that connected, and back. */
  readonly up: Flow;
  readonly down: Flow;
}

export const EVENTS: readonly string[] = ['one', 'two', 'three', 'four'];
export const PORT = 8_000;

/** Beside messages: heads, control frames, names. */
const SLACK_BYTES: number = 8 * 1024;

/** What Node says to a program that uses a stream wrongly. */
const MISUSE = /^ERR_(?:STREAM|SOCKET|INVALID|INTERNAL)_/;

/** What only damaged bytes explain. */
const WIRE_FAULTS: ReadonlySet<string> = new Set(
  [
    'BAD_MAGIC',
    'BAD_VERSION',
    'BAD_FLAGS',
    'BAD_CODEC',
    'BAD_CONTROL',
    'INVALID_EVENT',
    'INVALID_JSON',
    'INVALID_MSGPACK',
    'INVALID_ENVELOPE',
    'FRAME_TOO_LARGE',
    'SCHEMA_MISMATCH',
  ].map((name) => `ERR_RINGWIRE_${name}`),
);
/** What only a fault of the network, or a process that stands still, explains. */
const NETWORK_FAULTS: ReadonlySet<string> = new Set(
  ['TRUNCATED', 'PEER_DEAD', 'HANDSHAKE_TIMEOUT', 'FRAME_TIMEOUT'].map((name) => `ERR_RINGWIRE_${name}`),
);

export class World {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly network: Network;
  readonly settings: Settings;
  readonly flows = new Map<number, Flows>();
  readonly violations: Violation[] = [];
  /** Nothing goes wrong any more. */
  isCalm = false;
  /** Nothing goes wrong that a peer could take for a death. */
  readonly isPunctual: boolean;
  /** No process stands still. */
  readonly isSteady: boolean;
  /** Closes that were in time: all that was sent before has to arrive. */
  readonly closed: { readonly link: Link; readonly flow: Flow }[] = [];
  requestCount = 0;
  broadcastCount = 0;
  /** Promises that programs wait for. */
  readonly awaited = new Map<string, number>();

  constructor(random: Random) {
    this.chance = new Chance(random);
    this.settings = drawSettings(this.chance);
    this.clock = new Clock({
      failed: (error) =>
        this.broken('uncaught', error instanceof Error ? String(error.stack) : String(error)),
    });
    this.trace = new Trace(this.clock);
    const faults = drawFaults(this.chance);
    this.network = new Network(this.clock, this.chance, faults, this.trace);
    this.isSteady = faults.stopMs === Infinity;
    this.isPunctual = faults.stopMs === Infinity && faults.spike === 0 && faults.capacityBytes >= 16_384;
  }

  /** No request has a reason to wait for long. */
  get answersInTime(): boolean {
    const { requestTimeoutMs, requestsOpenMax, pendingBytesSoft } = this.settings.limits;
    return (
      this.isPunctual && requestTimeoutMs >= 5_000 && requestsOpenMax > 100 && pendingBytesSoft >= 200_000
    );
  }

  get losses(): Losses {
    const { slowConsumer } = this.settings;
    return slowConsumer === 'drop-oldest' ? 'oldest' : slowConsumer === 'latest' ? 'latest' : 'none';
  }

  readonly broken = (check: string, what: string): void => {
    this.trace.add(`BROKEN ${check}: ${what}`);
    this.violations.push({ check, what });
  };

  flowsOf(link: Link): Flows {
    const known = this.flows.get(link.id);
    if (known !== undefined) return known;
    const flow = (way: string): Flow => new Flow(`link ${link.id} ${way}`, this.losses, this.broken);
    const flows = { up: flow('up'), down: flow('down') };
    this.flows.set(link.id, flows);
    return flows;
  }

  arrived(flow: Flow, link: Link, event: string, data: unknown): void {
    flow.isCorrupted = link.isCorrupted;
    flow.arrived(event, data);
  }

  /** One message, and whether it was accepted. */
  send(flow: Flow, link: Link, peer: Peer, submit: (event: string, data: unknown) => boolean): boolean {
    const { connection, endpoint } = insidesOf(peer);
    if (connection === undefined) return false;
    const series = 2 * link.id + (flow === this.flowsOf(link).up ? 0 : 1);
    const message = draw(this.chance, series, flow.sentCount, this.settings.heavy);
    const event = this.chance.random.pick(EVENTS);
    const sent = accounted(connection, () => submit(event, write(message, this.settings.codec)));
    if (sent.isAccepted) flow.sent(message);
    this.checkBounds(connection, endpoint.context);
    return sent.result;
  }

  checkBounds(connection: Connection, { memory }: ConnectionContext): void {
    const { clients, limits } = this.settings;
    const { pendingBytes } = connection;
    // A message is let in below the mark, and the newest of those that are held may be as large.
    const most = limits.pendingBytesMax + (this.losses === 'none' ? 1 : 2) * SIZE_MAX + SLACK_BYTES;
    if (pendingBytes > most) this.broken('bounds', `${pendingBytes} bytes wait for one peer, ${most} may`);
    if (pendingBytes < 0) this.broken('bounds', `${pendingBytes} bytes wait`);
    // Below their soft marks peers are looked at on the next beat.
    const total = limits.totalPendingBytesMax + clients * (limits.pendingBytesSoft + 2 * SIZE_MAX);
    const bytes = memory.bytes + memory.receivingBytes;
    if (bytes > total || memory.bytes < 0 || memory.receivingBytes < 0)
      this.broken('bounds', `${bytes} bytes of all peers, ${total} may be there`);
  }

  /** What an endpoint has reported. */
  reported(host: Host, error: Error, link: Link | undefined): void {
    const { code } = error as { code?: unknown };
    this.trace.add(`${host.name} hears ${String(code)}: ${error.message}`);
    const isMisuse = error instanceof TypeError || error instanceof RangeError || MISUSE.test(String(code));
    if (typeof code !== 'string' || isMisuse) {
      this.broken('errors', `an error that is no fault of anybody else: ${String(error.stack)}`);
      return;
    }
    if (link === undefined) return;
    if (!link.isCorrupted && WIRE_FAULTS.has(code)) {
      this.broken('wire', `link ${link.id}: ${code} without damaged bytes: ${error.message}`);
    }
    if (link.fault === undefined && this.isPunctual && NETWORK_FAULTS.has(code)) {
      this.broken('false alarm', `link ${link.id}: ${code} without a fault: ${error.message}`);
    }
    if (code !== 'ERR_RINGWIRE_BACKPRESSURE') link.fault ??= code;
  }

  /** Counts a promise of a program until it settles. */
  await(host: Host, what: string, promise: Promise<unknown>, failed: (error: Error) => void): void {
    const name = `${host.name} ${what}`;
    this.awaited.set(name, (this.awaited.get(name) ?? 0) + 1);
    const settled = (): void => {
      const left = (this.awaited.get(name) ?? 0) - 1;
      if (left > 0) this.awaited.set(name, left);
      else this.awaited.delete(name);
    };
    promise.then(settled, (error: unknown) => {
      settled();
      failed(error as Error);
    });
  }

  /** A host that is dead waits for nothing. */
  forget(host: Host): void {
    for (const name of this.awaited.keys()) if (name.startsWith(`${host.name} `)) this.awaited.delete(name);
  }

  nextRequest(): Message {
    return draw(this.chance, 2 ** 28, this.requestCount++);
  }

  nextBroadcast(): Message {
    return draw(this.chance, 2 ** 29, this.broadcastCount++);
  }
}

interface Insides {
  readonly connection: Connection | undefined;
  readonly endpoint: { readonly context: ConnectionContext };
}

/** What is not for programs, but for those who look whether promises are kept. */
export function insidesOf(peer: Peer): Insides {
  return peer as unknown as Insides;
}

/** Whether a connection has accepted what `submit` gave it: counted as sent, or held where the policy holds messages. */
function accounted<T>(connection: Connection, submit: () => T): { result: T; isAccepted: boolean } {
  const before = connection.traffic.sentMessages;
  const result = submit();
  return { result, isAccepted: connection.traffic.sentMessages > before || connection.sender.outbox.holds };
}
