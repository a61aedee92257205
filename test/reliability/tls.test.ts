/**
 * Rows T90 to T94 of RELIABILITY.md: whom TLS believes, that nothing falls back to less, settings that look like a yes and are none, handshakes that never end, and
 * callbacks of the program that throw in the middle of one.
 *
 * Certificates are made anew for each run. Invariant: a refused side never counts as connected, and the server serves the next one.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { connect, listen, type PeerServer } from '../../src/index.ts';
import type { Limits } from '../../src/limits.ts';
import type { TlsSettings } from '../../src/transports/tls-options.ts';
import { Stage } from '../api/support.ts';
import { type Certificates, type Identity, makeCertificates } from '../support/certificates.ts';
import { projectRoot } from '../support/project.ts';
import { scaled } from './scale.ts';

const LIBRARY: string = join(projectRoot(), 'dist', 'index.js');

interface Hall {
  readonly stage: Stage;
  readonly made: Certificates;
  readonly serve: (
    settings: TlsSettings,
    limits?: Partial<Limits>,
  ) => Promise<{ server: PeerServer; address: string; connected: () => number }>;
}

async function hall(context: TestContext): Promise<Hall> {
  const stage = new Stage(context);
  return {
    stage,
    made: await makeCertificates(stage.folder),
    serve: async (settings, limits = {}) => {
      const server = await stage.server({ tls: settings, limits }, 'tls://127.0.0.1:0');
      let count = 0;
      server.lifecycle.on('connect', () => count++);
      server.lifecycle.on('error', () => {});
      server.handle('echo', (input) => input);
      return { server, address: server.address, connected: () => count };
    },
  };
}

function pathsOf({ key, cert }: Identity): TlsSettings {
  return { private: key, public: cert };
}

const SERVERS = [
  ['server', undefined],
  ['otherServer', /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE|SELF_SIGNED_CERT_IN_CHAIN)$/],
  ['expiredServer', /^CERT_HAS_EXPIRED$/],
  ['notYetValidServer', /^CERT_NOT_YET_VALID$/],
  ['wrongHostServer', /^ERR_TLS_CERT_ALTNAME_INVALID$/],
  ['selfSignedServer', /^(DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/],
] as const;
const CLIENTS = ['none', 'client', 'otherClient', 'selfSignedServer'] as const;

test('T90 certificates: of 48 pairs of servers and clients exactly those talk that the settings allow', async (t) => {
  const { made, serve } = await hall(t);
  let cells = 0;
  for (const [name, fault] of SERVERS) {
    const strict = { requestCert: true, rejectUnauthorized: true, trustedConnections: made.ca };
    const { address, connected } = await serve({ ...pathsOf(made[name]), ...strict });
    for (const rejectUnauthorized of [true, false]) {
      for (const identity of CLIENTS) {
        const cell = `${name}, ${identity}, ${rejectUnauthorized}`;
        const before = connected();
        const own = identity === 'none' ? {} : pathsOf(made[identity]);
        const attempt = connect(address, {
          tls: { ...own, trustedConnections: made.ca, rejectUnauthorized },
        });
        const isRefused = rejectUnauthorized && fault !== undefined;
        if (isRefused) await assert.rejects(attempt, { code: fault }, cell);
        else if (identity === 'client') {
          const client = await attempt;
          assert.equal(await client.request('echo', cell), cell);
          await client.close();
        } else await assert.rejects(attempt, Error, cell);
        assert.equal(connected() - before, !isRefused && identity === 'client' ? 1 : 0, cell);
        cells++;
      }
    }
  }
  assert.equal(cells, 48);
});

test('T90 certificates: a server knows by whom a verified client was certified', async (t) => {
  const { made, serve } = await hall(t);
  const strict = { requestCert: true, rejectUnauthorized: true, trustedConnections: made.ca };
  const { server, address } = await serve({ ...pathsOf(made.server), ...strict });
  server.handle('who', (_input, { peer }) => {
    const { subject, issuer, fingerprint256 } = (peer.socket as tls.TLSSocket).getPeerCertificate();
    return [subject.CN, issuer.CN, fingerprint256];
  });
  const client = await connect(address, {
    tls: { ...pathsOf(made.client), trustedConnections: made.ca },
  });
  t.after(() => client.close());
  const { fingerprint256 } = new X509Certificate(fs.readFileSync(made.client.cert));
  assert.deepEqual(await client.request('who'), ['client', 'ca', fingerprint256]);
});

test('T91 downgrade: old versions, ciphers that hide nothing and plain text are refused at both ends, and nothing is said in the clear', async (t) => {
  const { made, serve } = await hall(t);
  const { address, connected } = await serve(pathsOf(made.server));
  const trust = { trustedConnections: made.ca };
  const poor: TlsSettings[] = [
    { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    { minVersion: 'TLSv1', maxVersion: 'TLSv1' },
    { maxVersion: 'TLSv1.2', ciphers: 'NULL-SHA256:@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'aNULL:@SECLEVEL=0' },
  ];
  for (const settings of poor) {
    await assert.rejects(
      connect(address, { tls: { ...trust, ...settings } }),
      Error,
      JSON.stringify(settings),
    );
  }
  await assert.rejects(connect(address.replace('tls:', 'tcp:')), Error, 'plain text to the TLS port');
  assert.equal(connected(), 0);
  const client = await connect(address, { tls: trust });
  t.after(() => client.close());
  assert.equal(await client.request('echo', 1), 1);

  // What a TLS client says to a server that knows no TLS: a ClientHello, and nothing more.
  const heard: Buffer[] = [];
  const plain = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.push(bytes);
      socket.end('RW\u0001\u0000 no TLS here');
    });
  });
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as net.AddressInfo;
  await assert.rejects(connect(`tls://127.0.0.1:${port}`, { tls: trust }), Error);
  plain.close();
  const bytes = Buffer.concat(heard);
  assert.equal(bytes[0], 0x16, 'a TLS handshake record');
  assert.ok(bytes.length >= 5 + bytes.readUInt16BE(3), 'the whole record');
  // An alert may follow; no record of data does.
  const next = bytes[5 + bytes.readUInt16BE(3)];
  assert.ok(next === undefined || next === 0x15, `a record of type ${next}`);
});

test('T92 settings: only true and false are answers to rejectUnauthorized; a missing one means true; missing files are told', async (t) => {
  const { stage, made, serve } = await hall(t);
  const { address } = await serve(pathsOf(made.otherServer));
  const code = 'ERR_RINGWIRE_TLS_CONFIG';
  for (const wish of [0, 1, '', 'false', 'true', null, {}, []]) {
    const settings = { trustedConnections: made.ca, rejectUnauthorized: wish } as unknown as TlsSettings;
    await assert.rejects(connect(address, { tls: settings }), { code }, String(wish));
    const own = { ...pathsOf(made.server), rejectUnauthorized: wish } as unknown as TlsSettings;
    await assert.rejects(listen('tls://127.0.0.1:0', { tls: own }), { code }, String(wish));
  }
  const missing = join(stage.folder, 'nothing.pem');
  for (const tlsSettings of [
    { private: missing, public: made.server.cert },
    { ...pathsOf(made.server), trustedConnections: missing },
  ]) {
    await assert.rejects(listen('tls://127.0.0.1:0', { tls: tlsSettings }), { code });
  }
  for (const wish of [{}, { rejectUnauthorized: undefined }]) {
    const settings = { trustedConnections: made.ca, ...wish } as TlsSettings;
    await assert.rejects(connect(address, { tls: settings }), Error, 'it verifies');
  }
});

test('T92 settings: the environment cannot switch verification off, and is warned of', async (t) => {
  const { made, serve } = await hall(t);
  const { address } = await serve(pathsOf(made.otherServer));
  const program = `import { connect } from ${JSON.stringify(LIBRARY)};
    process.on('warning', (warning) => warning.code?.startsWith('ERR_RINGWIRE') && console.log(warning.code));
    await connect(process.argv[1], { tls: { trustedConnections: process.argv[2] } }).then(() => console.log('believed'), () => console.log('refused'));`;
  const ran = await run(program, [address, made.ca], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  assert.deepEqual(ran.split('\n').toSorted(), ['', 'ERR_RINGWIRE_TLS_UNVERIFIED', 'refused']);
});

/** @returns what the program printed; the server of the test answers meanwhile */
async function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)));
  await once(child, 'close');
  return printed;
}

test('T93 silent handshakes: each end gives up in time, by name, and `close` waits for none', async (t) => {
  const { stage, made, serve } = await hall(t);
  const count = scaled(t, 200, 500);
  const code = 'ERR_RINGWIRE_HANDSHAKE_TIMEOUT';
  const { server, address } = await serve({ ...pathsOf(made.server) }, { handshakeTimeoutMs: 300 });
  const port = Number(address.split(':').at(-1));
  const silent = Array.from({ length: count }, () => net.connect(port, '127.0.0.1').resume());
  const allClosed = Promise.all(silent.map(gone));
  const trust = { trustedConnections: made.ca };
  const client = await connect(address, { tls: trust });
  t.after(() => client.close());
  await allClosed;
  assert.equal(server.stats().refused[code], count);
  assert.equal(await client.request('echo', 1), 1);

  const mute = net.createServer((socket) => void socket.on('error', () => {}).resume());
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const place = `tls://127.0.0.1:${(mute.address() as net.AddressInfo).port}`;
  const attempt = connect(place, { tls: trust, limits: { handshakeTimeoutMs: 50 } });
  await assert.rejects(attempt, { code, limit: 50, closed: true });
  mute.close();

  const patient = await stage.server({ tls: pathsOf(made.server) }, 'tls://127.0.0.1:0');
  const halfway = net.connect(Number(patient.address.split(':').at(-1)), '127.0.0.1').resume();
  const left = gone(halfway);
  const arrived = once(halfway, 'connect');
  halfway.write(Buffer.from('1603010200', 'hex'));
  await arrived;
  const start = performance.now();
  await Promise.all([patient.close(), left]);
  assert.ok(performance.now() - start < 2_500, 'half of the deadline of a handshake');
});

/** Closed, with or without an error. */
function gone(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.on('error', () => {}).once('close', () => resolve()));
}

function broken(): never {
  throw new Error('the program’s own mistake');
}

test('T94 callbacks that throw cost their handshake, not the server, and leave no descriptor behind', async (t) => {
  const { made, serve } = await hall(t);
  const count = scaled(t, 200, 1_000);
  const trust = { ca: fs.readFileSync(made.ca), host: '127.0.0.1' };
  const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
  const rows: [string, TlsSettings, tls.ConnectionOptions][] = [
    ['SNI', { SNICallback: broken }, { servername: 'localhost' }],
    ['ALPN', { ALPNCallback: broken }, { ALPNProtocols: ['x'] }],
    [
      'PSK',
      { pskCallback: broken, ...psk } as TlsSettings,
      {
        ...psk,
        pskCallback: () => ({ psk: Buffer.alloc(16), identity: 'i' }),
        checkServerIdentity: () => undefined,
      },
    ],
  ];
  for (const [name, settings, options] of rows) {
    const { address, connected } = await serve({ ...pathsOf(made.server), ...settings });
    const port = Number(address.split(':').at(-1));
    const before = descriptors();
    for (let round = 0; round < count; round++) {
      const socket = tls.connect({ ...trust, ...options, port });
      socket.on('secureConnect', () => assert.fail(`${name}: a handshake has succeeded`));
      await gone(socket);
    }
    assert.equal(connected(), 0);
    const after = descriptors();
    assert.ok(after <= before + 2, `${name}: ${before} descriptors before, ${after} after`);
  }
  const { address } = await serve(pathsOf(made.server));
  const checked = { trustedConnections: made.ca, checkServerIdentity: broken };
  await assert.rejects(connect(address, { tls: checked }), { message: /own mistake/ });
});

function descriptors(): number {
  return process.platform === 'linux' ? fs.readdirSync('/proc/self/fd').length : 0;
}
