/**
 * The argument lists of node-ipc's methods, told apart by type: a number (or digits) is a port, a function the callback, `udp4` and
 * `udp6` in any case the kind of socket, the first other string the path or host. Holes (undefined, null, false, '') are skipped.
 *
 * Invariant: an argument that fits nowhere is a TypeError, never a silently changed meaning.
 */

export type Callback = (...args: never[]) => void;

export interface LocalArguments {
  path: string | undefined;
  callback: Callback | undefined;
}

export interface NetArguments {
  host: string | undefined;
  port: number | undefined;
  udp: 'udp4' | 'udp6' | undefined;
  callback: Callback | undefined;
}

export function localArguments(method: string, args: readonly unknown[]): LocalArguments {
  const found: LocalArguments = { path: undefined, callback: undefined };
  for (const arg of args) {
    if (isHole(arg)) continue;
    if (typeof arg === 'function' && found.callback === undefined) found.callback = arg as Callback;
    else if (typeof arg === 'string' && found.path === undefined && found.callback === undefined)
      found.path = arg;
    else throw misfit(method, arg, 'a path and a callback');
  }
  return found;
}

export function netArguments(method: string, args: readonly unknown[]): NetArguments {
  const found: NetArguments = { host: undefined, port: undefined, udp: undefined, callback: undefined };
  for (const [index, arg] of args.entries()) {
    if (isHole(arg)) continue;
    if (found.callback !== undefined) throw misfit(method, arg, 'nothing behind the callback');
    if (typeof arg === 'function') found.callback = arg as Callback;
    else if (isPort(arg) && found.port === undefined) found.port = checkPort(method, Number(arg));
    else if (isUdp(arg) && found.udp === undefined) found.udp = arg.toLowerCase() as 'udp4' | 'udp6';
    else if (typeof arg === 'string' && index === 0) found.host = arg;
    else throw misfit(method, arg, 'a host, a port, udp4 or udp6, and a callback');
  }
  return found;
}

function isHole(arg: unknown): boolean {
  return arg === undefined || arg === null || arg === false || arg === '';
}

function isPort(arg: unknown): boolean {
  return typeof arg === 'number' || (typeof arg === 'string' && /^\d+$/.test(arg));
}

function isUdp(arg: unknown): arg is string {
  return typeof arg === 'string' && /^udp[46]$/i.test(arg);
}

function checkPort(method: string, port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw Object.assign(new RangeError(`${method}: a port is a whole number from 0 to 65535, not ${port}`), {
    code: 'ERR_SOCKET_BAD_PORT',
  });
}

function misfit(method: string, arg: unknown, expected: string): TypeError {
  const shown = typeof arg === 'string' ? JSON.stringify(arg.slice(0, 80)) : typeof arg;
  return Object.assign(new TypeError(`${method} takes ${expected}, in this order; ${shown} does not fit`), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}
