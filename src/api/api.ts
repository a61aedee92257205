/**
 * `listen` and `connect`: the two ways into the modern face. What they need is loaded with the first call: programs of the other face do not
 * pay for it.
 *
 * Invariant: whatever is wrong with the arguments rejects the promise; nothing is thrown.
 */
import { RingwireError } from '../errors.ts';
import { type Address, type Place, placeOf } from './address.ts';
import type { PeerClient } from './client.ts';
import type { ConnectOptions, ListenOptions, WithProtocol } from './options.ts';
import { defineProtocol, type Protocol } from './protocol.ts';
import type { PeerServer } from './server.ts';
import type { EventContract, ProtocolContract } from './types.ts';

/**
 * Listens on an address. Settles when peers can connect.
 * @throws RingwireError by its promise, ERR_RINGWIRE_BAD_ADDRESS, _BAD_CONFIG, _PATH_IN_USE, _PATH_TOO_LONG, _TLS_CONFIG ..., or an error of the
 *   system such as EADDRINUSE
 */
export function listen<P extends Protocol>(
  address: Address,
  options: ListenOptions & WithProtocol<P>,
): Promise<PeerServer<ProtocolContract<P>>>;
export function listen(address: Address, options?: ListenOptions): Promise<PeerServer>;
export function listen<E extends object>(
  address: Address,
  options?: ListenOptions,
): Promise<PeerServer<EventContract<E>>>;
export async function listen(
  address: Address,
  options: ListenOptions & Partial<WithProtocol<Protocol>> = {},
): Promise<PeerServer> {
  const { PeerServer: Server } = await import('./server.ts');
  const server = new Server(streamPlace(address), options, protocolOf(options));
  if (options.inspect === true) (await import('./inspection.ts')).allowInspection(server, options.id);
  await server.start(options.signal);
  return server;
}

/**
 * Connects to an address. Settles when both sides have greeted each other.
 * @throws RingwireError by its promise, ERR_RINGWIRE_BAD_ADDRESS, _BAD_CONFIG, _CONNECT_TIMEOUT, _HANDSHAKE_TIMEOUT ..., an error of the system
 *   such as ECONNREFUSED, or the reason of the signal
 */
export function connect<P extends Protocol>(
  address: Address,
  options: ConnectOptions & WithProtocol<P>,
): Promise<PeerClient<ProtocolContract<P>>>;
export function connect(address: Address, options?: ConnectOptions): Promise<PeerClient>;
export function connect<E extends object>(
  address: Address,
  options?: ConnectOptions,
): Promise<PeerClient<EventContract<E>>>;
export async function connect(
  address: Address,
  options: ConnectOptions & Partial<WithProtocol<Protocol>> = {},
): Promise<PeerClient> {
  const { PeerClient: Client } = await import('./client.ts');
  const client = new Client(streamPlace(address), options, protocolOf(options));
  await client.start();
  return client;
}

function protocolOf({ protocol }: Partial<WithProtocol<Protocol>>): Protocol {
  return protocol === undefined ? {} : defineProtocol(protocol);
}

/** Datagrams have an endpoint of their own, which these two do not open yet. */
function streamPlace(address: Address): Place {
  const place = placeOf(address);
  if (place.kind !== 'udp') return place;
  throw new RingwireError(
    'ERR_RINGWIRE_UDP_UNSUPPORTED',
    'listen and connect know no udp: addresses yet; use tcp: or a local socket',
  );
}
