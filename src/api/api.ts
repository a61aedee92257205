/**
 * `listen` and `connect`: the two ways into the modern face. What they need is loaded with the first call: programs of the other face do not
 * pay for it.
 *
 * Invariant: whatever is wrong with the arguments rejects the promise; nothing is thrown.
 */
import { loadOwn, onFirstUse } from '../loading.ts';
import { type Address, type Place, placeOf, type UdpTarget } from './address.ts';
import type { PeerClient } from './client.ts';
import type { DatagramClient } from './datagram/client.ts';
import type { UdpOptions, UdpPlace } from './datagram/options.ts';
import type { DatagramServer } from './datagram/server.ts';
import type { ConnectOptions, ListenOptions, WithProtocol } from './options.ts';
import { defineProtocol, type Protocol } from './protocol.ts';
import type { PeerServer } from './server.ts';
import type { EventContract, ProtocolContract } from './types.ts';

const loadClient = onFirstUse(() => loadOwn('api/client') as typeof import('./client.ts'));
const loadServer = onFirstUse(() => loadOwn('api/server') as typeof import('./server.ts'));
const loadInspection = onFirstUse(() => loadOwn('api/inspection') as typeof import('./inspection.ts'));
const loadDatagramClient = onFirstUse(
  () => loadOwn('api/datagram/client') as typeof import('./datagram/client.ts'),
);
const loadDatagramServer = onFirstUse(
  () => loadOwn('api/datagram/server') as typeof import('./datagram/server.ts'),
);

/**
 * Listens on an address. Settles when peers can connect; over UDP, when datagrams can come.
 * @throws RingwireError by its promise, ERR_RINGWIRE_BAD_ADDRESS, _BAD_CONFIG, _PATH_IN_USE, _PATH_TOO_LONG, _TLS_CONFIG ..., or an error of the
 *   system such as EADDRINUSE
 */
export function listen<P extends Protocol>(
  address: UdpTarget,
  options: UdpOptions & WithProtocol<P>,
): Promise<DatagramServer<ProtocolContract<P>>>;
export function listen(address: UdpTarget, options?: UdpOptions): Promise<DatagramServer>;
export function listen<E extends object>(
  address: UdpTarget,
  options?: UdpOptions,
): Promise<DatagramServer<EventContract<E>>>;
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
  options: (ListenOptions | UdpOptions) & Partial<WithProtocol<Protocol>> = {},
): Promise<PeerServer | DatagramServer> {
  const place = placeOf(address);
  const server = isUdp(place)
    ? new (loadDatagramServer().DatagramServer)(place, options, protocolOf(options))
    : streamServer(place, options, protocolOf(options));
  await server.start();
  return server;
}

/**
 * Connects to an address. Settles when both sides have greeted each other; over UDP, when datagrams can be sent.
 * @throws RingwireError by its promise, ERR_RINGWIRE_BAD_ADDRESS, _BAD_CONFIG, _CONNECT_TIMEOUT, _HANDSHAKE_TIMEOUT ..., an error of the system
 *   such as ECONNREFUSED, or the reason of the signal
 */
export function connect<P extends Protocol>(
  address: UdpTarget,
  options: UdpOptions & WithProtocol<P>,
): Promise<DatagramClient<ProtocolContract<P>>>;
export function connect(address: UdpTarget, options?: UdpOptions): Promise<DatagramClient>;
export function connect<E extends object>(
  address: UdpTarget,
  options?: UdpOptions,
): Promise<DatagramClient<EventContract<E>>>;
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
  options: (ConnectOptions | UdpOptions) & Partial<WithProtocol<Protocol>> = {},
): Promise<PeerClient | DatagramClient> {
  const place = placeOf(address);
  const protocol = protocolOf(options);
  const client = isUdp(place)
    ? new (loadDatagramClient().DatagramClient)(place, options, protocol)
    : new (loadClient().PeerClient)(place, options, protocol);
  await client.start();
  return client;
}

function streamServer(place: Place, options: ListenOptions, protocol: Protocol): PeerServer {
  const server = new (loadServer().PeerServer)(place, options, protocol);
  if (options.inspect === true) loadInspection().allowInspection(server, options.id);
  return server;
}

function protocolOf({ protocol }: Partial<WithProtocol<Protocol>>): Protocol {
  return protocol === undefined ? {} : defineProtocol(protocol);
}

function isUdp(place: Place): place is UdpPlace {
  return place.kind === 'udp';
}
