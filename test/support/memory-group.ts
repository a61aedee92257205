/**
 * A memory cgroup of Linux, of the first or the second version, for programs that are started in it: what they held at most, and whether the kernel had to
 * kill one of them.
 *
 * Invariant: `remove` leaves no group behind once the programs have ended.
 */
import fs from 'node:fs';
import { join } from 'node:path';

interface Version {
  readonly root: string;
  readonly limit: string;
  readonly swap: string;
  readonly peak: string;
  readonly events: string;
}

const VERSIONS: readonly Version[] = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    swap: 'memory.swappiness',
    peak: 'memory.max_usage_in_bytes',
    events: 'memory.oom_control',
  },
  {
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    swap: 'memory.swap.max',
    peak: 'memory.peak',
    events: 'memory.events',
  },
];

export class MemoryGroup {
  /** Comes before the words of a command that is to run in the group. */
  readonly launcher: readonly string[];
  readonly #folder: string;
  readonly #version: Version;

  /** @throws Error with why there can be none here */
  constructor(bytesMax: number) {
    const version = VERSIONS.find(({ root, limit }) => isVersion(root, limit));
    if (version === undefined) throw new Error('there is no memory controller of cgroups');
    this.#version = version;
    this.#folder = join(version.root, `ringwire-${process.pid}`);
    fs.mkdirSync(this.#folder);
    try {
      this.#write(version.limit, bytesMax);
      // A kernel without swap has no file for it.
      if (fs.existsSync(join(this.#folder, version.swap))) this.#write(version.swap, 0);
    } catch (error) {
      this.remove();
      throw error;
    }
    this.launcher = ['sh', '-c', 'echo $$ >"$0" && exec "$@"', join(this.#folder, 'cgroup.procs')];
  }

  /** The kernel's own memory for the programs counts too. */
  get peakBytes(): number {
    return Number(this.#read(this.#version.peak));
  }

  get oomKills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#version.events))?.[1]);
  }

  remove(): void {
    fs.rmdirSync(this.#folder);
  }

  #read(file: string): string {
    return fs.readFileSync(join(this.#folder, file), 'utf8');
  }

  #write(file: string, value: number): void {
    fs.writeFileSync(join(this.#folder, file), String(value));
  }
}

/** The second version has its limits in groups below the root only, and there if the root hands the controller down. */
function isVersion(root: string, limit: string): boolean {
  if (fs.existsSync(join(root, limit))) return true;
  const handed = join(root, 'cgroup.subtree_control');
  return fs.existsSync(handed) && /\bmemory\b/.test(fs.readFileSync(handed, 'utf8'));
}
