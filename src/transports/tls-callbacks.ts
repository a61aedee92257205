/**
 * The program's own callbacks in a TLS handshake. Node calls them from within the handshake of whoever connects, so one that throws would end
 * the process at a peer's wish: here it costs that handshake and nothing else.
 *
 * Invariant: a callback that throws is a refusal, never an agreement.
 */
import type tls from 'node:tls';

type Options = tls.TlsOptions & tls.ConnectionOptions;
/** Its parameters differ at servers and clients; both say no with null. */
type PskCallback = (...args: unknown[]) => unknown;

/** Replaces the callbacks of `options`, which is the caller's own copy. */
export function guardCallbacks(options: Options): void {
  const { SNICallback, ALPNCallback, checkServerIdentity } = options;
  const pskCallback = options.pskCallback as PskCallback | undefined;
  if (SNICallback !== undefined) {
    options.SNICallback = (name, done) => {
      try {
        SNICallback(name, done);
      } catch (error) {
        done(asError(error));
      }
    };
  }
  if (ALPNCallback !== undefined) {
    // Undefined ends the handshake with the alert 'no_application_protocol'.
    options.ALPNCallback = (offer) => orElse(() => ALPNCallback(offer), undefined);
  }
  if (pskCallback !== undefined) {
    const guarded: PskCallback = (...args) => orElse(() => pskCallback(...args), null);
    Object.assign(options, { pskCallback: guarded });
  }
  if (checkServerIdentity !== undefined) {
    options.checkServerIdentity = (host, certificate) => {
      try {
        return checkServerIdentity(host, certificate);
      } catch (error) {
        return asError(error);
      }
    };
  }
}

function orElse<T>(call: () => T, otherwise: T): T {
  try {
    return call();
  } catch {
    return otherwise;
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
