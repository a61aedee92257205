/**
 * The package `zeromq`: one pair of sockets, bytes as they are, values as JSON text. Its `send` takes one message at a time and answers with a promise.
 */
import {
  type Contestant,
  type Endpoint,
  type Events,
  type Job,
  makeCheck,
  messageOf,
} from '../contestant.ts';
import { findPackage, loadPackage } from '../optional.ts';

/** The part of zeromq.js that is used here. */
interface Pair extends AsyncIterable<Buffer[]> {
  readonly lastEndpoint: string | null;
  bind(address: string): Promise<void>;
  connect(address: string): void;
  send(message: Buffer | string): Promise<void>;
  close(): void;
}

export const ZEROMQ: Contestant = {
  name: 'zeromq',
  missing: () => (findPackage('zeromq') === undefined ? 'zeromq is not installed' : undefined),
  serve: async (job, events) => {
    const pair = await makePair();
    await pair.bind(urlOf(job, '*'));
    const port = pair.lastEndpoint?.split(':').at(-1);
    void receive(pair, job, events);
    return endpointOf(pair, job, events, typeof job.address === 'string' ? job.address : Number(port));
  },
  connect: async (job, events) => {
    const pair = await makePair();
    pair.connect(urlOf(job, String(job.address)));
    void receive(pair, job, events);
    // It queues until it is connected.
    setImmediate(() => events.opened(pair));
    return endpointOf(pair, job, events, job.address);
  },
};

async function makePair(): Promise<Pair> {
  const { Pair: Class } = (await loadPackage('zeromq')) as { Pair: new () => Pair };
  return new Class();
}

function urlOf({ address }: Job, port: string): string {
  return typeof address === 'string' ? `ipc://${address}` : `tcp://127.0.0.1:${port}`;
}

function endpointOf(pair: Pair, job: Job, events: Events, address: string | number): Endpoint {
  const data = messageOf(job.data);
  const waiting: (Buffer | string)[] = [];
  let sending = false;
  const drain = async (): Promise<void> => {
    sending = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await pair.send(next);
    sending = false;
    events.drained(pair);
  };
  return {
    address,
    send: () => {
      waiting.push(Buffer.isBuffer(data) ? data : JSON.stringify(data));
      if (!sending) void drain();
      return false;
    },
    close: () => pair.close(),
  };
}

async function receive(pair: Pair, job: Job, events: Events): Promise<void> {
  const check = makeCheck(job.data);
  for await (const [message] of pair) {
    check(typeof job.data === 'number' ? message : JSON.parse(String(message)));
    events.received(pair, 1);
  }
}
