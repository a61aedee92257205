/**
 * Proves the test certificates themselves, with nothing but node:tls on loopback: the good ones are accepted, and
 * each faulty one is refused with the code that names its fault, so that a TLS test of ringwire which fails says
 * something about ringwire.
 *
 * It uses no fixed port, no sleep, and leaves no file behind.
 * Invariant: both sides of every handshake are closed before its outcome is judged.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { makeCertificates, type Certificates, type Identity } from './support/certificates.ts';

/** What each side made of the other: 'verified', a Node error code, or 'closed' when it learned no reason. */
interface Outcome {
  client: string;
  server: string;
}

let folder: string;
let made: Certificates;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringwire-certificates-'));
  made = await makeCertificates(folder);
});

after(async () => {
  await rm(folder, { recursive: true });
  assert.equal(existsSync(folder), false);
});

test('a good server verifies by every loopback name', async () => {
  for (const servername of ['localhost', '127.0.0.1']) {
    assert.equal(await verdictOn(made.server, made.ca, servername), 'verified');
  }
  assert.equal(await verdictOn(made.otherServer, made.otherCa), 'verified');
  // Asked of OpenSSL, because node:tls 22.23 matches no IPv6 name at all (nodejs/node#64144).
  assert.equal(new X509Certificate(readFileSync(made.server.cert)).checkIP('::1'), '::1');
});

test('each faulty server is refused with the code of its fault', async () => {
  assert.equal(await verdictOn(made.selfSignedServer), 'DEPTH_ZERO_SELF_SIGNED_CERT');
  assert.equal(await verdictOn(made.expiredServer), 'CERT_HAS_EXPIRED');
  assert.equal(await verdictOn(made.notYetValidServer), 'CERT_NOT_YET_VALID');
  assert.equal(await verdictOn(made.wrongHostServer), 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(await verdictOn(made.otherServer), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  assert.equal(await verdictOn(made.client), 'INVALID_PURPOSE');
});

test('the fault is the only fault', async () => {
  assert.equal(await verdictOn(made.wrongHostServer, made.ca, 'example.invalid'), 'verified');
  assert.equal(await verdictOn(made.selfSignedServer, made.selfSignedServer.cert), 'verified');
});

test('mutual authentication accepts a client of the same authority', async () => {
  assert.deepEqual(await mutual(made.client), { client: 'verified', server: 'verified' });
});

test('mutual authentication refuses every other client', async () => {
  const verdicts = new Map([
    [made.otherClient, 'ECONNRESET'], // Node hangs up without a reason; the next test finds the reason
    [made.server, 'ECONNRESET'],
    [undefined, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
  ]);
  for (const [identity, verdict] of verdicts) {
    const { client, server } = await mutual(identity);
    assert.equal(server, verdict);
    assert.notEqual(client, 'verified'); // an alert, a reset or an end, whichever arrives first
  }
});

test('a server that admits unverified clients learns why they are unverified', async () => {
  const lenient = { rejectUnauthorized: false };
  assert.equal((await mutual(made.otherClient, lenient)).server, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  assert.equal((await mutual(made.server, lenient)).server, 'INVALID_PURPOSE');
});

test('every certificate is EC P-256 and fits its key, and no two share one', () => {
  const { ca, otherCa, ...identities } = made;
  const keys = new Set<string>();
  for (const { key, cert } of Object.values(identities)) {
    const certificate = new X509Certificate(readFileSync(cert));
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(key))));
    keys.add(readFileSync(key, 'utf8'));
  }
  assert.equal(keys.size, 8);
  for (const path of [ca, otherCa]) assert.ok(new X509Certificate(readFileSync(path)).ca);
});

/** How a client that trusts only `trusted` judges a server that presents `identity`. */
async function verdictOn(identity: Identity, trusted = made.ca, servername = 'localhost'): Promise<string> {
  const checkServerIdentity: typeof tls.checkServerIdentity = (_, certificate) =>
    tls.checkServerIdentity(servername, certificate);
  const outcome = await handshake(load(identity), { ca: readFileSync(trusted), checkServerIdentity });
  return outcome.client;
}

/** A server that asks for certificates under `made.ca` meets a client that presents `identity`, or nothing. */
function mutual(identity: Identity | undefined, server: tls.TlsOptions = {}): Promise<Outcome> {
  const ca = readFileSync(made.ca);
  const asking = { ...load(made.server), ca, requestCert: true, rejectUnauthorized: true, ...server };
  return handshake(asking, { ca, servername: 'localhost', ...(identity && load(identity)) });
}

function load({ key, cert }: Identity): { key: Buffer; cert: Buffer } {
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** A TLS 1.3 client is done before the server has judged it, so it counts as verified only once it hears a word. */
async function handshake(
  serverOptions: tls.TlsOptions,
  clientOptions: tls.ConnectionOptions,
): Promise<Outcome> {
  const outcome: Outcome = { client: 'closed', server: 'closed' };
  const server = tls.createServer({ ...serverOptions, minVersion: 'TLSv1.3' }, (socket) => {
    outcome.server = socket.authorized ? 'verified' : String(socket.authorizationError);
    socket.on('error', () => {}); // a client that refuses us hangs up
    socket.end('welcome');
  });
  server.on('tlsClientError', (error) => (outcome.server = codeOf(error)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const { port } = server.address() as AddressInfo;
  const client = tls.connect({ ...clientOptions, host: '127.0.0.1', port });
  client.on(
    'data',
    () => (outcome.client = client.authorized ? 'verified' : String(client.authorizationError)),
  );
  client.on('error', (error) => (outcome.client = codeOf(error)));
  await new Promise((closed) => client.once('close', closed));
  await new Promise((closed) => server.close(closed));
  return outcome;
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
