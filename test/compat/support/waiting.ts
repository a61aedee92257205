/**
 * Bounded waiting: for a promise, for an event, for a transcript to hold what a test asks for.
 *
 * It never sleeps and never waits for ever: each wait ends with what it waited for in the message.
 * Invariant: a wait that ended leaves no timer behind.
 */
import type { Emitter } from './subjects.ts';

/** Checks that are meant to fail on the original get less time, so that they fail soon. */
const PATIENCE_MS = Number(process.env['COMPAT_PATIENCE_MS'] ?? 5000);

export async function within<T>(what: string, promise: Promise<T>, ms: number = PATIENCE_MS): Promise<T> {
  let cancel = nothing;
  const timeout = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
    cancel = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    cancel();
  }
}

/** For proving that something does not happen: there is no event to wait for. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function nothing(): void {}

/** The arguments of the next `type`. */
export function next(emitter: Emitter, type: string): Promise<unknown[]> {
  const arrived = new Promise<unknown[]>((resolve) => {
    emitter.once(type, (...args: unknown[]) => resolve(args));
  });
  return within(`the event '${type}'`, arrived);
}

export interface Entry {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What happened, in order, and a way to wait for more of it. */
export class Transcript {
  readonly entries: Entry[] = [];
  readonly #watchers = new Set<() => void>();

  add(name: string, ...args: unknown[]): void {
    this.entries.push({ name, args });
    for (const watch of this.#watchers) watch();
  }

  /** Records each `types` event of an emitter; `prefix` tells emitters apart. */
  listen(emitter: Emitter, types: readonly string[], prefix = ''): this {
    for (const type of types) {
      emitter.on(type, (...args: unknown[]) => this.add(prefix + type, ...args));
    }
    return this;
  }

  names(): string[] {
    return this.entries.map((entry) => entry.name);
  }

  of(name: string): Entry[] {
    return this.entries.filter((entry) => entry.name === name);
  }

  /** The first argument of each entry called `name`. */
  values(name: string): unknown[] {
    return this.of(name).map((entry) => entry.args[0]);
  }

  count(name: string, count = 1): Promise<void> {
    return this.until(`${count} x '${name}'`, () => this.of(name).length >= count);
  }

  async until(what: string, done: () => boolean): Promise<void> {
    if (done()) return;
    let watch = nothing;
    const enough = new Promise<void>((resolve) => {
      watch = () => {
        if (done()) resolve();
      };
    });
    this.#watchers.add(watch);
    try {
      await within(what, enough);
    } catch (error) {
      const seen = this.names().slice(-12).join(' ');
      throw new Error(`${(error as Error).message}; last entries: ${seen || 'none'}`, { cause: error });
    } finally {
      this.#watchers.delete(watch);
    }
  }
}

/** Transcript of the named events of one emitter. */
export function record(emitter: Emitter, ...types: string[]): Transcript {
  return new Transcript().listen(emitter, types);
}
