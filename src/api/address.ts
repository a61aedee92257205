/**
 * Where an endpoint is: a URL or an object. `unix:/run/app.sock`, `ipc://world` (node-ipc's rule: socketRoot + appspace + id),
 * `tcp://host:port`, `tls://host:port`, `udp://host:port`.
 *
 * Invariant: a text that is no address is a RingwireError, never a guess.
 */
import { RingwireError } from '../errors.ts';
import { checkPath, localAddress } from '../transports/local-path.ts';
import { secureRoot } from '../transports/secure-root.ts';

/** Where to listen or connect: a URL as text or object (`unix:`, `ipc:`, `tcp:`, `tls:`, `udp:`), or an object that says the same. */
export type Address = string | URL | PathAddress | IpcAddress | HostAddress | UdpAddress;

/** A Unix socket or a Windows pipe. */
export interface PathAddress {
  readonly path: string;
}

/** A local socket by node-ipc's rule. */
export interface IpcAddress {
  readonly ipc: string;
  /** '/tmp/' unless said otherwise. */
  readonly socketRoot?: string;
  /** 'app.' unless said otherwise. */
  readonly appspace?: string;
  /** Instead of socketRoot, a folder that only this user can enter. */
  readonly secureRoot?: boolean;
}

/** A TCP port, with or without TLS. */
export interface HostAddress {
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  readonly port: number;
  readonly tls?: boolean;
}

/** A UDP socket. */
export interface UdpAddress {
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  readonly port: number;
  readonly udp: true;
}

/** An address of which the compiler sees that it is one of UDP. */
export type UdpTarget = `udp://${string}` | UdpAddress;

/** An address as it is used. */
export type Place =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'tls' | 'udp'; readonly host: string; readonly port: number };

const HOST = '127.0.0.1';
const FORMS = 'unix:/path, ipc://name, tcp://host:port, tls://host:port or udp://host:port';

/** @throws RingwireError ERR_RINGWIRE_BAD_ADDRESS, ERR_RINGWIRE_PATH_TOO_LONG, ERR_RINGWIRE_SOCKET_ROOT */
export function placeOf(address: Address): Place {
  if (typeof address === 'string') return placeOfText(address);
  if (address instanceof URL) return placeOfText(decodeURIComponent(address.href));
  if (typeof address !== 'object' || address === null) throw bad(address);
  if ('path' in address) return unix(address.path);
  if ('ipc' in address) return unix(ipcPath(address));
  if ('udp' in address) return net('udp', address.host ?? HOST, address.port);
  if ('port' in address) return net(address.tls ? 'tls' : 'tcp', address.host ?? HOST, address.port);
  throw bad(address);
}

/** The text of a place, which `placeOf` reads again. */
export function addressOf(place: Place): string {
  if (place.kind === 'unix') return `unix:${place.path}`;
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  return `${place.kind}://${host}:${place.port}`;
}

function placeOfText(text: string): Place {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  if (scheme === 'unix') return unix(rest.replace(/^\/\/(?=\/)/, ''));
  if (scheme === 'ipc' && rest.startsWith('//')) return unix(ipcPath({ ipc: rest.slice(2) }));
  const [, bracketed, plain, port] =
    /^\/\/(?:\[([\da-fA-F:.%\w]+)\]|([^/:@?#]*)):(\d{1,5})\/?$/.exec(rest) ?? [];
  if (port === undefined || (scheme !== 'tcp' && scheme !== 'tls' && scheme !== 'udp')) throw bad(text);
  return net(scheme, bracketed ?? (plain === '' ? HOST : (plain as string)), Number(port));
}

function unix(path: unknown): Place {
  if (typeof path !== 'string' || path === '') throw bad(path);
  const place = localAddress(path);
  checkPath(place);
  return { kind: 'unix', path: place };
}

function net(kind: 'tcp' | 'tls' | 'udp', host: string, port: number): Place {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return { kind, host, port };
  throw bad(`a port of ${port}`);
}

function ipcPath({ ipc, socketRoot = '/tmp/', appspace = 'app.', secureRoot: secure }: IpcAddress): string {
  if (typeof ipc !== 'string' || ipc === '') throw bad(ipc);
  return `${secure ? secureRoot() : socketRoot}${appspace}${ipc}`;
}

function bad(given: unknown): RingwireError {
  const shown = typeof given === 'string' ? JSON.stringify(given.slice(0, 200)) : typeof given;
  return new RingwireError(
    'ERR_RINGWIRE_BAD_ADDRESS',
    `an address is ${FORMS}, or an object with path, ipc or port; not ${shown}`,
  );
}
