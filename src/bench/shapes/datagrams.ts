/**
 * Messages from a client to a server over a transport that loses: the client keeps at most a window of messages without credit, and the
 * server grants credit for every so many that came. So the sender does not simply fill a buffer that nobody can empty, and the rate is that of
 * messages that arrived. What was sent and never credited is told beside it.
 *
 * Invariant: both sides end with the same count of messages that arrived, whatever was lost on the way.
 */
import type { Contestant, Endpoint } from '../contestant.ts';
import { Counter, ignore, openClient, type Shape, type Side } from './shape.ts';

/** As many small datagrams as a receive buffer of 4 MiB surely holds. */
const WINDOW = 4_096;
/** Credits for a full window: few enough that they cost nothing, enough that none is waited for. */
const CREDITS_PER_WINDOW = 8;
/** Without credit for so long, what was sent is lost. */
const STALL_MS = 1_000;

export const DATAGRAMS: Shape = { measuring: 'server', serve, connect };

async function serve(side: Side): Promise<void> {
  const { contestant, job, count, ready, done } = side;
  const counter = new Counter(side, (measured, counted) => done({ counted, ...measured }));
  const credit = creditOf(contestant);
  let uncredited = 0;
  const endpoint: Endpoint = await contestant.serve(job, {
    opened: ignore,
    received: (peer, messages) => {
      uncredited += messages;
      // The client goes on until its last credit has come: the count is over by then.
      if (counter.counted < count) counter.add(Math.min(messages, count - counter.counted));
      for (; uncredited >= credit; uncredited -= credit) endpoint.send(peer);
    },
    drained: ignore,
  });
  ready(endpoint.address);
}

async function connect(side: Side): Promise<void> {
  const { contestant, count, done } = side;
  const credit = creditOf(contestant);
  const window = credit * CREDITS_PER_WINDOW;
  let sent = 0;
  let credited = 0;
  let lost = 0;
  const counter = new Counter(side, ({ costs }, counted) => {
    clearInterval(timer);
    done({ counted, costs, lost: lost / sent });
  });
  const burst = (): void => {
    let more = counter.counted < count;
    while (more && sent - credited - lost < window) {
      sent++;
      more = endpoint.send(peer);
    }
  };
  const received = (_peer: unknown, credits: number): void => {
    timer.refresh();
    const messages = credits * credit;
    credited += messages;
    if (counter.counted < count) counter.add(Math.min(messages, count - counter.counted));
    burst();
  };
  const { endpoint, peer } = await openClient(side, { received, drained: burst });
  const timer: NodeJS.Timeout = setInterval(() => {
    // What comes late after all makes the window a little larger, no more.
    lost = Math.max(lost, sent - credited);
    burst();
  }, STALL_MS);
  burst();
}

/** Messages that one credit stands for. */
function creditOf({ window = WINDOW }: Contestant): number {
  return window / CREDITS_PER_WINDOW;
}
