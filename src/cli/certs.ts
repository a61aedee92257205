/** `ringwire certs`: a certificate authority and certificates for development, made by openssl. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { readArguments, readNumber, UsageError } from './usage.ts';

const CERTS_HELP = `Usage: ringwire certs [options] [name ...]

Makes a certificate authority, a certificate for a server with these names and addresses (default localhost and 127.0.0.1), and one for a
client, for development. Needs the program openssl. Files that exist are left alone.

Options:
  --output <folder>   where the files go (default certs)
  --days <n>          how long they are valid (default 30)
  --json              print the paths as JSON
  --help

Files: ca.pem, ca.key, server.pem, server.key, client.pem, client.key. Keys can be read by you alone. Keep them out of version control.

Exit codes: 0 made, 2 a mistake in the arguments, or openssl failed.

Example:
  ringwire certs && ringwire listen tls://127.0.0.1:8000 --cert certs/server.pem --key certs/server.key
`;

const OPTIONS = {
  output: { type: 'string', default: 'certs' },
  days: { type: 'string', default: '30' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** @returns the exit code */
export function certs(words: readonly string[]): number {
  const { values, positionals } = readArguments(words, OPTIONS, CERTS_HELP);
  if (values.help) {
    process.stdout.write(CERTS_HELP);
    return 0;
  }
  const days = String(Math.floor(readNumber('days', values.days, 1, CERTS_HELP)));
  const names = positionals.length === 0 ? ['localhost', '127.0.0.1'] : positionals;
  for (const name of names)
    if (!/^[\w.*:-]+$/.test(name))
      throw new UsageError(`'${name}' is no name of a host and no address`, CERTS_HELP);
  const folder = values.output;
  fs.mkdirSync(folder, { recursive: true });
  const place = (file: string): string => path.join(folder, file);
  const files = ['ca.pem', 'ca.key', 'server.pem', 'server.key', 'client.pem', 'client.key'].map(place);
  const existing = files.find((file) => fs.existsSync(file));
  if (existing !== undefined)
    throw new UsageError(`${existing} exists: remove it, or choose another --output`, CERTS_HELP);
  openssl([
    'req',
    '-x509',
    ...CURVE,
    '-days',
    days,
    '-subj',
    '/CN=ringwire development',
    '-keyout',
    place('ca.key'),
    '-out',
    place('ca.pem'),
  ]);
  const alternatives = names.map((name) => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  issue(place, 'server', `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth`, days);
  issue(place, 'client', 'extendedKeyUsage=clientAuth', days);
  for (const file of files) if (file.endsWith('.key')) fs.chmodSync(file, 0o600);
  process.stdout.write(values.json ? `${JSON.stringify(files)}\n` : `${files.join('\n')}\n`);
  return 0;
}

function issue(place: (file: string) => string, name: string, extensions: string, days: string): void {
  const [key, cert, request, config] = ['key', 'pem', 'csr', 'ext'].map((ending) =>
    place(`${name}.${ending}`),
  ) as [string, string, string, string];
  try {
    fs.writeFileSync(config, extensions);
    openssl(['req', ...CURVE, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
    const signed = ['-CA', place('ca.pem'), '-CAkey', place('ca.key'), '-CAcreateserial', '-days', days];
    openssl(['x509', '-req', '-in', request, ...signed, '-extfile', config, '-out', cert]);
  } finally {
    for (const file of [request, config, place('ca.srl')]) fs.rmSync(file, { force: true });
  }
}

function openssl(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status === 0) return;
  const why =
    error === undefined
      ? stderr.trim()
      : "there is no program 'openssl'; install it, or bring certificates of your own";
  throw new UsageError(`no certificates were made: ${why}`, '');
}
