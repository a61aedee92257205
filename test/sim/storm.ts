/**
 * What happens to processes while things go wrong, and how long everything may take to come right behind it.
 *
 * Invariant: behind the storm nothing of it happens any more.
 */
import type { Actor } from './actors.ts';
import type { World } from './world.ts';

/** After the storm: three heartbeats of 15 s, pauses between tries, a machine that does not answer. */
const SETTLE_MS = 200_000;
const DARK_MS_MAX = 3_000;
/** An event that asks for another one at the same time for ever would never end. */
const EVENTS_MAX = 3_000_000;

/** @param silence takes the voice of a connection */
export function planStorm(world: World, server: Actor, clients: readonly Actor[], silence: () => void): void {
  const { network, chance } = world;
  const { clientCrashMs, serverCrashMs, stopMs, silenceMs } = network.faults;
  every(world, serverCrashMs, () => crash(world, server));
  every(world, clientCrashMs, () => crash(world, chance.random.pick(clients)));
  every(world, stopMs, () => {
    const { host } = chance.random.pick([server, ...clients]);
    host.stoppedUntilMs = world.clock.nowMs + 3_000 * chance.fraction();
    world.trace.add(`${host.name} is stopped until ${host.stoppedUntilMs.toFixed(0)} ms`);
  });
  every(world, silenceMs, silence);
}

function every(world: World, meanMs: number, happen: () => void): void {
  if (meanMs === Infinity) return;
  world.clock.after(world.chance.pause(meanMs), undefined, () => {
    if (world.isCalm) return;
    happen();
    every(world, meanMs, happen);
  });
}

function crash(world: World, actor: Actor): void {
  const { clock, chance, network } = world;
  if (!actor.isAlive) return;
  actor.crash(chance.hits(network.faults.powerLoss));
  clock.after(DARK_MS_MAX * chance.fraction() ** 2, undefined, () => revive(world, actor));
}

export function revive(world: World, actor: Actor): void {
  if (actor.isAlive) return;
  world.network.reboot(actor.host);
  actor.start();
}

export function isOver(world: World): boolean {
  const { clock, violations } = world;
  if (clock.eventCount > EVENTS_MAX && violations.length === 0) world.broken('endless', 'events without end');
  return violations.length > 0;
}

/** @param missing what is not as it should be, undefined when all is. @returns whether it came to that */
export async function settled(
  world: World,
  goal: string,
  missing: () => string | undefined,
): Promise<boolean> {
  const { clock } = world;
  let lookMs = 0;
  const isDone = (): boolean => {
    if (isOver(world)) return true;
    if (clock.nowMs < lookMs) return false;
    lookMs = clock.nowMs + 10;
    return missing() === undefined;
  };
  await clock.run(clock.nowMs + SETTLE_MS, isDone);
  if (isOver(world)) return false;
  const found = missing();
  if (found === undefined) return true;
  world.broken('liveness', `${goal}: not within ${SETTLE_MS} ms: ${found}`);
  return false;
}
