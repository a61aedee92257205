/**
 * Time of the simulator: timers, immediates and `performance.now` of everything that runs in it, in one queue. Nothing waits: the clock jumps to the
 * next event. Ticks and promises are Node's own, and all of them are done before the next event begins.
 *
 * Invariant: events run in the order of their times, equal times in the order of their making; what a host that is dead has asked for never runs.
 */

/** A simulated process: whose timers they are. */
export interface Host {
  readonly name: string;
  isAlive: boolean;
  /** It is stopped until then; its events wait. */
  stoppedUntilMs: number;
}

export interface Alarm {
  atMs: number;
  order: number;
  readonly host: Host | undefined;
  readonly run: () => void;
  /** It keeps a process alive: a timer of the program, not an event of the system. */
  isRef: boolean;
  isDone: boolean;
}

/** What a run of the clock tells. */
export interface ClockHandlers {
  /** Whatever nobody caught. */
  failed(error: unknown): void;
}

/** Immediates that are asked for at once: the loop of Node goes round once for so many events. */
const BATCH = 32;

/** Added to the order of immediates. */
const BEHIND: number = 2 ** 40;

const real = { setImmediate };

export class Clock {
  nowMs = 0;
  /** Whose event is running. */
  current: Host | undefined = undefined;
  eventCount = 0;
  readonly #heap: Alarm[] = [];
  readonly #handlers: ClockHandlers;
  #order = 0;

  constructor(handlers: ClockHandlers) {
    this.#handlers = handlers;
  }

  /** Calls `run` in so many milliseconds, as a part of the host; of the world when there is none. */
  after(delayMs: number, host: Host | undefined, run: () => void): Alarm {
    return this.#add(delayMs, this.#order++, host, run);
  }

  /** Calls `run` behind everything that happens at this time: immediates come behind all that the system has to tell. */
  behind(host: Host | undefined, run: () => void): Alarm {
    return this.#add(0, BEHIND + this.#order++, host, run);
  }

  /** Runs a piece of a host's program now. */
  as(host: Host | undefined, run: () => void): void {
    const before = this.current;
    this.current = host;
    try {
      run();
    } catch (error) {
      this.#handlers.failed(error);
    }
    this.current = before;
  }

  /** What a host still waits for with something that keeps its process alive. */
  pendingOf(host: Host): number {
    return this.#heap.filter((alarm) => !alarm.isDone && alarm.isRef && alarm.host === host).length;
  }

  /** Lets time pass until `isOver` says so, or the time has come, or nothing is left to happen. @returns what `isOver` says last */
  run(untilMs: number, isOver: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      let asked = 0;
      let ended = false;
      const step = (): void => {
        asked--;
        if (!ended && (isOver() || !this.#next(untilMs))) {
          ended = true;
          this.current = undefined;
          resolve(isOver());
        }
        if (!ended && asked === 0) ask();
      };
      const ask = (): void => {
        for (; asked < BATCH; asked++) real.setImmediate(step);
      };
      ask();
    });
  }

  /** @returns false when there is nothing to run before `untilMs` */
  #next(untilMs: number): boolean {
    for (;;) {
      const alarm = this.#heap[0];
      if (alarm === undefined || alarm.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, Math.min(untilMs, alarm?.atMs ?? untilMs));
        return false;
      }
      this.#pop();
      const { host } = alarm;
      if (alarm.isDone || host?.isAlive === false) continue;
      this.nowMs = alarm.atMs;
      if (host !== undefined && host.stoppedUntilMs > this.nowMs) {
        alarm.atMs = host.stoppedUntilMs;
        this.#push(alarm);
        continue;
      }
      alarm.isDone = true;
      this.eventCount++;
      this.current = host;
      try {
        alarm.run();
      } catch (error) {
        this.#handlers.failed(error);
      }
      return true;
    }
  }

  #add(delayMs: number, order: number, host: Host | undefined, run: () => void): Alarm {
    const alarm: Alarm = { atMs: this.nowMs + delayMs, order, host, run, isRef: false, isDone: false };
    this.#push(alarm);
    return alarm;
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(alarm);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(alarm, heap[parent] as Alarm)) break;
      heap[at] = heap[parent] as Alarm;
      at = parent;
    }
    heap[at] = alarm;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Alarm;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Alarm, heap[child] as Alarm)) child++;
      if (!isBefore(heap[child] as Alarm, last)) break;
      heap[at] = heap[child] as Alarm;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Alarm, other: Alarm): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
