/**
 * Messages from the clients to the server as fast as they go, over datagrams as fast as they arrive: one client, or several that share the count (fan-in). The server measures.
 */
import { DATAGRAMS } from './datagrams.ts';
import { Counter, ignore, openClient, type Shape, type Side } from './shape.ts';

export const ONE_WAY: Shape = {
  measuring: 'server',
  serve: async (side) => {
    const { contestant, job, ready, done } = side;
    if (job.transport === 'udp') return DATAGRAMS.serve(side);
    const counter = new Counter(side, (measured, counted) => done({ counted, ...measured }));
    const endpoint = await contestant.serve(job, {
      opened: ignore,
      received: (_peer, messages) => counter.add(messages),
      drained: ignore,
    });
    ready(endpoint.address);
  },
  connect: async (side) => {
    const { count, peers, done } = side;
    if (side.job.transport === 'udp') return DATAGRAMS.connect(side);
    const counter = new Counter(side, ({ costs }, counted) => done({ counted, costs }));
    const senders = Array.from({ length: peers }, (_, index) =>
      // The first ones take what cannot be shared evenly.
      openSender(side, Math.floor((count + peers - 1 - index) / peers), counter),
    );
    for (const burst of await Promise.all(senders)) burst();
  },
};

/** @returns what makes it begin */
async function openSender(side: Side, count: number, counter: Counter): Promise<() => void> {
  let left = count;
  const burst = (): void => {
    // The last drain comes when everything has been sent and counted.
    if (left === 0) return;
    const before = left;
    let more = true;
    while (more && left > 0) {
      left--;
      more = endpoint.send(peer);
    }
    counter.add(before - left);
  };
  const { endpoint, peer } = await openClient(side, { received: ignore, drained: burst });
  return burst;
}
