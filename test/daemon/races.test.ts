/**
 * Eight programs that want the same daemon at the same moment, round after round: over nothing, over the socket of one that was killed, while the last
 * one closes because it is idle, while one of another version makes way. Each round has exactly one winner, and nobody is left without it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const STARTER: string = fileURLToPath(new URL('starter.js', import.meta.url));
const STARTERS = 8;
/** Each round starts up to sixteen programs. */
const ROUNDS: number = Number(process.env['RINGWIRE_DAEMON_ROUNDS'] ?? 2);

interface Starter {
  readonly child: ChildProcess;
  ask(): Promise<string>;
}

function workFolder(context: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-races-'));
  context.after(() => {
    for (const pid of served(folder, 'started-')) end(pid);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Those that ever served in this folder, or were started in it. */
function served(folder: string, mark = 'served-'): Set<number> {
  const names = fs.readdirSync(folder).filter((name) => name.startsWith(mark));
  return new Set(names.map((name) => Number(name.slice(mark.length))));
}

/** Those that lost have ended: they would take the place of the winner when it goes. */
async function losersGone(folder: string, winner: number): Promise<void> {
  for (const pid of served(folder, 'started-')) if (pid !== winner) await gone(pid);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Settles when nobody of this id runs any more. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function starters(context: TestContext, ...args: string[]): Promise<Starter[]> {
  const all = Array.from({ length: STARTERS }, () => {
    const child = spawn(process.execPath, [STARTER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => String((await lines.next()).value);
    return {
      child,
      next,
      ask: (): Promise<string> => {
        child.stdin.write('\n');
        return next();
      },
    };
  });
  context.after(async () => {
    for (const { child } of all) child.stdin.end();
    await Promise.all(all.map(({ child }) => child.exitCode ?? once(child, 'close')));
  });
  for (const { next } of all) assert.equal(await next(), 'ready');
  return all;
}

/** All ask at once. @returns the one daemon that all of them met */
async function race(all: readonly Starter[], version: string): Promise<number> {
  const answers = new Set(await Promise.all(all.map((each) => each.ask())));
  const [answer = ''] = answers;
  assert.equal(answers.size, 1, [...answers].join(', '));
  assert.match(answer, new RegExp(`^\\d+ tested@${version}$`));
  return Number(answer.split(' ')[0]);
}

test('one winner in every round, over nothing and over the socket of a daemon that was killed', async (context) => {
  const folder = workFolder(context);
  const all = await starters(context, folder, '1', '60000');
  const socket = path.join(folder, 's');
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) fs.rmSync(socket, { force: true });
    const before = served(folder);
    const winner = await race(all, '1');
    const after = served(folder);
    assert.deepEqual(
      [...after].filter((pid) => !before.has(pid)),
      [winner],
      'one more served, and nobody else',
    );
    assert.equal(await race(all, '1'), winner, 'it goes on serving');
    await losersGone(folder, winner);
    end(winner);
    await gone(winner);
    assert.ok(fs.existsSync(socket), 'a killed daemon leaves its socket');
  }
});

test('nobody is stranded when the daemon closes at that very moment because it is idle', async (context) => {
  const folder = workFolder(context);
  const all = await starters(context, folder, '1', '1');
  for (let round = 0; round < ROUNDS * 2; round++) {
    // Each on its own: some meet the daemon as it goes, some start the next one.
    const answers = await Promise.all(all.map((each) => each.ask()));
    for (const answer of answers) assert.match(answer, /^\d+ tested@1$/);
  }
});

test('eight programs replace a daemon of another version by one', async (context) => {
  const folder = workFolder(context);
  const versions = await Promise.all(
    ['1', '2'].map((version) => starters(context, folder, version, '60000', 'replace')),
  );
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const at = round % 2;
    const before = served(folder);
    const winner = await race(versions[at] as Starter[], String(at + 1));
    assert.notEqual(winner, last);
    assert.deepEqual(
      [...served(folder)].filter((pid) => !before.has(pid)),
      [winner],
    );
    last = winner;
    await losersGone(folder, winner);
  }
});
