/**
 * ringwire's modern face: messages by `send` and `on`, questions by `request` and `handle`.
 *
 * Invariant: the library under test is the one that the job names, so one harness measures any version.
 */
import type { PeerClient } from '../../api/client.ts';
import type { PeerServer } from '../../api/server.ts';
import type { ServerPeer } from '../../api/server-peer.ts';
import type { CodecName } from '../../codecs/codec.ts';
import type { ReceiveMode } from '../../codecs/raw.ts';
import type { Frame } from '../../frames/frame.ts';
import {
  COMPARE_EVERY,
  type Contestant,
  type Endpoint,
  EVENT,
  type Events,
  type Job,
  makeCheck,
  messageOf,
} from '../contestant.ts';

interface Options {
  readonly codec: CodecName;
  readonly receive?: ReceiveMode;
  /** Each message is a request, and the one that comes back its answer. */
  readonly request?: boolean;
}

type Library = typeof import('../../api/api.ts');

export function modern(name: string, options: Options): Contestant {
  return {
    name,
    ours: true,
    missing: () => undefined,
    serve: (job, events) => serve(job, events, options),
    connect: (job, events) => connect(job, events, options),
  };
}

function addressOf({ transport, address }: Job): string {
  return transport === 'unix' ? `unix:${address}` : `${transport}://127.0.0.1:${address}`;
}

async function serve(
  job: Job,
  events: Events,
  { codec, receive = 'copy', request }: Options,
): Promise<Endpoint> {
  const { listen } = (await import(job.library)) as Library;
  const data = messageOf(job.data);
  const tls = job.tls === undefined ? {} : { tls: { private: job.tls.key, public: job.tls.cert } };
  const server: PeerServer = await listen(addressOf(job), { id: 'bench', codec, receive, ...tls });
  server.lifecycle.on('connect', (peer) => events.opened(peer));
  server.lifecycle.on('drain', (peer) => events.drained(peer));
  let answer: unknown;
  if (request) {
    const check = makeCheck(job.data);
    server.handle(EVENT, (input, { peer }) => {
      check(input);
      answer = undefined;
      events.received(peer, 1);
      return answer;
    });
  } else hear(server, job, receive, (peer) => events.received(peer as ServerPeer, 1));
  return {
    address: typeof job.address === 'string' ? job.address : Number(server.address.split(':').at(-1)),
    // The shape answers while the handler runs.
    send: request
      ? () => {
          answer = data;
          return true;
        }
      : (peer) => (peer as ServerPeer).send(EVENT, data),
    broadcast: () => server.broadcast(EVENT, data),
    close: () => void server.close(),
  };
}

async function connect(
  job: Job,
  events: Events,
  { codec, receive = 'copy', request }: Options,
): Promise<Endpoint> {
  const library = (await import(job.library)) as Library;
  const data = messageOf(job.data);
  const tls = job.tls === undefined ? {} : { tls: { trustedConnections: job.tls.cert } };
  const client: PeerClient = await library.connect(addressOf(job), { id: 'bench', codec, receive, ...tls });
  client.lifecycle.on('drain', () => events.drained(client));
  hear(client, job, receive, () => events.received(client, 1));
  setImmediate(() => events.opened(client));
  return {
    address: job.address,
    send: request ? asker(client, data, job, events) : () => client.send(EVENT, data),
    close: () => void client.close(),
  };
}

function asker(client: PeerClient, data: unknown, job: Job, events: Events): () => boolean {
  const check = makeCheck(job.data);
  const answered = (answer: unknown): void => {
    check(answer);
    events.received(client, 1);
  };
  return () => {
    client.request(EVENT, data).then(answered, (error: unknown) => {
      throw error;
    });
    return true;
  };
}

function hear(
  from: PeerServer | PeerClient,
  job: Job,
  receive: ReceiveMode,
  received: (peer: unknown) => void,
): void {
  const check = makeCheck(job.data, receive === 'frame' ? 1 : COMPARE_EVERY);
  if (receive !== 'frame') {
    (from as PeerServer).on(EVENT, (data, peer) => {
      check(data);
      received(peer);
    });
    return;
  }
  let seen = 0;
  (from as PeerServer).on(EVENT, (frame: Frame, peer) => {
    if (frame.end - frame.start !== job.data) throw new Error('a frame of another size');
    if (seen++ % COMPARE_EVERY === 0) check(frame.bytes.subarray(frame.start, frame.end));
    received(peer);
  });
}
