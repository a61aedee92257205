/**
 * Rows T67 and T69: servers that race for one path, and somebody who keeps swapping what lies there.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { guardOf } from '../../src/transports/path-server.ts';
import { leaveRemains } from '../support/remains.ts';
import { connect } from '../../src/index.ts';
import { seeded } from '../support/seeded.ts';
import { LIBRARY, Program, READ_LINES } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const STARTER = `import { listen } from ${JSON.stringify(LIBRARY)}; ${READ_LINES}
  let server;
  console.log('ready');
  for await (const line of lines) {
    if (line === 'stop') { await server?.close(); server = undefined; console.log('stopped'); continue; }
    try { server = await listen(line); server.handle('who', () => process.pid); console.log('won'); }
    catch (error) { console.log(error.code); }
  }`;

/** Over nothing, over the socket of a dead server, and over that and the one of a dead guard. */
async function races({ count, first, folder, seed }: Work): Promise<Figures> {
  const starters = Array.from({ length: 8 }, () => new Program(STARTER));
  const random = seeded(seed + first);
  let losers = 0;
  try {
    for (const each of starters) assert.equal(await each.line(), 'ready');
    for (let race = first; race < first + count; race++) {
      const path = join(folder, `race-${race}`);
      const address = `unix:${path}`;
      if (race % 3 > 0) await leaveRemains(path);
      if (race % 3 > 1) await leaveRemains(guardOf(path));
      const some = starters.slice(0, race % 2 === 0 ? 8 : 2 + random.below(7));
      const told = await Promise.all(some.map((each) => each.ask(address)));
      const winners = some.filter((_each, index) => told[index] === 'won');
      assert.equal(winners.length, 1, told.join());
      const others = told.filter((each) => each !== 'won');
      losers += others.length;
      assert.ok(
        others.every((each) => each === 'ERR_RINGWIRE_PATH_IN_USE'),
        told.join(),
      );
      const client = await connect(address);
      assert.equal(await client.request('who'), winners[0]?.child.pid, 'clients reach the winner');
      await client.close();
      assert.equal(await winners[0]?.ask('stop'), 'stopped');
      assert.deepEqual(fs.readdirSync(folder), [], 'nothing is left');
    }
  } finally {
    for (const each of starters) each.end();
  }
  return { 'losers in a step': losers };
}

const SWAPPER = `import fs from 'node:fs'; import net from 'node:net'; ${READ_LINES}
  const [, path, seedText] = process.argv;
  const socket = path + '-s', kinds = [path + '-file', path + '-link', path + '-live'];
  fs.writeFileSync(kinds[0], 'precious', { mode: 0o640 });
  fs.symlinkSync(path + '-file', kinds[1]);
  const live = net.createServer((peer) => peer.end()).listen(kinds[2], () => console.log('ready'));
  let swaps = 0, isOver = false;
  const swap = () => {
    for (let n = 0; n < 5 && !isOver; n++) {
      const kind = kinds[swaps++ % kinds.length], beside = path + '-beside';
      try { fs.linkSync(kind, beside); fs.renameSync(beside, path); } catch (error) { if (error.code !== 'EEXIST') throw error; fs.rmSync(beside, { force: true }); }
    }
    if (!isOver) setImmediate(swap);
  };
  swap();
  for await (const line of lines) {
    isOver = line === 'end';
    const { mode, ino } = fs.statSync(kinds[0]);
    console.log([swaps, fs.readFileSync(kinds[0], 'utf8'), (mode & 0o777).toString(8), ino, fs.readlinkSync(kinds[1]) === kinds[0], fs.lstatSync(kinds[2]).isSocket(), (fs.lstatSync(kinds[2]).mode & 0o777).toString(8)].join(' '));
  }`;

/** What is swapped in belongs to somebody: contents, modes and inodes stay what they were, whatever servers start and stop there meanwhile. */
async function swaps({ count, first, folder }: Work): Promise<Figures> {
  const path = join(folder, `swap-${first}`);
  const swapper = new Program(SWAPPER, [path]);
  const starter = new Program(STARTER);
  const outcomes = new Map<string, number>();
  try {
    assert.equal(await swapper.line(), 'ready');
    assert.equal(await starter.line(), 'ready');
    const untouched = (await swapper.ask('?')).split(' ').slice(1).join(' ');
    let swapped = 0;
    while (swapped < count) {
      const outcome = await starter.ask(`unix:${path}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === 'won') assert.equal(await starter.ask('stop'), 'stopped');
      const [now, ...state] = (await swapper.ask('?')).split(' ');
      assert.equal(state.join(' '), untouched);
      swapped = Number(now);
    }
    await swapper.ask('end');
    assert.equal(fs.readFileSync(`${path}-file`, 'utf8'), 'precious');
    return { 'starts in a step': [...outcomes.values()].reduce((sum, each) => sum + each, 0) };
  } finally {
    for (const each of [swapper, starter]) each.end();
  }
}

const noFiles = (): string | undefined =>
  process.platform === 'win32' ? 'pipes of Windows are no files' : undefined;

export const PATH_ROWS: readonly LongRow[] = [
  {
    id: 'T67',
    what: 'servers that race for a path',
    unit: 'races',
    goal: 1_000,
    step: 100,
    missing: noFiles,
    run: races,
  },
  {
    id: 'T69',
    what: 'files that are swapped',
    unit: 'swaps',
    goal: 1e5,
    step: 20_000,
    missing: noFiles,
    run: swaps,
  },
];
