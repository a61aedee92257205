/** node:tls, loaded when a program uses TLS: it takes longer to load than everything else that ringwire needs of Node. */
import type tls from 'node:tls';

export function tlsModule(): typeof tls {
  return process.getBuiltinModule('node:tls');
}
