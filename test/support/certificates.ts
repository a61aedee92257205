/**
 * Certificates for the TLS tests, made when the tests run: two authorities that do not know each other, good
 * servers and clients under each, and one server for each common way to be refused.
 *
 * It keeps nothing: keys are new on every call and exist only in the caller's folder, which the caller removes. It
 * never picks a folder itself, so that no key can land in the source tree.
 * Invariant: each faulty certificate has exactly one fault; in all else it equals `server`.
 */
import { KeyObject, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import 'reflect-metadata'; // the library below cannot be loaded without it
import * as x509 from '@peculiar/x509';

/** Paths of one PEM private key and the PEM certificate that belongs to it. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Paths of PEM files. Server certificates name localhost, 127.0.0.1 and ::1 unless said otherwise. */
export interface Certificates {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  readonly otherCa: string;
  readonly otherServer: Identity;
  readonly otherClient: Identity;
  /** Under `ca`; ended a day ago. */
  readonly expiredServer: Identity;
  /** Under `ca`; begins in a day. */
  readonly notYetValidServer: Identity;
  /** Under `ca`; names only example.invalid. */
  readonly wrongHostServer: Identity;
  /** Under no authority. */
  readonly selfSignedServer: Identity;
}

interface Signer {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

interface Authority extends Signer {
  readonly path: string;
}

/** Days from now. */
type Validity = readonly [from: number, until: number];

/** What makes a leaf differ from a good server. */
interface Leaf {
  readonly role?: 'serverAuth' | 'clientAuth';
  readonly names?: x509.JsonGeneralNames;
  readonly validity?: Validity;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 60 * 60 * 1000;
const LOOPBACK: x509.JsonGeneralNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

export async function makeCertificates(folder: string): Promise<Certificates> {
  const ca = await makeAuthority(folder, 'ca');
  const otherCa = await makeAuthority(folder, 'otherCa');
  const make = (name: string, issuer?: Signer, leaf?: Leaf): Promise<Identity> =>
    makeLeaf(folder, name, issuer, leaf);
  return {
    ca: ca.path,
    server: await make('server', ca),
    client: await make('client', ca, { role: 'clientAuth' }),
    otherCa: otherCa.path,
    otherServer: await make('otherServer', otherCa),
    otherClient: await make('otherClient', otherCa, { role: 'clientAuth' }),
    expiredServer: await make('expiredServer', ca, { validity: [-30, -1] }),
    notYetValidServer: await make('notYetValidServer', ca, { validity: [1, 30] }),
    wrongHostServer: await make('wrongHostServer', ca, {
      names: [{ type: 'dns', value: 'example.invalid' }],
    }),
    selfSignedServer: await make('selfSignedServer'),
  };
}

/** The authority's key stays in memory: nothing but this file signs with it. */
async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const keys = await makeKeys();
  const self = { name, keys };
  const certificate = await sign(
    self,
    self,
    [-60, 60],
    [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  );
  const path = join(folder, `${name}.pem`);
  await writeFile(path, certificate);
  return { ...self, path };
}

/** Without an issuer the leaf signs itself. */
async function makeLeaf(folder: string, name: string, issuer?: Signer, leaf: Leaf = {}): Promise<Identity> {
  const { role = 'serverAuth', names = LOOPBACK, validity = [-1, 30] } = leaf;
  const keys = await makeKeys();
  const self = { name, keys };
  const certificate = await sign(self, issuer ?? self, validity, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[role]]),
    new x509.SubjectAlternativeNameExtension(names),
  ]);
  const identity = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.pem`) };
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  await writeFile(identity.key, key, { mode: 0o600 });
  await writeFile(identity.cert, certificate);
  return identity;
}

async function sign(
  subject: Signer,
  issuer: Signer,
  [from, until]: Validity,
  extensions: readonly x509.Extension[],
): Promise<string> {
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${subject.name}`,
    issuer: `CN=${issuer.name}`,
    notBefore: new Date(now + from * DAY),
    notAfter: new Date(now + until * DAY),
    publicKey: subject.keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(subject.keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
