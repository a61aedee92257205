/**
 * What goes wrong in one run, and how often: drawn anew for each seed, each kind of fault absent in half of them, so that some runs see one kind alone
 * and some see all together (swarm testing).
 *
 * Invariant: a draw depends on the seed and on nothing else.
 */
import type { Random } from '../support/seeded.ts';

/** Probabilities from 0 to 1, milliseconds, bytes. */
export interface Faults {
  /** The system takes a part of a write. */
  readonly partialWrite: number;
  /** A read brings a part of what is there. */
  readonly partialRead: number;
  readonly connectError: number;
  readonly acceptError: number;
  readonly readError: number;
  readonly writeError: number;
  readonly closeError: number;
  /** A chunk of a stream or a datagram arrives with a flipped bit. */
  readonly corruption: number;
  /** Milliseconds on the way, at most, as a rule. */
  readonly latencyMs: number;
  /** What arrives within so many milliseconds arrives at once; 0 for everything on its own. */
  readonly tickMs: number;
  /** Chunks that take up to a second longer. */
  readonly spike: number;
  /** What the system holds for one direction of a connection. */
  readonly capacityBytes: number;
  /** Mean milliseconds between two of them; Infinity for never. */
  readonly clientCrashMs: number;
  readonly serverCrashMs: number;
  /** Crashes without a word to the peers: the machine is gone. */
  readonly powerLoss: number;
  /** A process is stopped for up to three seconds. */
  readonly stopMs: number;
  /** A connection carries nothing any more, in both directions. */
  readonly silenceMs: number;
  readonly datagramLoss: number;
  readonly datagramDouble: number;
}

/** Random decisions. */
export class Chance {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** From 0 to 1. */
  fraction(): number {
    return this.random.below(2 ** 32) / 2 ** 32;
  }

  hits(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  between(least: number, most: number): number {
    return least + this.random.below(most - least + 1);
  }

  /** Milliseconds to the next of events that come every `meanMs` in the mean. */
  pause(meanMs: number): number {
    return -Math.log(1 - this.fraction()) * meanMs;
  }
}

export const NO_FAULTS: Faults = {
  partialWrite: 0,
  partialRead: 0,
  connectError: 0,
  acceptError: 0,
  readError: 0,
  writeError: 0,
  closeError: 0,
  corruption: 0,
  latencyMs: 1,
  tickMs: 0,
  spike: 0,
  capacityBytes: 64 * 1024,
  clientCrashMs: Infinity,
  serverCrashMs: Infinity,
  powerLoss: 0,
  stopMs: Infinity,
  silenceMs: Infinity,
  datagramLoss: 0,
  datagramDouble: 0,
};

export function drawFaults(chance: Chance): Faults {
  const { random } = chance;
  const rate = (most: number): number => (chance.hits(1 / 2) ? most * chance.fraction() ** 2 : 0);
  const mean = (least: number, share: number): number =>
    chance.hits(share) ? least * (1 + 4 * chance.fraction()) : Infinity;
  // A quarter of all runs sees no faults that cost a connection: there everything that was sent has to arrive.
  const isKind = chance.hits(1 / 4);
  const cost = (most: number): number => (isKind ? 0 : rate(most));
  return {
    partialWrite: rate(0.8),
    partialRead: rate(0.8),
    connectError: cost(0.5),
    acceptError: cost(0.3),
    readError: cost(0.05),
    writeError: cost(0.05),
    closeError: cost(0.3),
    corruption: chance.hits(1 / 2) ? cost(0.05) : 0,
    latencyMs: random.pick([0.01, 0.2, 1, 20]),
    tickMs: random.pick([0, 0, 1, 10]),
    spike: rate(0.05),
    capacityBytes: random.pick([600, 4_096, 16_384, 65_536, 262_144]),
    clientCrashMs: isKind ? Infinity : mean(1_500, 1 / 3),
    serverCrashMs: isKind ? Infinity : mean(1_500, 1 / 3),
    powerLoss: random.pick([0, 0, 0.3, 1]),
    stopMs: mean(1_500, 1 / 3),
    silenceMs: isKind ? Infinity : mean(1_500, 1 / 3),
    datagramLoss: rate(0.5),
    datagramDouble: rate(0.3),
  };
}
