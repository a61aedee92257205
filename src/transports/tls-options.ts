/**
 * From node-ipc's TLS settings to Node's: `private` and `public` are paths of key and certificate, `trustedConnections` paths of
 * authorities, `dhparam` a path or PEM text. Everything else is Node's own option and passes through. The user's object is
 * never changed, and nothing of it is ever logged.
 *
 * Invariant: both ends verify unless the user wrote `rejectUnauthorized: false`; there is no bundled certificate to fall back on.
 */
import fs from 'node:fs';
import type tls from 'node:tls';
import { RingwireError } from '../errors.ts';
import { guardCallbacks } from './tls-callbacks.ts';

/** node-ipc's names beside Node's. */
export interface TlsSettings extends Omit<tls.TlsOptions & tls.ConnectionOptions, 'dhparam'> {
  /** Path of the private key, PEM. */
  private?: string;
  /** Path of the certificate, PEM. */
  public?: string;
  /** Path or paths of the certificates that are trusted, PEM. Servers then ask clients for theirs. */
  trustedConnections?: string | string[];
  /** Path of Diffie-Hellman parameters, or their PEM text. */
  dhparam?: string | Buffer;
}

type Options = tls.TlsOptions & tls.ConnectionOptions;

export function clientTlsOptions(settings: unknown): tls.ConnectionOptions {
  return resolve(settings);
}

/** @throws RingwireError ERR_RINGWIRE_TLS_CONFIG when there is no key or certificate, or a file cannot be read */
export function serverTlsOptions(settings: unknown): tls.TlsOptions {
  const options = resolve(settings);
  const usable =
    (options.key !== undefined && options.cert !== undefined) ||
    options.pfx !== undefined ||
    options.SNICallback;
  if (!usable) {
    throw bad(
      'a TLS server needs a key and a certificate: set tls.private and tls.public to their paths, or tls.key and tls.cert',
    );
  }
  if (options.ca !== undefined && options.requestCert === undefined) options.requestCert = true;
  return options;
}

/** @returns what to warn of: settings or an environment that ask for trust in anybody; undefined when there is nothing */
export function trustOf(settings: unknown, isServer: boolean): string | undefined {
  const { rejectUnauthorized, requestCert } = (settings ?? {}) as TlsSettings;
  if (rejectUnauthorized === false && (!isServer || requestCert === true)) {
    return 'tls.rejectUnauthorized is false: whoever answers is believed, whatever its certificate says';
  }
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    return 'NODE_TLS_REJECT_UNAUTHORIZED is 0: ringwire verifies peers all the same, other modules of this process do not';
  }
  return undefined;
}

/** Says what `trustOf` says. @returns whether there was something */
export function warnOfTrust(settings: unknown, isServer: boolean): boolean {
  const warning = trustOf(settings, isServer);
  if (warning === undefined) return false;
  process.emitWarning(warning, { type: 'RingwireWarning', code: 'ERR_RINGWIRE_TLS_UNVERIFIED' });
  return true;
}

function resolve(settings: unknown): Options {
  if (typeof settings !== 'object' || settings === null) throw bad('tls must be an object with TLS options');
  const { private: key, public: cert, trustedConnections, dhparam, ...rest } = settings as TlsSettings;
  const options: Options = { minVersion: 'TLSv1.2', ...rest };
  checkVerification(options);
  if (key !== undefined) options.key = read(key, 'private');
  if (cert !== undefined) options.cert = read(cert, 'public');
  if (trustedConnections !== undefined) {
    options.ca = [trustedConnections].flat().map((path) => read(path, 'trustedConnections'));
  }
  if (dhparam !== undefined) {
    const inline = typeof dhparam !== 'string' || dhparam === 'auto' || dhparam.startsWith('-----');
    options.dhparam = inline ? dhparam : read(dhparam, 'dhparam');
  }
  guardCallbacks(options);
  return options;
}

function checkVerification(options: Options): void {
  const wish: unknown = options.rejectUnauthorized;
  if (wish === undefined) options.rejectUnauthorized = true;
  else if (typeof wish !== 'boolean') throw bad('tls.rejectUnauthorized must be true or false');
}

function read(path: unknown, name: string): Buffer {
  if (typeof path !== 'string') throw bad(`tls.${name} must be the path of a PEM file`);
  try {
    return fs.readFileSync(path);
  } catch (cause) {
    throw bad(
      `tls.${name} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'error'} ${path}`,
      cause,
    );
  }
}

function bad(message: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_TLS_CONFIG', message, { cause });
}
