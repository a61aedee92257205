/**
 * What every run on the simulated network has in common: a world of its own, in place of what a program takes from its surroundings, and what is told
 * of it afterwards.
 *
 * Invariant: a run depends on its seed alone; two runs of one seed have the same trace.
 */
import { seeded } from '../support/seeded.ts';
import { install } from './globals.ts';
import { type Violation, World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The last steps. */
  readonly trace: readonly string[];
  readonly settings: object;
  readonly eventCount: number;
  readonly deliveredCount: number;
  readonly simulatedMs: number;
}

const LINES = 60;

/** @param go lets the programs run; @returns how many messages were delivered */
export async function simulate(seed: number, go: (world: World) => Promise<number>): Promise<Outcome> {
  const random = seeded(seed);
  const world = new World(random);
  const { faults } = world.network;
  const caught = (error: unknown): void => world.broken('uncaught', String((error as Error)?.stack ?? error));
  process.on('uncaughtException', caught);
  process.on('unhandledRejection', caught);
  const restore = install(world.clock, world.network, random);
  let deliveredCount: number;
  try {
    deliveredCount = await go(world);
  } finally {
    restore();
    process.off('uncaughtException', caught);
    process.off('unhandledRejection', caught);
  }
  const { clock, violations, settings, network } = world;
  return {
    seed,
    violations,
    trace: world.trace.last(LINES),
    settings: { ...settings, faults, now: network.faults },
    eventCount: clock.eventCount,
    deliveredCount,
    simulatedMs: clock.nowMs,
  };
}
