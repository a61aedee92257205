/**
 * Addresses for the names that a program sends datagrams to. A name is looked up once in a while; what is sent meanwhile waits.
 *
 * Invariant: names, and what waits for one, are bounded; nothing waits for a name that failed.
 */
import net from 'node:net';
import { dns } from '../loading.ts';
import { HOST_NAMES_MAX, HOST_NAME_MS, HOST_NAME_WAITING_MAX } from '../limits.ts';

interface Known {
  readonly address: string;
  readonly sinceMs: number;
}

export class HostNames {
  readonly #family: 4 | 6;
  readonly #failed: (error: Error) => void;
  readonly #known = new Map<string, Known>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(family: 4 | 6, failed: (error: Error) => void) {
    this.#family = family;
    this.#failed = failed;
  }

  /** The address that this socket can send to; undefined when the name has to be looked up first. */
  get(host: string): string | undefined {
    if (host === 'localhost') return this.#family === 4 ? '127.0.0.1' : '::1';
    const family = net.isIP(host);
    // A socket of IPv6 reaches IPv4 by addresses of its own kind.
    if (family === 4) return this.#family === 4 ? host : `::ffff:${host}`;
    if (family === 6)
      return host.includes('%') ? host : new net.SocketAddress({ address: host, family: 'ipv6' }).address;
    const known = this.#known.get(host);
    return known !== undefined && performance.now() - known.sinceMs < HOST_NAME_MS
      ? known.address
      : undefined;
  }

  /** Calls `then` when `get` knows the name. @returns false when too much waits for it already */
  lookup(host: string, then: () => void): boolean {
    const waiting = this.#waiting.get(host);
    if (waiting !== undefined) {
      if (waiting.length >= HOST_NAME_WAITING_MAX) return false;
      waiting.push(then);
      return true;
    }
    this.#waiting.set(host, [then]);
    dns().lookup(host, { family: this.#family }, (error, address) => {
      const calls = this.#waiting.get(host) ?? [];
      this.#waiting.delete(host);
      if (error !== null) {
        this.#failed(error);
        return;
      }
      if (this.#known.size >= HOST_NAMES_MAX) this.#known.clear();
      this.#known.set(host, { address, sinceMs: performance.now() });
      for (const call of calls) call();
    });
    return true;
  }
}
