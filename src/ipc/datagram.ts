/**
 * A UDP server of node-ipc's face: what a DatagramEndpoint tells becomes the events that node-ipc's servers publish.
 *
 * Invariant: 'start' comes once, after the socket is bound; 'close' comes once, whatever closed it.
 */
import { DatagramEndpoint } from '../endpoints/datagram.ts';
import type { Emitter } from '../emitter.ts';
import type { Config } from './config.ts';
import { datagramOptions } from './config-options.ts';
import { eventGate } from './gate.ts';
import { identify } from './identify.ts';
import { inLog, type Log, oneLine } from './log.ts';

/** A server, as its endpoint needs it. */
interface Owner extends Emitter {
  readonly log: Log;
  onStart(argument: unknown): void;
}

interface Place {
  readonly kind: 'udp4' | 'udp6';
  readonly path: string;
  readonly port: number;
}

/** The host to bind to: each family has its own name for this machine. */
export function datagramHost(kind: 'udp4' | 'udp6', host: string): string {
  if (kind === 'udp4') return host === '::1' ? '127.0.0.1' : host;
  return host === '127.0.0.1' ? '::1' : host;
}

/** @param settled called when it is bound, or will never be @throws RingwireError ERR_RINGWIRE_BAD_CONFIG */
export function openDatagrams(
  owner: Owner,
  config: Config,
  place: Place,
  settled: () => void,
): DatagramEndpoint {
  const { kind, path, port } = place;
  const gate = eventGate(config);
  const { logPayloads } = config;
  const failed = (error: Error): void => {
    owner.log('server error', error);
    owner.publish('error', error);
  };
  const endpoint: DatagramEndpoint = new DatagramEndpoint(owner, datagramOptions(config, kind, path, port), {
    started: () => {
      settled();
      const { address, port: bound } = endpoint.socket.address();
      owner.onStart({ address, port: bound });
      owner.publish('connect', endpoint.socket);
    },
    received:
      gate === undefined && !logPayloads
        ? undefined
        : (_source, event, data) => {
            if (logPayloads) owner.log('received event of : ', oneLine(event), inLog(data));
            return gate?.(event);
          },
    identified: identify,
    error: (error) => {
      if (!endpoint.isBound) settled();
      failed(error);
    },
    drained: (target) => owner.publish('drain', target),
    stats: (stats) => owner.publish('stats', stats),
    closed: () => {
      settled();
      owner.publish('close', endpoint.socket);
      owner.log('socket disconnected', 'false');
      owner.publish('socket.disconnected', endpoint.socket, false);
    },
  });
  return endpoint;
}
