/**
 * Row T34: more wants to wait for stopped peers than all together may hold, and the whole server in a cgroup that has little more memory than that.
 */
import assert from 'node:assert/strict';
import { Attacker, json } from '../reliability/attacker.ts';
import { Harness } from '../reliability/witness.ts';
import { MemoryGroup } from '../support/memory-group.ts';
import { pause } from './programs.ts';
import type { Figures, LongRow, Work } from './row.ts';

const MIB: number = 1024 * 1024;
const CAP: number = 128 * MIB;

const GROUP_BYTES: number = 128 * MIB;
const CAP_IN_GROUP: number = 64 * MIB;
/** At once: each keeps some 240 KB of the kernel's memory, which counts in the group, as long as it neither reads nor goes. */
const PEERS_IN_GROUP = 20;

interface Waited {
  /** The most that waited, in MiB: as seen between two turns of the loop, and within one, while what was cut is not given back yet. */
  between: number;
  within: number;
  grown: number;
}

/** Each wants 8 MiB and reads nothing: the largest go, and what waits keeps to its bound. They come `atOnce` at a time. */
async function stopped(
  harness: Harness,
  cap: number,
  rssBytes: number,
  count: number,
  atOnce: number,
): Promise<Waited> {
  const settings = { maxTotalPendingBytes: cap, writeStallTimeout: false, maxConnections: 1_000 } as const;
  const found = { between: 0, within: 0, grown: 0 };
  const last = await harness.row(
    { settings, rssMib: rssBytes / MIB, blocks: true },
    async ({ address, account, until }) => {
      for (let come = 0; come < count; come += atOnce) {
        const peers = await Attacker.many(address, Math.min(atOnce, count - come));
        for (const peer of peers) {
          peer.socket.pause();
          peer.write(json('push please', { count: 128, bytes: 65_536 }));
        }
        const all = (come + peers.length) * 128;
        for (let offered = 0; offered < all; await pause(20)) {
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
  const capMib = cap / MIB;
  assert.ok(found.between <= capMib * 1.05, `${found.between} MiB waited, ${capMib} are allowed`);
  return { ...found, grown: last.grownMib };
}

async function manyStopped({ count }: Work): Promise<Figures> {
  const harness = await Harness.start();
  try {
    const { between, within, grown } = await stopped(harness, CAP, 2 * CAP, count, count);
    return {
      'MiB that waited at most, of 128': between,
      'within one turn': within,
      'MiB more of the process': grown,
      ...(await inGroup(count)),
    };
  } finally {
    await harness.end();
  }
}

/** The kernel kills nobody. */
async function inGroup(count: number): Promise<Figures> {
  let group: MemoryGroup;
  try {
    group = new MemoryGroup(GROUP_BYTES);
  } catch (error) {
    process.stdout.write(`T34 without its cgroup: ${String(error)}\n`);
    return {};
  }
  try {
    const harness = await Harness.start(group.launcher);
    try {
      const { between } = await stopped(harness, CAP_IN_GROUP, GROUP_BYTES, count, PEERS_IN_GROUP);
      assert.equal(group.oomKills, 0);
      return {
        'MiB that waited in a cgroup, of 64': between,
        'MiB of the cgroup at most, of 128': group.peakBytes / MIB,
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
