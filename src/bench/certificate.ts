/**
 * A key and a certificate for loopback, made by the program `openssl` when a measurement over TLS needs them: Node can use certificates, not make them.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Why there can be no certificate here; undefined when there can. */
export function certificateMissing(): string | undefined {
  return spawnSync('openssl', ['version']).status === 0 ? undefined : "there is no program 'openssl'";
}

/** Valid for a day. @param folder where the two files go */
export function makeCertificate(folder: string): Certificate {
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const { status, stderr } = spawnSync(
    'openssl',
    ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr.trim()}`);
  return { key, cert };
}
