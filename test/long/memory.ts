/**
 * Row T34: more wants to wait for stopped peers than all together may hold, and the whole server in a cgroup that has little more memory than that.
 */
import assert from 'node:assert/strict';
import { SLAB_BYTES } from '../../src/bytes/slab-pool.ts';
import { Attacker, json } from '../reliability/attacker.ts';
import { Harness } from '../reliability/witness.ts';
import { MemoryGroup } from '../support/memory-group.ts';
import { pause } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const MIB: number = 1024 * 1024;
/** The default. */
const CAP: number = 512 * MIB;

/**
 * What one sets where there is so little: by itself V8 gives young objects up to 48 MiB, and malloc keeps freed pieces of 128 KiB between others that
 * are in use.
 */
const SMALL = ['NODE_OPTIONS=--max-semi-space-size=2', 'MALLOC_MMAP_THRESHOLD_=65536'];
const GROUP_BYTES: number = 128 * MIB;

interface Wish {
  readonly count: number;
  readonly bytes: number;
}
const MANY: Wish = { count: 128, bytes: 65_536 };
const ONE_LARGE: Wish = { count: 1, bytes: 8 * MIB };

interface Crowd {
  /** What may wait for all of them. */
  readonly cap: number;
  /** So many come at a time. */
  readonly atOnce: number;
  /** What they want in turn, and do not read. */
  readonly wishes: readonly Wish[];
}
const PLAIN: Crowd = { cap: CAP, atOnce: 200, wishes: [MANY, ONE_LARGE] };
/**
 * Of the kernel's memory each peer that neither reads nor goes keeps some 240 KB, which count in the group: 64 MiB leave room for 20 of them at once, 8 MiB
 * for 200.
 */
const IN_GROUP: readonly Crowd[] = [
  { cap: 64 * MIB, atOnce: 20, wishes: [MANY] },
  { cap: 8 * MIB, atOnce: 200, wishes: [MANY] },
];

interface Waited {
  /** The most that waited, in MiB: as seen between two turns of the loop, and within one, while what was cut is not given back yet. */
  between: number;
  within: number;
  grown: number;
}

/** Each wants 8 MiB and reads nothing: the largest go, and what waits keeps to its bound. */
async function stopped(harness: Harness, rssBytes: number, count: number, crowd: Crowd): Promise<Waited> {
  const { cap, atOnce, wishes } = crowd;
  const settings = { maxTotalPendingBytes: cap, writeStallTimeout: false, maxConnections: 1_000 } as const;
  const found = { between: 0, within: 0, grown: 0 };
  let wished = 0;
  const last = await harness.row(
    { settings, rssMib: rssBytes / MIB, blocks: true },
    async ({ address, account, until }) => {
      for (let come = 0; come < count; come += atOnce) {
        const peers = await Attacker.many(address, Math.min(atOnce, count - come));
        for (const [index, peer] of peers.entries()) {
          const wish = wishes[index % wishes.length] as Wish;
          peer.socket.pause();
          peer.write(json('push please', wish));
          wished += wish.count;
        }
        for (let offered = 0; offered < wished; await pause(20)) {
          const now = await account();
          offered = now.offered;
          found.between = Math.max(found.between, (now.stats?.pendingBytes ?? 0) / MIB);
          found.within = Math.max(found.within, now.pendingMax / MIB);
        }
        const { errors } = await account();
        assert.ok((errors['MEMORY_LIMIT'] ?? 0) > come / 2, JSON.stringify(errors));
        for (const peer of peers) peer.socket.destroy();
        await until('all of them to be gone', ({ sockets }) => sockets <= 2);
      }
    },
  );
  const allowed = (cap + atOnce * SLAB_BYTES) / MIB;
  assert.ok(found.within <= allowed, `${found.within} MiB waited, ${allowed} are allowed`);
  return { ...found, grown: last.grownMib };
}

async function manyStopped({ count }: Work): Promise<Figures> {
  const harness = await Harness.start();
  try {
    const { between, within, grown } = await stopped(harness, 2 * CAP, count, PLAIN);
    assert.ok(within <= (CAP / MIB) * 1.05, `${within} MiB waited within a turn`);
    const inGroups: Figures[] = [];
    for (const crowd of IN_GROUP) inGroups.push(await inGroup(count, crowd));
    return {
      'MiB that waited at most, of 512': between,
      'within one turn': within,
      'MiB more of the process': grown,
      ...Object.assign({}, ...inGroups),
    };
  } finally {
    await harness.end();
  }
}

/** The kernel kills nobody. */
async function inGroup(count: number, crowd: Crowd): Promise<Figures> {
  let group: MemoryGroup;
  try {
    group = new MemoryGroup(GROUP_BYTES);
  } catch (error) {
    process.stdout.write(`T34 without its cgroup: ${String(error)}\n`);
    return {};
  }
  try {
    const harness = await Harness.start([...group.launcher, 'env', ...SMALL]);
    try {
      const { between } = await stopped(harness, GROUP_BYTES, count, crowd);
      assert.equal(group.oomKills, 0);
      const capMib = crowd.cap / MIB;
      return {
        [`MiB that waited in a cgroup, of ${capMib}, for ${crowd.atOnce} at once`]: between,
        [`MiB of the cgroup at most, of 128, with ${capMib} that wait`]: group.peakBytes / MIB,
      };
    } finally {
      await harness.end();
    }
  } catch (error) {
    const killed = `in a cgroup, in which the kernel has killed ${group.oomKills} processes`;
    throw new Error(`${killed}: ${String(error)}`, { cause: error });
  } finally {
    group.remove();
  }
}

export const MEMORY_ROWS: readonly LongRow[] = [
  { id: 'T34', what: 'many stand still', unit: 'stopped peers', goal: 1_000, step: 200, run: manyStopped },
];
