/**
 * A server and its clients as processes around one address: program.ts started for either package in either role, with
 * the same configuration, certificates included.
 *
 * It judges nothing. Invariant: when `play` settles, all processes are gone, and their folder with them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates, type Certificates } from '../../support/certificates.ts';
import { Child, programPath } from './children.ts';
import type { Scenario } from './program.ts';
import { freePort } from './raw.ts';
import type { SubjectName } from './subjects.ts';

export type Pair = readonly [server: SubjectName, client: SubjectName];
export type Row = Pick<Scenario, 'transport' | 'raw' | 'messages'>;
type Role = Scenario['role'];

export class Play {
  readonly #pair: Pair;
  readonly #common: Omit<Scenario, 'role' | 'tls'>;
  readonly #certificates: Certificates | undefined;
  readonly #children: Child[] = [];

  constructor(pair: Pair, common: Omit<Scenario, 'role' | 'tls'>, certificates: Certificates | undefined) {
    this.#pair = pair;
    this.#common = common;
    this.#certificates = certificates;
  }

  async server(): Promise<Child> {
    const child = this.#start(this.#pair[0], 'server');
    await child.count('start');
    return child;
  }

  clients(): Child {
    return this.#start(this.#pair[1], 'client');
  }

  async end(): Promise<void> {
    for (const child of this.#children) await child.kill();
  }

  #start(name: SubjectName, role: Role): Child {
    const scenario: Scenario = { ...this.#common, role, ...this.#tls(role) };
    const child = new Child(programPath('program'), [name, JSON.stringify(scenario)]);
    this.#children.push(child);
    return child;
  }

  #tls(role: Role): Pick<Scenario, 'tls'> {
    if (this.#certificates === undefined) return {};
    const { key, cert } = this.#certificates[role];
    const files = { private: key, public: cert, trustedConnections: this.#certificates.ca };
    return { tls: { ...files, requestCert: true, rejectUnauthorized: true } };
  }
}

export async function play(pair: Pair, row: Row, act: (stage: Play) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rw-'));
  const certificates = row.transport === 'tls' ? await makeCertificates(folder) : undefined;
  const port = row.transport === 'unix' ? 0 : await freePort();
  const stage = new Play(pair, { ...row, path: join(folder, 's'), port }, certificates);
  try {
    await act(stage);
  } finally {
    await stage.end();
    await rm(folder, { recursive: true });
  }
}
