/**
 * Runs the conformance pack against the three receivers: the TypeScript server, the TypeScript client, and ringwire.h, which is asked for what a parser finds.
 *
 * Invariant: each case of each input runs against every receiver that it is fair to.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeReplay } from '../native-peers/native-replay.ts';
import type { Setting } from '../support/vectors.ts';
import { type Input, piecesOf } from './cases.ts';
import { Datagrams } from './datagrams.ts';
import { judge, runClient, Servers } from './receivers.ts';

export type Target = 'server' | 'client' | 'native';
export const TARGETS: readonly Target[] = ['server', 'client', 'native'];

export interface Result {
  readonly input: Input;
  readonly chunking: string;
  readonly target: Target;
  /** What differs, or ''. */
  readonly fault: string;
}

/** Connections at once. */
const PARALLEL = 8;
const BLANK: Setting = {
  wire: 'stream',
  role: 'accepted',
  limit: 1024,
  codecs: 0x0e,
  agreed: 5,
  features: 0,
  codec: 0,
};

interface Case {
  readonly input: Input;
  readonly chunking: string;
}

function casesFor(inputs: readonly Input[], target: Target): Case[] {
  return inputs
    .filter(({ targets }) => targets[target])
    .flatMap((input) => Object.keys(input.chunkings).map((chunking) => ({ input, chunking })));
}

async function runAll(
  cases: readonly Case[],
  target: Target,
  run: (each: Case, index: number) => Promise<string>,
  parallel: number,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const index = next++;
      const each = cases[index] as Case;
      const fault = await run(each, index).catch((error: unknown) => String(error));
      results[index] = { ...each, target, fault };
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return results;
}

function isDatagram({ input }: Case): boolean {
  return input.wire === 'datagram';
}

export async function runServer(inputs: readonly Input[]): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-conformance-'));
  const servers = new Servers(folder);
  const datagrams = await Datagrams.open();
  const run = async ({ input, chunking }: Case): Promise<string> => {
    const pieces = piecesOf(input, chunking);
    const observed = input.wire === 'datagram' ? datagrams.run(pieces) : servers.run(input, pieces);
    return judge(input, await observed, chunking);
  };
  const cases = casesFor(inputs, 'server');
  const streams = await runAll(
    cases.filter((each) => !isDatagram(each)),
    'server',
    run,
    PARALLEL,
  );
  const others = await runAll(cases.filter(isDatagram), 'server', run, 1);
  await servers.close();
  await datagrams.close();
  rmSync(folder, { recursive: true, force: true });
  return [...streams, ...others];
}

export async function runClients(inputs: readonly Input[]): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-conformance-'));
  const run = async ({ input, chunking }: Case, index: number): Promise<string> =>
    judge(input, await runClient(input, piecesOf(input, chunking), join(folder, String(index))), chunking);
  const results = await runAll(casesFor(inputs, 'client'), 'client', run, PARALLEL);
  rmSync(folder, { recursive: true, force: true });
  return results;
}

/** In both roles, where both are fair. */
export async function runNative(inputs: readonly Input[]): Promise<Result[]> {
  const native = new NativeReplay();
  const results: Result[] = [];
  for (const { input, chunking } of casesFor(inputs, 'native')) {
    const setting: Setting = { ...BLANK, ...input.setting, wire: input.wire };
    const settings = [setting];
    if (input.targets.client && input.wire === 'stream' && setting.role === 'accepted')
      settings.push({ ...setting, role: 'connected', codec: 3 });
    const pieces = piecesOf(input, chunking);
    const expected = [...input.frames, `end ${input.code} ${input.offset}`].join('\n');
    native.ask(settings.map((each) => ({ setting: each, pieces })));
    let fault = '';
    for (const each of settings) {
      const seen = await native.answer();
      if (seen !== expected) fault = `${each.role}: expected\n${expected}\nbut there came\n${seen}`;
    }
    results.push({ input, chunking, target: 'native', fault });
  }
  await native.end();
  return results;
}
