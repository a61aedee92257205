/**
 * One server to many clients: each broadcast reaches all of them. The count is that of deliveries; the client process, which holds all the
 * connections, measures. Each client says one message first, so that the server knows its wire.
 */
import type { Endpoint } from '../contestant.ts';
import { Counter, ignore, openClient, type Shape } from './shape.ts';

export const FAN_OUT: Shape = {
  measuring: 'client',
  serve: async (side) => {
    const { contestant, job, count, peers, ready, done } = side;
    const counter = new Counter(side, ({ costs }, counted) => done({ counted, costs }));
    let left = count / peers;
    let joined = 0;
    const burst = (): void => {
      const before = left;
      let more = joined === peers;
      while (more && left > 0) {
        left--;
        more = endpoint.broadcast?.() ?? false;
      }
      counter.add((before - left) * peers);
    };
    const endpoint: Endpoint = await contestant.serve(job, {
      opened: ignore,
      received: (_peer, messages) => {
        joined += messages;
        if (joined === peers) burst();
      },
      // Others may be full still: as soon as they say so again it is their turn to drain.
      drained: burst,
    });
    ready(endpoint.address);
  },
  connect: async (side) => {
    const counter = new Counter(side, (measured, counted) => side.done({ counted, ...measured }));
    const received = (_peer: unknown, messages: number): void => counter.add(messages);
    for (let index = 0; index < side.peers; index++) {
      const { endpoint, peer } = await openClient(side, { received, drained: ignore });
      endpoint.send(peer);
    }
  },
};
