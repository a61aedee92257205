/**
 * Questions and answers. Closed loop: a number of questions is in flight, each answer makes room for the next; throughput, and the time of a
 * round trip. Open loop: questions leave on a schedule, whatever became of those before, and each is timed from the moment that it was due,
 * so a stall counts for every question that it held up (coordinated omission).
 *
 * Invariant: answers come in the order of the questions, which every stream keeps; so the nth answer belongs to the nth question.
 */
import type { Endpoint } from '../contestant.ts';
import { LatencyRecorder } from '../latencies.ts';
import { Counter, ignore, openClient, type Shape, type Side } from './shape.ts';

/** With many in flight one question in so many is timed: the clock would cost more than the message. */
const TIMED_EVERY = 16;

export const ECHO: Shape = { measuring: 'client', serve: serveEcho, connect: connectClosed };
export const OPEN_LOOP: Shape = { measuring: 'client', serve: serveEcho, connect: connectOpen };

async function serveEcho(side: Side): Promise<void> {
  const { contestant, job, ready, done } = side;
  const counter = new Counter(side, ({ costs }, counted) => done({ counted, costs }));
  const endpoint: Endpoint = await contestant.serve(job, {
    opened: ignore,
    received: (peer, messages) => {
      for (let index = 0; index < messages; index++) endpoint.send(peer);
      counter.add(messages);
    },
    drained: ignore,
  });
  ready(endpoint.address);
}

async function connectClosed(side: Side): Promise<void> {
  const { count, warm, inFlight } = side;
  const { recorder, counter } = makeMeters(side);
  const every = inFlight === 1 ? 1 : TIMED_EVERY;
  const sentAt = new Float64Array(Math.ceil(inFlight / every) + 1);
  let sent = 0;
  let answered = 0;
  const ask = (): void => {
    if (sent === count) return;
    if (sent % every === 0) sentAt[(sent / every) % sentAt.length] = performance.now();
    sent++;
    endpoint.send(peer);
  };
  const received = (_peer: unknown, messages: number): void => {
    for (let index = 0; index < messages; index++) {
      if (answered % every === 0 && answered >= warm)
        recorder.record(performance.now() - (sentAt[(answered / every) % sentAt.length] as number));
      answered++;
      ask();
    }
    counter.add(messages);
  };
  const { endpoint, peer } = await openClient(side, { received, drained: ignore });
  for (let index = 0; index < inFlight; index++) ask();
}

async function connectOpen(side: Side): Promise<void> {
  const { count, warm } = side;
  const { recorder, counter } = makeMeters(side);
  const interval = 1_000 / side.perSecond;
  let sent = 0;
  let answered = 0;
  const received = (_peer: unknown, messages: number): void => {
    const now = performance.now();
    for (let index = 0; index < messages; index++, answered++)
      if (answered >= warm) recorder.record(now - (start + answered * interval));
    counter.add(messages);
  };
  const { endpoint, peer } = await openClient(side, { received, drained: ignore });
  const start = performance.now();
  const sendDue = (): void => {
    const due = Math.min(count, Math.floor((performance.now() - start) / interval) + 1);
    for (; sent < due; sent++) endpoint.send(peer);
    // No timer is as fine as the schedule: the sender's core is busy, which is what keeps it punctual.
    if (sent < count) setImmediate(sendDue);
  };
  sendDue();
}

function makeMeters(side: Side): { recorder: LatencyRecorder; counter: Counter } {
  const recorder = new LatencyRecorder();
  const counter = new Counter(side, (measured, counted) =>
    side.done({ counted, ...measured, latencies: recorder.latencies }),
  );
  return { recorder, counter };
}
