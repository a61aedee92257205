/**
 * `child_process.send`, the channel that Node gives to a forked child, in both of its serialisations. The server is the parent; the client is its
 * child, so the job reaches it through the environment of the fork.
 */
import { fork, type SerializationType } from 'node:child_process';
import {
  type Contestant,
  type Endpoint,
  type Events,
  type Job,
  makeCheck,
  messageOf,
} from '../contestant.ts';

/** What the child's `process` and the parent's ChildProcess have in common. */
interface Channel {
  send?(message: object, handle: undefined, options: object, sent: () => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Messages handed over and not yet taken by the channel; it has no mark of its own that is told. */
const UNSENT_MAX = 500;

export function childProcess(serialization: SerializationType): Contestant {
  return {
    name: `child-${serialization}`,
    forks: true,
    missing: () => undefined,
    serve: async (job, events) => {
      const [program = '', ...rest] = process.argv.slice(1);
      const child = fork(program, rest, {
        serialization,
        // Options such as a profiler's are for one process.
        execArgv: [],
        env: { ...process.env, RINGWIRE_BENCH_ROLE: 'client' },
      });
      child.on('spawn', () => events.opened(child));
      return endpointOf(child, job, events, () => child.kill());
    },
    connect: async (job, events) => {
      setImmediate(() => events.opened(process));
      return endpointOf(process, job, events, () => process.disconnect());
    },
  };
}

function endpointOf(channel: Channel, job: Job, events: Events, close: () => void): Endpoint {
  const data = messageOf(job.data) as object;
  const check = makeCheck(job.data);
  let unsent = 0;
  let full = false;
  channel.on('message', (arrived) => {
    check(arrived);
    events.received(channel, 1);
  });
  const sent = (): void => {
    unsent--;
    if (!full || unsent > UNSENT_MAX / 2) return;
    full = false;
    events.drained(channel);
  };
  return {
    address: job.address,
    send: () => {
      channel.send?.(data, undefined, {}, sent);
      full = ++unsent >= UNSENT_MAX;
      return !full;
    },
    close,
  };
}
